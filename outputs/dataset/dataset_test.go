package dataset_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"halftone/outputs"
	"halftone/outputs/dataset"
	"halftone/outputs/describe"
	"halftone/privacy"
)

func about() outputs.About {
	return outputs.About{Dataset: "d", Languages: []string{"en", "fr"}, Codes: []outputs.CodeList{{Dimension: "place", Codes: []outputs.Code{
		{Code: "_T", Level: "all", Label: outputs.Text{"en": "All", "fr": "Tout"}},
		{Code: "NA", Parent: "_T", Level: "country", Label: outputs.Text{"en": "Namibia, \"the\" land", "fr": "Namibie"}},
		{Code: "CI", Parent: "_T", Level: "country", Label: outputs.Text{"en": "Côte d’Ivoire\nwest"}},
	}}}}
}

func table(t testing.TB) outputs.Table {
	a, err := privacy.ParsePeriod("2025-Q4")
	if err != nil {
		t.Fatal(err)
	}
	b := a.Next()
	return outputs.Table{Name: "by-country", Dimensions: []outputs.Dimension{{Name: "place", Level: "country"}},
		Period: []privacy.Period{a, a, b, b}, Codes: [][]string{{"NA", "CI", "NA", "CI"}}, Cell: []int{0, -1, 0, 1},
		Status: []outputs.Status{outputs.OK, outputs.NotReleased, outputs.NoiseDominated, outputs.Partial},
		Value:  []int64{12, 0, 0, math.MaxInt64}, Low: []int64{5, 0, 0, 1}, High: []int64{19, 0, 4, math.MaxInt64},
		Estimate: []float64{12, 0, -0.0004, 1e15 + 0.125}, SD: []float64{2.0005, 0, 3.3335, 1. / 3}, Edition: []int{2, 2, 1, 1}}
}

const wantCSV = `period,period_start,place,place_label,value,ci_low,ci_high,estimate,sd,status,edition
2025-Q4,2025-10-01,NA,"Namibia, ""the"" land",12,5,19,12.000,2.001,ok,2
2025-Q4,2025-10-01,CI,"Côte d’Ivoire
west",,,,,,not_released,2
2026-Q1,2026-01-01,NA,"Namibia, ""the"" land",0,0,4,0.000,3.333,noise_dominated,1
2026-Q1,2026-01-01,CI,"Côte d’Ivoire
west",9223372036854775807,1,9223372036854775807,1000000000000000.125,0.333,partial,1
`

func TestCSV(t *testing.T) {
	got, err := dataset.NewSheet(about(), table(t)).CSV()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != wantCSV {
		t.Errorf("got\n%s\nwant\n%s", got, wantCSV)
	}
}

func TestCodes(t *testing.T) {
	got, err := dataset.Codes(about(), about().Codes[0])
	if err != nil {
		t.Fatal(err)
	}
	want := "code,parent,level,label_en,label_fr\n_T,,all,All,Tout\nNA,_T,country,\"Namibia, \"\"the\"\" land\",Namibie\nCI,_T,country,\"Côte d’Ivoire\nwest\",\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNano(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 1: "0.000000001", 1e9: "1", 1_500_000_000: "1.5", 24_355_970: "0.02435597", 10e9: "10"} {
		if got := dataset.Nano(n); got != want {
			t.Errorf("Nano(%d) = %q, want %q", n, got, want)
		}
	}
}

var footer = dataset.Footer{Dataset: "d", Version: "2026.11-1", Guarantee: "g", Licence: "CC0-1.0"}

func TestParquetReadsBack(t *testing.T) {
	for _, s := range []dataset.Sheet{dataset.NewSheet(about(), table(t)),
		dataset.NewAllSheet(about(), []string{"place", "form"}, []outputs.Table{table(t), table(t)})} {
		b, err := s.Parquet(footer)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Parquet(footer)
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s: other bytes for the same sheet (%v)", s.Name, err)
		}
		got, f, err := dataset.ReadParquet(b, s)
		if err != nil {
			t.Fatal(err)
		}
		if d, differs := got.Compare(s); differs || f != footer {
			t.Errorf("%s: differs at %+v, footer %+v", s.Name, d, f)
		}
		other := s
		other.Columns = s.Columns[1:]
		if _, _, err := dataset.ReadParquet(b, other); err == nil {
			t.Errorf("%s: read with other columns", s.Name)
		}
		other.Columns = append([]dataset.Column{s.Columns[1], s.Columns[0]}, s.Columns[2:]...)
		if _, _, err := dataset.ReadParquet(b, other); err == nil {
			t.Errorf("%s: read with columns in another order", s.Name)
		}
	}
}

// The bytes of a published file must not change with a release of a library:
// verify would call every older version different. When this fails, raise
// createdVersion and let verify read files of the version before by their cells.
func TestParquetBytes(t *testing.T) {
	b, err := dataset.NewSheet(about(), table(t)).Parquet(footer)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe.Sum(b), "72d10f17423cb368e83800746626d93123fc3fa49350ca69c62e65e3ae8cda48"; got != want {
		t.Errorf("SHA-256 %s, want %s", got, want)
	}
}

// Whatever the cells are, CSV and Parquet hold the same and give them back.
func TestFormatsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, times := rapid.IntRange(1, 20).Draw(t, "rows"), rapid.IntRange(1, 60).Draw(t, "times") // beyond one write of 1,024 rows
		n := base * times
		p, err := privacy.NewPeriod(2026, 1, 12)
		if err != nil {
			t.Fatal(err)
		}
		tb := outputs.Table{Name: "x", Dimensions: []outputs.Dimension{{Name: "place", Level: "country"}}, Codes: make([][]string, 1)}
		status := []outputs.Status{outputs.OK, outputs.Withdrawn, outputs.NotCollected, outputs.Partial}
		for i := range n {
			if i >= base {
				j := i - base
				tb.Period, tb.Codes[0], tb.Status = append(tb.Period, p), append(tb.Codes[0], tb.Codes[0][j]), append(tb.Status, tb.Status[j])
				tb.Value, tb.Low, tb.High = append(tb.Value, tb.Value[j]), append(tb.Low, tb.Low[j]), append(tb.High, tb.High[j])
				tb.Estimate, tb.SD, tb.Edition = append(tb.Estimate, tb.Estimate[j]), append(tb.SD, tb.SD[j]), append(tb.Edition, i)
				continue
			}
			tb.Period, tb.Codes[0] = append(tb.Period, p), append(tb.Codes[0], rapid.SampledFrom([]string{"NA", "CI", "é\"\r\n,"}).Draw(t, "code"))
			tb.Status = append(tb.Status, rapid.SampledFrom(status).Draw(t, "status"))
			v := rapid.Int64().Draw(t, "value")
			tb.Value, tb.Low, tb.High = append(tb.Value, v), append(tb.Low, v/2), append(tb.High, v)
			x := float64(v%1e9) / 7
			tb.Estimate, tb.SD, tb.Edition = append(tb.Estimate, x), append(tb.SD, math.Abs(x)), append(tb.Edition, 1)
		}
		s := dataset.NewSheet(about(), tb)
		b, err := s.Parquet(footer)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := dataset.ReadParquet(b, s)
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.CSV()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil || len(rows) != n+1 || got.Rows != n {
			t.Fatalf("%d rows in, %d lines, %d rows: %v", n, len(rows), got.Rows, err)
		}
		for i, row := range rows[1:] {
			for j, cell := range row {
				// encoding/csv reads \r\n inside quotes as \n
				if want := strings.ReplaceAll(got.Columns[j].Cell(i), "\r\n", "\n"); cell != want {
					t.Fatalf("row %d, %s: %q in CSV, %q in Parquet", i, rows[0][j], cell, want)
				}
			}
		}
	})
}

// Other tools read what is written: pandas, pyarrow and DuckDB.
func TestOtherTools(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	dir := t.TempDir()
	s := dataset.NewSheet(about(), table(t))
	b, err := s.Parquet(footer)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.CSV()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"t.parquet": b, "t.csv": text} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), python, "testdata/read.py", dir).CombinedOutput()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == 77 {
		t.Skipf("%s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got struct {
		Columns   []string
		Types     []string
		Meta      map[string]string
		CreatedBy string `json:"created_by"`
		Codecs    []string
		Values    []*int64
		Estimates []*float64
		Codes     []string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if c := strings.Join(got.Columns, ","); c != strings.SplitN(wantCSV, "\n", 2)[0] {
		t.Errorf("columns %s", c)
	}
	if ty := strings.Join(got.Types, " "); ty != "string string string string int64 int64 int64 double double string int64" {
		t.Errorf("types %s", ty)
	}
	if len(got.Meta) != 4 || got.Meta["guarantee"] != "g" || got.Meta["version"] != "2026.11-1" || got.Meta["dataset"] != "d" || got.Meta["licence"] != "CC0-1.0" {
		t.Errorf("footer %v", got.Meta)
	}
	if got.CreatedBy != "halftone version 1(build )" || strings.Join(got.Codecs, "") != "ZSTD" {
		t.Errorf("created by %q, codecs %v", got.CreatedBy, got.Codecs)
	}
	if len(got.Values) != 4 || *got.Values[0] != 12 || got.Values[1] != nil || *got.Values[3] != math.MaxInt64 || *got.Estimates[3] != 1e15+0.125 || got.Codes[0] != "NA" {
		t.Errorf("cells %v %v %v", got.Values, got.Estimates, got.Codes)
	}
}

func TestPlace(t *testing.T) {
	tb := table(t)
	s := dataset.NewSheet(about(), tb)
	a, err := s.Parquet(footer)
	if err != nil {
		t.Fatal(err)
	}
	tb.High[0]++
	b, err := dataset.NewSheet(about(), tb).Parquet(footer)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for a[at] == b[at] {
		at++
	}
	if got := dataset.Place(a, at); got != "column ci_high" {
		t.Errorf("byte %d: %s, want column ci_high", at, got)
	}
	if got := dataset.Place(a, len(a)-1); got != "the footer" {
		t.Errorf("last byte: %s", got)
	}
}
