package normalize_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"halftone/connectors"
	"halftone/connectors/all"
	"halftone/connectors/connectortest"
	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
)

// A quirk is something that a publisher's files really do, in a file of a few
// rows made up for it. Its sources go all the way: from bytes, by a halftone.yaml,
// to observations.
type quirk struct {
	name    string
	file    string            // in.csv; another name tells another format
	data    string            // bytes of the file
	files   map[string]string // more files
	period  string            // of the dataset; empty: every year from 2010
	codes   map[string]string // dimension → lines of its code list; none: those of codesOfQuirks
	dims    string            // dimensions, in order
	read    string            // keys of the source: what its words say
	where   string
	mapping string   // what of `map` is not `unit: count`
	rest    string   // other keys of the source, a line each
	others  []string // the same of more sources, which read in2.csv, in3.csv …
	path    string   // pattern of files; empty: file
	want    string   // cells, outcomes and reasons, texts that no row has if the test is about them, L if it is not 1; or why it stops
}

// codesOfQuirks are small lists that most quirks share.
var codesOfQuirks = map[string]string{
	"place": "AME,,region,Americas,\nBRA,AME,country,Brazil,BR\nPER,AME,country,Peru,PE\nASI,,region,Asia,\nVNM,ASI,country,Viet Nam,Vietnam|VN\nLAO,ASI,country,Laos,LA\n",
	"sex":   "F,,sex,Female,Woman|Women|Girl\nM,,sex,Male,Man|Men|Boy\nO,,sex,Other,Transgender|Non-conforming\n",
	"age":   "Y0T17,,broad,under 18,\nY_GE18,,broad,18 and over,\n",
	"form":  "labour,,form,Forced labour,\nsexual,,form,Sexual exploitation,\nboth,,form,Both,\nother,,form,Other,\n",
}

const codesHead = "code,parent,level,label_en,synonyms\n"

const noRow = " | no row has "

func TestQuirks(t *testing.T) {
	seen := map[string]bool{}
	for _, q := range slices.Concat(glotipQuirks(), ctdcQuirks(), goalQuirks(), tableQuirks(), stockQuirks(), replyQuirks()) {
		if seen[q.name] {
			t.Errorf("%s stands twice", q.name)
		}
		seen[q.name] = true
		t.Run(q.name, func(t *testing.T) {
			if got := q.run(t); got != q.want {
				t.Errorf("got  %s\nwant %s", got, q.want)
			}
		})
	}
}

// run writes the quirk as a project, pulls its sources, and says what came of them.
func (q quirk) run(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if q.file == "" {
		q.file = "in.csv"
	}
	write(q.file, q.data)
	for name, text := range q.files {
		write(name, text)
	}
	var dims []string
	for _, d := range strings.Fields(q.dims) {
		lines, own := q.codes[d]
		if !own {
			lines = codesOfQuirks[d]
		}
		write(d+".csv", codesHead+lines)
		dims = append(dims, d+": "+d+".csv")
	}
	write("halftone.yaml", q.config(dims))
	d, _, err := config.Load(dir, "halftone.yaml", []string{"file"})
	if err != nil {
		return "refused: " + firstProblem(err)
	}
	return pulled(t, d, strings.Contains(q.want, noRow))
}

func (q quirk) config(dims []string) string {
	period := q.period
	if period == "" {
		period = "{every: year, from: 2010}"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "halftone: 1\ndataset: quirk\ntitle: A quirk\ncounts: cases\nunit: case\nlicence: CC0-1.0\npublisher: {name: An office, contact: a@example.org}\n"+
		"period: %s\ndimensions: {%s}\ntables: {total: {}}\nprivacy: {budget: {person: {epsilon: 1}}}\nsources:\n", period, strings.Join(dims, ", "))
	for i, mapping := range append([]string{q.mapping}, q.others...) {
		path := q.file
		switch {
		case i > 0:
			path = fmt.Sprintf("in%d.csv", i+1)
		case q.path != "":
			path = q.path
		}
		unit := "unit: count, "
		if strings.Contains(mapping, "unit:") {
			unit = ""
		}
		fmt.Fprintf(&b, "  s%d:\n    agency: An agency\n    from: {file: {path: %q}}\n    contribution: {per_period: 1, periods: 1, stated_by: nobody}\n    map: {%s%s}\n", i+1, path, unit, mapping)
		for key, text := range map[string]string{"read": q.read, "where": q.where} {
			if text != "" {
				fmt.Fprintf(&b, "    %s: {%s}\n", key, text)
			}
		}
		for line := range strings.Lines(q.rest) {
			b.WriteString("    " + strings.TrimSpace(line) + "\n")
		}
	}
	return b.String()
}

func firstProblem(err error) string {
	line := firstLine(err.Error())
	_, after, _ := strings.Cut(line, ": ")
	return after
}

// pulled takes all sources of a dataset.
func pulled(t *testing.T, d config.Dataset, withUnused bool) string {
	t.Helper()
	cells, outcomes, reasons := map[string]int64{}, map[normalize.Outcome]int64{}, map[string]int64{}
	var unused, l []string
	for i, s := range d.Sources {
		r, err := pullSource(t, d, s, cells)
		if err != nil {
			return "stops: " + reasonOf(err)
		}
		for o, n := range r.Outcomes {
			outcomes[o] += n
		}
		for why, n := range r.Reasons {
			reasons[why] += n
		}
		if withUnused {
			unused = append(unused, r.Unused...)
		}
		if got := d.Spec.Sources[i].Sensitivity; got != 1 {
			l = append(l, fmt.Sprintf(" | L %d", got))
		}
	}
	var out []string
	for _, cell := range slices.Sorted(maps.Keys(cells)) {
		out = append(out, fmt.Sprintf("%s=%d", cell, cells[cell]))
	}
	said := strings.Join(out, ", ") + " |"
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		if outcomes[o] > 0 {
			said += fmt.Sprintf(" %s %d", o, outcomes[o])
		}
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		said += " | " + why
	}
	for _, u := range unused {
		said += noRow + u
	}
	return said + strings.Join(l, "")
}

// reasonOf drops whose fault it is and what to do about it.
func reasonOf(err error) string {
	head, below, more := strings.Cut(err.Error(), "\n")
	if more {
		head = firstLine(strings.TrimSpace(below))
	}
	head, _, _ = strings.Cut(head, ";")
	return head
}

func pullSource(t *testing.T, d config.Dataset, s config.Source, cells map[string]int64) (normalize.Report, error) {
	t.Helper()
	kinds := all.Kinds()
	kind := kinds[slices.IndexFunc(kinds, func(k connectors.Kind) bool { return k.Name == s.Kind })]
	src, err := kind.Open(t.Context(), connectors.Env{Dir: d.Dir, Columns: s.Columns, Match: s.Match, Layout: s.Layout}, s.Decode)
	if err != nil {
		return normalize.Report{}, err
	}
	s.Mapping.Quarantine = 1 // a few rows: one of them is more than any usual limit
	n := normalize.New(s.Mapping, d.Calendar.Holds, d.Spec.Every, d.Calendar.Bands)
	emit := func(o normalize.Observations) error {
		for i, v := range o.Value {
			cell := o.Periods[o.Period[i]].String()
			for _, c := range o.Dims {
				cell += " " + c.Dict[c.Index[i]]
			}
			cells[cell] += v
		}
		return nil
	}
	for page, err := range src.Read(t.Context(), "") {
		if err != nil {
			return normalize.Report{}, err
		}
		err = n.Page(page, emit)
		page.Records.Release()
		if err != nil {
			return normalize.Report{}, err
		}
	}
	return n.Close(emit)
}

// sheet makes the XML of rows of texts; merges are areas of merged cells. The
// dimension that connectortest.Workbook states is wrong, as some publishers' is.
func workbook(merges []string, rows ...string) string {
	var b, behind strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, `<row r="%d">`, i+1)
		for j, cell := range strings.Split(row, "|") {
			if cell != "" {
				fmt.Fprintf(&b, `<c r="%c%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, 'A'+j, i+1, strings.ReplaceAll(cell, "<", "&lt;"))
			}
		}
		b.WriteString("</row>")
	}
	for _, m := range merges {
		fmt.Fprintf(&behind, `<mergeCell ref="%s"/>`, m)
	}
	return string(connectortest.Workbook(b.String(), "<mergeCells>"+behind.String()+"</mergeCells>", nil))
}
