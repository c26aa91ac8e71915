package interval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"regexp"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/dataset"
	"halftone/outputs/interval"
	"halftone/privacy"
)

// files are a version in memory.
type files map[string][]byte

func (f files) Read(_ context.Context, name string) ([]byte, error) {
	if b, ok := f[name]; ok {
		return b, nil
	}
	return nil, fs.ErrNotExist
}

// sealedOnce is a ledger that charges nothing: these releases hold made-up counts.
type sealedOnce map[privacy.Key][]byte

func (l sealedOnce) Reserve(context.Context, privacy.Charge) error { return nil }

func (l sealedOnce) Seal(_ context.Context, k privacy.Key, file []byte) error {
	l[k] = file
	return nil
}

func (l sealedOnce) Sealed(_ context.Context, k privacy.Key) ([]byte, error) {
	if b, ok := l[k]; ok {
		return b, nil
	}
	return nil, privacy.ErrNotReleased
}

// ragged has 3 regions of 1, 2 and 5 districts, and two forms; all tables up to
// district by form.
func ragged(mechanism string, nano uint64) privacy.Spec {
	root := privacy.Level{Name: "all", Codes: []string{privacy.Total}}
	s := privacy.Spec{Dataset: "t", Series: 1, Measure: "flow", Unit: "event", Every: "year", Editions: 2, Mechanism: mechanism,
		Dimensions: []privacy.Dimension{
			{Name: "place", Levels: []privacy.Level{root, {Name: "region", Codes: []string{"N", "E", "S"}, Parent: []uint32{0, 0, 0}},
				{Name: "district", Codes: []string{"N1", "E1", "E2", "S1", "S2", "S3", "S4", "S5"}, Parent: []uint32{0, 1, 1, 2, 2, 2, 2, 2}}}},
			{Name: "form", Levels: []privacy.Level{root, {Name: "form", Codes: []string{"A", "B"}, Parent: []uint32{0, 0}}}}},
		Sources: []privacy.Source{{Name: "a", PerPeriod: 1, Periods: 1, Sensitivity: 1}},
		Budget:  privacy.Budget{NanoRho: 2 * nano, NanoEpsilon: 2 * nano, Delta: 1e-6}}
	for _, t := range []struct {
		name   string
		levels []int
	}{{"total", []int{0, 0}}, {"by-region", []int{1, 0}}, {"by-form", []int{0, 1}}, {"by-district", []int{2, 0}}, {"by-district-form", []int{2, 1}}} {
		s.Tables = append(s.Tables, privacy.Table{Name: t.name, Levels: t.levels})
	}
	return s
}

// counts of 2018, by district and form; those of 2019 are a third more, rounded down.
var counts = [8][2]int64{{400, 80}, {120, 40}, {300, 0}, {5, 0}, {90, 60}, {33, 12}, {210, 140}, {700, 55}}

func count(year string, district, form int) int64 {
	if year == "2019" {
		return counts[district][form] * 4 / 3
	}
	return counts[district][form]
}

func release(t testing.TB, s privacy.Spec, year string, edition int) privacy.Release {
	t.Helper()
	p, err := privacy.ParsePeriod(year)
	if err != nil {
		t.Fatal(err)
	}
	c, err := privacy.NewCube(s, p)
	if err != nil {
		t.Fatal(err)
	}
	var codes [2][]uint32
	var n []int64
	for d := range counts {
		for f := range 2 {
			codes[0], codes[1], n = append(codes[0], uint32(d)), append(codes[1], uint32(f)), append(n, count(year, d, f))
		}
	}
	if err := c.Add(codes[:], n); err != nil {
		t.Fatal(err)
	}
	r, err := privacy.Measure(t.Context(), s, c, privacy.Key{Dataset: "t", Series: 1, Period: p, Edition: edition}, privacy.Input{}, sealedOnce{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// publish writes the files that a question reads.
func publish(t testing.TB, about outputs.About, releases ...privacy.Release) files {
	t.Helper()
	f := files{"datapackage.json": []byte(`{"halftone":{"lead":"` + about.Lead + `"}}`), "releases.csv": []byte("period,break\n")}
	m, err := privacy.NewNoiseModel("v", releases, 1)
	if err != nil {
		t.Fatal(err)
	}
	if f["noise-model.json"], err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	for _, l := range about.Codes {
		if f[dataset.CodesPath(l.Dimension)], err = dataset.Codes(about, l); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(f, tables(t, about, releases...))
	return f
}

// tables are the files of data/.
func tables(t testing.TB, about outputs.About, releases ...privacy.Release) files {
	t.Helper()
	f, v := files{}, outputs.Version{Name: "v", About: about}
	for _, r := range releases {
		v.Releases = append(v.Releases, outputs.Edition{Release: r})
	}
	tables, err := v.Tables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if f[dataset.CSVPath(table.Name)], err = dataset.NewSheet(about, table).CSV(); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

var about = outputs.About{Lead: "by-region", Languages: []string{"en", "fr"}, Codes: []outputs.CodeList{{Dimension: "place", Codes: []outputs.Code{
	{Code: "_T", Level: "all"},
	{Code: "N", Parent: "_T", Level: "region", Label: outputs.Text{"en": "North", "fr": "Nord"}},
	{Code: "E", Parent: "_T", Level: "region", Label: outputs.Text{"en": "East", "fr": "Est"}},
	{Code: "S", Parent: "_T", Level: "region", Label: outputs.Text{"en": "South, the \"deep\" one", "fr": "Sud"}},
	{Code: "N1", Parent: "N", Level: "district", Label: outputs.Text{"en": "Newtown"}},
	{Code: "E1", Parent: "E", Level: "district", Label: outputs.Text{"en": "Springfield"}},
	{Code: "S1", Parent: "S", Level: "district", Label: outputs.Text{"en": "Springfield"}}}}}}

func open(t testing.TB, f files) *interval.Version {
	t.Helper()
	v, err := interval.Open(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func ask(t testing.TB, v *interval.Version, text string) (interval.Answer, error) {
	t.Helper()
	e, err := interval.Parse(text)
	if err != nil {
		return interval.Answer{}, err
	}
	return v.Ask(t.Context(), e)
}

func must(t testing.TB, v *interval.Version, text string) interval.Answer {
	t.Helper()
	a, err := ask(t, v, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return a
}

func figures(a interval.Answer) string {
	var out []string
	for _, t := range a.Terms {
		out = append(out, t.String())
	}
	return strings.Join(out, " ")
}

func TestNames(t *testing.T) {
	s := ragged("planner", 5e7)
	v := open(t, publish(t, about, release(t, s, "2018", 2), release(t, s, "2019", 1)))
	for _, tc := range []struct{ text, want string }{
		{"by-region[S]", "by-region[S]@2019.1"},
		{"by-region[north]", "by-region[N]@2019.1"},
		{"by-region[ NORD ]", "by-region[N]@2019.1"},
		{`by-region["South, the ""deep"" one"]@2018`, "by-region[S]@2018.2"},
		{"by-region[place=est]@2018.2", "by-region[E]@2018.2"},
		{"by-district-form[n1,a]", "by-district-form[N1,A]@2019.1"},
		{"by-district-form[B,Newtown]", "by-district-form[N1,B]@2019.1"},
		{"by-district-form[*,place=N1]", "by-district-form[N1,A]@2019.1 by-district-form[N1,B]@2019.1"},
		{"by-region[*]", "by-region[N]@2019.1 by-region[E]@2019.1 by-region[S]@2019.1"},
		{"2018", "total@2018.2"}, // by-region leads, but here is a total
		{"2019 - 2018.2", "total@2019.1 total@2018.2"},
		{"total + 0*by-region[S]", "total@2019.1 by-region[S]@2019.1"},
	} {
		a, err := ask(t, v, tc.text)
		if err != nil || figures(a) != tc.want {
			t.Errorf("%s names %s (%v), want %s", tc.text, figures(a), err, tc.want)
		}
	}
	for _, tc := range []struct {
		text string
		at   int
		want string
	}{
		{"by-regio[S]", 1, `no table "by-regio"; did you mean "by-region"?`},
		{"total - nothing", 9, "the version has total, by-region, by-form, by-district and by-district-form"},
		{"by-region[Sauth]", 11, `by-region has no place "Sauth"; there are`},
		{"by-region[Nort]", 11, `did you mean "North"?`},
		{"by-region[S1]", 11, `by-region has no place "S1"`},
		{"by-district[Springfield]", 13, `may be place=E1 or place=S1: name the code`},
		{"by-region[plaice=S]", 18, `is not by "plaice"; did you mean "place"?`},
		{"total[S]", 7, "a code too many"},
		{"total[place=S]", 13, "it is a total"},
		{"by-district-form[N1]", 1, "by-district-form is by form: say which, as in by-district-form[place=N1,form=A]"},
		{"by-district-form[*]", 18, "say of which dimension: place=*"},
		{"by-region[S,S]", 13, "a code too many"},
		{"by-region[S]@2017", 14, "no figures of 2017; it has 2018 … 2019"},
		{"total / 2000", 9, "2000.000"},
		{"by-region[S]@2018.3", 14, "the version has edition 2 of 2018, not 3"},
		{"by-region[S]@2018.1", 14, "earlier editions are in earlier versions"},
		{"by-region[S]@yesterday", 14, "is not a period, such as 2019"},
		{"total * 2018", 7, "two figures cannot be multiplied"},
		{"total / (2018 / 2019)", 7, "a ratio of ratios"},
		{"total / (1 - 1)", 7, "division by 0"},
		{"1 / ((2018 - 2018) / 2019)", 3, "division by 0"},
		{"1 + 2", 1, "names no figure"},
	} {
		_, err := ask(t, v, tc.text)
		m, ok := err.(*interval.Mistake)
		if !ok || m.At != tc.at || !strings.Contains(m.Text, tc.want) {
			t.Errorf("%s: %v; want character %d: %s", tc.text, err, tc.at, tc.want)
		}
	}
}

// What an answer says beside its numbers.
func TestAnswers(t *testing.T) {
	s := ragged("planner", 5e7)
	old, first, second := release(t, s, "2018", 1), release(t, s, "2018", 2), release(t, s, "2019", 1)
	f := publish(t, about, first, second)
	f["releases.csv"] = []byte("period,break\n2018,\n2019,source_joined\n")
	v := open(t, f)
	if a := must(t, v, "2019 - 2018"); len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "a break lies at 2019 (source_joined)") {
		t.Errorf("across a break it warns %q", a.Warnings)
	}
	later := publish(t, about, first, release(t, s, "2020", 1))
	later["releases.csv"] = []byte("period,provisional,break\n2018,false,\n2019,,\n2020,true,\n")
	if a := must(t, open(t, later), "2020 - 2018"); len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "2019 lies between the periods and is withdrawn") {
		t.Errorf("across a withdrawn period it warns %q", a.Warnings)
	}
	if a := must(t, open(t, later), "by-region[S] - by-region[N]"); len(a.Warnings) != 0 {
		t.Errorf("within a period it warns %q", a.Warnings)
	}
	if a := must(t, v, "2019 - total"); len(a.Warnings) != 0 || a.Estimate != 0 || a.SD != 0 || a.Low != 0 || a.High != 0 {
		t.Errorf("a figure less itself: %+v", a)
	}
	c, err := second.Cells("by-region")
	if err != nil {
		t.Fatal(err)
	}
	if a := must(t, v, "by-region[S]"); int64(a.Low) != c.Low[2] || int64(a.High) != c.High[2] {
		t.Errorf("a figure alone: %v to %v, published as %d to %d", a.Low, a.High, c.Low[2], c.High[2])
	}
	for text, zero := range map[string]bool{"by-district[S5]/by-region[S]": true, "(by-district[S1] - total)/total": false} {
		if a := must(t, v, text); !a.Ratio || a.Low < 0 == zero || a.Low > a.Estimate || a.High < a.Estimate {
			t.Errorf("%s: %v (%v to %v)", text, a.Estimate, a.Low, a.High)
		}
	}
	// All parts of the total are the total, noise and all.
	whole, parts := must(t, v, "2*total"), must(t, v, "2*by-district-form[place=*,form=*]")
	if d, e := whole.SD-parts.SD, whole.Estimate-parts.Estimate; math.Abs(d) > 1e-9 || math.Abs(e) > 0.02 {
		t.Errorf("the total is %v ± %v, its parts %v ± %v", whole.Estimate, whole.SD, parts.Estimate, parts.SD)
	}
	// Halves stay halves, and a constant is a shift.
	plain, half := must(t, v, "by-region[S] + by-region[N]"), must(t, v, "(by-region[S] + by-region[N])/2 + 10")
	if half.Low != plain.Low/2+10 || half.High != plain.High/2+10 || half.SD != plain.SD/2 {
		t.Errorf("half of %v … %v and 10 is %v … %v", plain.Low, plain.High, half.Low, half.High)
	}
	up, change := must(t, v, "2019/2018"), must(t, v, "100*(2019/2018 - 1)")
	if d := 100*(up.High-1) - change.High; d > 1e-9 || d < -1e-9 {
		t.Errorf("to %v, in per cent %v", up.High, change.High)
	}
	// One denominator is one ratio; another is another, and costs width.
	one, two := must(t, v, "by-region[S]/2018 - by-region[N]/2018"), must(t, v, "(by-region[S] - by-region[N])/2018")
	if one.Low != two.Low || one.High != two.High {
		t.Errorf("%v … %v and %v … %v", one.Low, one.High, two.Low, two.High)
	}
	a, b, both := must(t, v, "by-region[S]/total"), must(t, v, "by-region[S]@2018/2018"), must(t, v, "share(by-region[S], total) - share(by-region[S]@2018, 2018)")
	if !strings.Contains(both.Method, "Bonferroni") || both.High-both.Low <= a.High-a.Low+b.High-b.Low || both.Low > both.Estimate || both.Estimate > both.High {
		t.Errorf("of shares %v and %v the difference is %v", a, b, both)
	}
	// Not told from 0, whatever the noise was.
	f[dataset.CSVPath("by-district")] = regexp.MustCompile(`(?m)^(2019,.*,S1,.*,)[-0-9.]+(,[0-9.]+,[a-z_]+,1)$`).ReplaceAll(f[dataset.CSVPath("by-district")], []byte("${1}6.000$2"))
	if a := must(t, v, "total/(by-district[S1] - 5)"); a.Bounded || !strings.Contains(a.Refused, "not told from 0") {
		t.Errorf("over about 0: %+v", a)
	}
	// An edition that only an earlier version has: other noise, hence independent.
	v.Earlier = func(_ context.Context, p privacy.Period, edition int) (*interval.Version, error) {
		if edition != 1 || p.String() != "2018" {
			return nil, fs.ErrNotExist
		}
		return open(t, publish(t, about, old)), nil
	}
	revised, now := must(t, v, "2018.2 - 2018.1"), must(t, v, "2018.2 - 2019")
	if figures(revised) != "total@2018.2 total@2018.1" || fmt.Sprintf("%.9f", revised.SD) != fmt.Sprintf("%.9f", now.SD) {
		t.Errorf("%s has sd %v, of independent figures %v", figures(revised), revised.SD, now.SD)
	}
	// Files that do not belong together.
	f[dataset.CSVPath("total")] = bytes.ReplaceAll(f[dataset.CSVPath("total")], []byte(".0"), []byte(".1"))
	f[dataset.CSVPath("by-form")] = bytes.Replace(f[dataset.CSVPath("by-form")], []byte("2019,"), []byte("2017,"), 3)
	f[dataset.CSVPath("by-region")] = []byte("period\n")
	broken := open(t, f)
	for text, want := range map[string]string{"by-form[*]": "no line for by-form[A]@2019.1", "by-region[S]": "no column estimate"} {
		if _, err := ask(t, broken, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s of broken files: %v, want %s", text, err, want)
		}
	}
	f[dataset.CSVPath("total")] = []byte("period,estimate,sd,ci_low,ci_high,status,edition\n2018,1,1,0,1,ok,2\n2019,1,1,0,1,ok,1\n")
	if _, err := ask(t, open(t, f), "2018"); err == nil || !strings.Contains(err.Error(), "is not that of noise-model.json") {
		t.Errorf("another sd: %v", err)
	}
	f[dataset.CSVPath("total")] = []byte("period,estimate,sd,ci_low,ci_high,status,edition\n2018,,,,,withdrawn,2\n2019,1,1,0,1,ok,1\n")
	if _, err := ask(t, open(t, f), "2018"); err == nil || !strings.Contains(err.Error(), "total@2018.2 has no number: withdrawn") {
		t.Errorf("withdrawn: %v", err)
	}
}
