package normalize

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// page makes a page of the columns wanted out of rows; the first row is row
// `from` of the file. Rows without any text, wanted or not, are blank.
func page(file string, from int64, wanted, header []string, rows [][]string) connectors.Page {
	var fields []arrow.Field
	var columns []arrow.Array
	for _, name := range wanted {
		at := slices.Index(header, name)
		b := array.NewStringBuilder(memory.DefaultAllocator)
		for _, r := range rows {
			b.Append(r[at])
		}
		fields, columns = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String}), append(columns, b.NewArray())
	}
	var blank []int
	for i, r := range rows {
		if strings.TrimSpace(strings.Join(r, "")) == "" {
			blank = append(blank, i)
		}
	}
	return connectors.Page{
		Blank:   blank,
		Records: array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(len(rows))),
		Origin:  connectors.Origin{File: file, Row: from},
	}
}

// An observed is one observation in words.
type observed struct {
	period string
	codes  string
	value  int64
	place  Place
	status Status
}

func (o observed) String() string {
	s := fmt.Sprintf("%s %s %d", o.period, o.codes, o.value)
	if o.status != Exact {
		s += " " + o.status.String()
	}
	return s
}

// collect turns observations into words.
func collect(into *[]observed) func(Observations) error {
	return func(o Observations) error {
		if len(o.Period) != o.Rows() || len(o.Status) != o.Rows() || len(o.File) != o.Rows() || len(o.Row) != o.Rows() {
			return fmt.Errorf("columns of %d, %d, %d and %d rows", o.Rows(), len(o.Period), len(o.File), len(o.Row))
		}
		for i := range o.Rows() {
			var codes []string
			for _, d := range o.Dims {
				codes = append(codes, d.Dict[d.Index[i]])
			}
			*into = append(*into, observed{
				o.Periods[o.Period[i]].String(), strings.Join(codes, ","), o.Value[i], Place{o.Files[o.File[i]], o.Row[i]}, o.Status[i],
			})
		}
		return nil
	}
}

// runRows normalizes rows in pages of the given size; row 2 is the first.
func runRows(n *Normalizer, m Mapping, header []string, rows [][]string, size int) ([]observed, Report, error) {
	var got []observed
	for from := 0; from < len(rows); from += size {
		p := page("in.csv", int64(from+2), m.Columns(), header, rows[from:min(from+size, len(rows))])
		if err := n.Page(p, collect(&got)); err != nil {
			return nil, Report{}, err
		}
	}
	r, err := n.Close(collect(&got))
	return got, r, err
}

func readCSV(t testing.TB, text string) (header []string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

func mustList(t testing.TB, name, text string) codelist.List {
	t.Helper()
	l, err := codelist.Read(name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustPeriod(t testing.TB, s string) privacy.Period {
	t.Helper()
	p, err := privacy.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// since declares all periods from one on.
func since(t testing.TB, first string) func(privacy.Period) bool {
	p := mustPeriod(t, first)
	return func(q privacy.Period) bool { return !q.Before(p) }
}

const placesCSV = `code,parent,level,label_en,synonyms
AFR,,region,Africa,
EUR,,region,Europe,
TD,AFR,country,Chad,Tchad
NE,AFR,country,Niger,
FR,EUR,country,France,
ATA,,region,Antarctica,
`

const sexCSV = "code,label_en\nF,Female\nM,Male\n"

// simple maps columns year, place, sex and n; every row is its own.
func simple(t testing.TB) Mapping {
	return Mapping{
		Source: "agency",
		Unit:   Unit{Const: "count"},
		Period: Period{Column: "year"},
		Value:  Value{Column: "n"},
		Dimensions: []Dimension{
			{Name: "place", Rules: []Rule{{Column: "place"}}, List: mustList(t, "places.csv", placesCSV)},
			{Name: "sex", Rules: []Rule{{Column: "sex"}}, List: mustList(t, "sex.csv", sexCSV)},
		},
		KeyRow:     true,
		Quarantine: 1,
	}
}
