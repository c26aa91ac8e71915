package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// The worlds that the channels are checked in, by mechanism: one that lives
// through everything, one of other rows under the same configuration, and one that
// is killed and served by real processes.
type leakWorlds struct {
	live, twin, served []*leakWorld
}

func (ws leakWorlds) all() (out []*leakWorld) {
	out = append(out, ws.live...)
	return append(append(out, ws.twin...), ws.served...)
}

// leakChannels are the ways by which exact data could get out, by the names that
// the design gives them. A feature that opens another way belongs here, too.
var leakChannels = []struct {
	name  string
	check func(*testing.T, leakWorlds)
}{
	{"Parquet or Arrow dictionaries keep categories that a slice excludes", leakDictionaries},
	{"Parquet footer: min/max, null and distinct counts, key-values, created_by", leakFooters},
	{"which rows exist, their order, file size", leakRows},
	{"publish time, no data this month", leakPublishTime},
	{"revisions, late data, overlapping tables", leakRevisions},
	{"coverage, statuses, reasons in changes.json", leakCoverage},
	{"noise scale", leakNoiseScale},
	{"notifications, webhooks", leakNotifications},
	{"code lists, synonyms, mapping files", leakCodeLists},
	{"randomness buffered across a process snapshot", leakRandomness},
	{"logs, panics, errors that quote a value", leakLogs},
	{"metrics, pprof, core dumps", leakMetrics},
	{"noise timing", leakTiming},
	{"floats, seeds, process snapshots", leakFloats},
	{"bounds, code lists or thresholds chosen by looking", leakLooking},
	{"previews, QA screens, error bars from exact values", leakPreviews},
	{"temp files, WAL, backups", leakTemp},
	{"complementary disclosure", leakComplementary},
}

// TestLeaks plants what must not get out, uses the program as officers do, and
// looks at every byte that left it.
func TestLeaks(t *testing.T) {
	keepUmask(t)
	site := newLeakSite(t)
	var ws leakWorlds
	for _, mechanism := range []string{"laplace", "planner"} {
		w := newLeakWorld(t, site, mechanism)
		w.live(t)
		ws.live = append(ws.live, w)
		w = newLeakWorld(t, site, mechanism)
		w.twin(t)
		ws.twin = append(ws.twin, w)
		w = newLeakWorld(t, site, mechanism)
		w.served(t)
		ws.served = append(ws.served, w)
	}
	for _, c := range leakChannels {
		t.Run(c.name, func(t *testing.T) { c.check(t, ws) })
	}
}

// The looking itself finds what it is for.
func TestLeaksAreFound(t *testing.T) {
	for _, mechanism := range []string{"laplace", "planner"} {
		c := newLeakCanaries(mechanism)
		n := c.count(leakFirst)
		sum := n + c.count(leakThird)
		plain := strconv.FormatInt(n, 10)
		for name, b := range map[string]string{
			"a name":               "x " + leakPerson,
			"in capitals":          strings.ToUpper(leakUnmapped),
			"base64":               base64.StdEncoding.EncodeToString([]byte("Bearer " + leakCredential + " ")),
			"hexadecimal":          hex.EncodeToString([]byte(leakCredential)),
			"a count":              `{"rows":` + plain + `}`,
			"a count with a point": plain + ".000",
			"grouped":              plain[:len(plain)-6] + "," + plain[len(plain)-6:len(plain)-3] + "," + plain[len(plain)-3:],
			"an integer":           string(binary.LittleEndian.AppendUint64([]byte{1, 2}, uint64(n))),
			"a float":              string(binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(n)))),
			"a sum":                strconv.FormatInt(sum, 10),
		} {
			if c.in([]byte(b), true) == nil {
				t.Errorf("%s: %s is not found in %q", mechanism, name, b)
			}
		}
		for name, b := range map[string]string{
			"in a digest": "ab" + plain + "cd", "another": strconv.FormatInt(n+1, 10), "decimals": "0." + plain, "longer": plain + "0",
		} {
			if found := c.in([]byte(b), true); found != nil {
				t.Errorf("%s: %s: %q is found in %q", mechanism, name, found, b)
			}
		}
		if c.in([]byte(strconv.FormatInt(sum, 10)), false) != nil {
			t.Errorf("%s: a sum is found where noise may give it", mechanism)
		}
	}
	// A file whose dictionary has what a slice left out, and whose bounds are of the whole.
	whole := leakColumn{name: "place", dictionary: values("N", "S", "W"), rows: values("N", "S")}
	whole.chunk = leakChunk{minValue: []byte("N"), maxValue: []byte("W"), distinct: 3}
	if got := strayDictionary(whole); !slices.Equal(got, []string{"W"}) {
		t.Errorf("the dictionary's stray entries are %q", got)
	}
	if got := strayStatistics(whole); len(got) != 2 {
		t.Errorf("the footer's stray statistics are %q", got)
	}
}

func values(texts ...string) (out []parquet.Value) {
	for _, s := range texts {
		out = append(out, parquet.ByteArrayValue([]byte(s)))
	}
	return out
}
