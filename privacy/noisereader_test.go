package privacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"halftone/privacy/noise"
)

// modelOf measures specs, one a period from 2018 on, and reads the noise model
// that is written of them.
func modelOf(t testing.TB, specs ...Spec) (NoiseModel, []Release, []byte) {
	t.Helper()
	var releases []Release
	for i, s := range specs {
		k := Key{"t", 1, year(t, 2018+i), 1}
		c, err := NewCube(s, k.Period)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Measure(t.Context(), s, c, k, Input{Digest: "in"}, newTestLedger())
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, r)
	}
	m, err := NewNoiseModel("2026.11-1", releases, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadNoiseModel(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return read, releases, b
}

// cellsOf names the cells of a table, row-major.
func cellsOf(s Spec, table string, p Period) []NoiseCell {
	t := s.Tables[slices.IndexFunc(s.Tables, func(t Table) bool { return t.Name == table })]
	out := []NoiseCell{{Table: table, Period: p, Edition: 1}}
	for d, l := range t.Levels {
		var next []NoiseCell
		for _, c := range out {
			for _, code := range s.Dimensions[d].Levels[l].Codes {
				n := c
				n.Codes = append(slices.Clone(c.Codes), code)
				next = append(next, n)
			}
		}
		out = next
	}
	return out
}

func terms(weight float64, cells ...NoiseCell) (out []NoiseTerm) {
	for _, c := range cells {
		out = append(out, NoiseTerm{c, weight})
	}
	return out
}

func opened(t testing.TB, m NoiseModel) *NoiseReader {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func closeTo(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (r *NoiseReader) mustSum(t testing.TB, list ...NoiseTerm) Spread {
	t.Helper()
	s, err := r.Sum(list...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The model says of every cell what the release says, also of a release with
// fewer tables, a table that the newest has not, or levels that its tables do not
// use; it knows no others.
func TestNoiseReaderKnowsEveryCell(t *testing.T) {
	whole := tree()
	few := tree()
	few.Tables = []Table{at("total", 0, 0), at("region", 1, 0)}
	dropped := tree()
	dropped.Tables = []Table{at("region", 1, 0), at("region-sex", 1, 1), at("sex", 0, 1)}
	skipped := tree() // its districts are measured straight below the root
	skipped.Tables = []Table{at("district-sex", 2, 1)}
	single := tree() // a level in which all are only children is not measured
	single.Dimensions[0].Levels[2] = Level{Name: "district", Codes: []string{"a1", "b1", "c1"}, Parent: []uint32{1, 2, 0}}
	for name, specs := range map[string][]Spec{
		"one":           {whole},
		"budgets":       {planned(tree(), 1_000_000), planned(tree(), 900_000_000)},
		"fewer tables":  {few, whole},
		"dropped":       {dropped, whole},
		"skipped":       {skipped, whole},
		"only children": {single, single},
	} {
		for _, mechanism := range []string{"laplace", "planner"} {
			for i := range specs {
				specs[i].Mechanism = mechanism
				if specs[i].Budget.NanoRho == 0 {
					specs[i].Budget.NanoRho = 50_000_000
				}
			}
			m, releases, _ := modelOf(t, specs...)
			reader, newest := opened(t, m), specs[len(specs)-1]
			for i, s := range specs {
				for _, table := range newest.Tables {
					cells := cellsOf(newest, table.Name, year(t, 2018+i))
					if !slices.ContainsFunc(s.Tables, func(o Table) bool { return o.Name == table.Name }) {
						// An estimate that the release's own tables contain can still be made with the planner.
						if _, err := reader.Variance(cells[0]); mechanism == "laplace" && err == nil {
							t.Errorf("%s: %s of a release that has it not", name, table.Name)
						}
						continue
					}
					want, err := releases[i].Cells(table.Name)
					if err != nil {
						t.Fatal(err)
					}
					for j, c := range cells {
						v, err := reader.Variance(c)
						if err != nil {
							t.Fatalf("%s, %s: %v", name, mechanism, err)
						}
						closeTo(t, fmt.Sprint(name, " ", mechanism, " ", c), v, want.SD[j]*want.SD[j])
					}
				}
			}
		}
	}
	for _, tc := range []struct {
		older Spec
		table string
	}{{few, "district-sex"}, {few, "sex"}, {dropped, "district-sex"}, {skipped, "region"}} {
		m, _, _ := modelOf(t, planned(tc.older, 50_000_000), planned(whole, 50_000_000))
		if v, err := opened(t, m).Variance(cellsOf(whole, tc.table, year(t, 2018))[0]); err == nil {
			t.Errorf("%s of a release that does not measure it has variance %v", tc.table, v)
		}
	}
}

// With the planner a total has the noise of its parts' sum and none beside it;
// with Laplace noise of different cells is independent; noise of different
// releases always is.
func TestNoiseReaderSums(t *testing.T) {
	s := planned(tree(), 50_000_000)
	m, _, _ := modelOf(t, s, planned(tree(), 7_000_000))
	r, y := opened(t, m), year(t, 2018)
	parts, total := cellsOf(s, "district-sex", y), cellsOf(s, "total", y)
	sum := r.mustSum(t, terms(1, parts...)...)
	closeTo(t, "planner: sum of the parts", sum.SD, r.mustSum(t, terms(1, total...)...).SD)
	closeTo(t, "planner: half width", sum.HalfWidth, 1.96*sum.SD)
	if rest := r.mustSum(t, append(terms(1, parts...), terms(-1, total...)...)...); rest.SD > 1e-6*sum.SD {
		t.Errorf("planner: the parts differ from the total by sd %v", rest.SD)
	}
	again, _, _ := modelOf(t, s, s)
	if c, err := opened(t, again).Covariance(parts[3], cellsOf(s, "district-sex", year(t, 2019))[3]); err != nil || c != 0 {
		t.Errorf("covariance of two periods of one plan: %v, %v", c, err)
	}
	if v := r.mustSum(t, append(terms(1, parts[0]), terms(-1, parts[0])...)...); v.SD != 0 {
		t.Errorf("a cell less itself: sd %v", v.SD)
	}
	next := cellsOf(s, "district-sex", year(t, 2019))
	closeTo(t, "planner: difference of periods", math.Pow(r.mustSum(t, append(terms(1, parts[3]), terms(-1, next[3])...)...).SD, 2),
		math.Pow(r.mustSum(t, terms(1, parts[3])...).SD, 2)+math.Pow(r.mustSum(t, terms(1, next[3])...).SD, 2))
	if c, err := r.Covariance(parts[3], next[3]); err != nil || c != 0 {
		t.Errorf("covariance of two periods %v, %v", c, err)
	}

	m, _, _ = modelOf(t, tree())
	r = opened(t, m)
	one := r.mustSum(t, terms(1, parts[0])...).SD
	closeTo(t, "laplace: sum", r.mustSum(t, append(terms(2, parts[:3]...), terms(-1, total...)...)...).SD, one*math.Sqrt(13))
	closeTo(t, "laplace: a cell twice", r.mustSum(t, terms(1, parts[0], parts[0])...).SD, 2*one)
	if c, err := r.Covariance(parts[0], parts[1]); err != nil || c != 0 {
		t.Errorf("laplace: covariance %v, %v", c, err)
	}
	if none := r.mustSum(t); none != (Spread{}) {
		t.Errorf("no terms: %+v", none)
	}
}

// The first order of a ratio, against the formula in variances and a covariance,
// and against small steps.
func TestNoiseReaderRatio(t *testing.T) {
	s := planned(tree(), 50_000_000)
	m, _, _ := modelOf(t, s)
	r, cells := opened(t, m), cellsOf(s, "region", year(t, 2018))
	const x, y = 300.0, 1200.0
	got, err := r.Ratio(terms(1, cells[0]), terms(1, cells[0], cells[1]), x, y)
	if err != nil {
		t.Fatal(err)
	}
	cov := func(a, b NoiseCell) float64 {
		c, err := r.Covariance(a, b)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	vx, vy := cov(cells[0], cells[0]), cov(cells[0], cells[0])+2*cov(cells[0], cells[1])+cov(cells[1], cells[1])
	cxy := cov(cells[0], cells[0]) + cov(cells[0], cells[1])
	closeTo(t, "ratio", got.SD, x/y*math.Sqrt(vx/x/x+vy/y/y-2*cxy/x/y))
	closeTo(t, "half width", got.HalfWidth, 1.96*got.SD)
	for _, tc := range [][2]float64{{1, 0}, {1, math.NaN()}, {math.Inf(1), 1}, {0, 0}} {
		if v, err := r.Ratio(terms(1, cells[0]), terms(1, cells[1]), tc[0], tc[1]); err == nil {
			t.Errorf("%v / %v: %+v", tc[0], tc[1], v)
		}
	}
}

// With Laplace the half width, rounded outward, holds 95 % of every sum and
// difference of cells, in one or several releases; the exact distribution says so.
// It is at most a tenth wider than it need be where b is not small.
func TestLaplaceHalfWidthCovers(t *testing.T) {
	for _, scales := range [][]float64{{0.05}, {0.2}, {0.5}, {1}, {2}, {3}, {8.000000008}, {0.2, 3}, {1, 8}} {
		for _, n := range []int{1, 2, 3, 8} {
			var sum noise.Sum
			for range n {
				for _, b := range scales {
					sum = append(sum, noise.Laplace{B: b})
				}
			}
			half := int64(math.Ceil(math.Log(20) / math.Sqrt2 * math.Sqrt(sum.Variance())))
			if p := noise.Tail(sum, half+1); p > 0.05+1e-10 {
				t.Errorf("b %v, %d times: outside ±%d with %.4f", scales, n, half, p)
			}
			if q := noise.Quantile(sum, 0.05); scales[0] >= 8 && float64(half) > 1.1*float64(q)+1 {
				t.Errorf("b %v, %d times: half width %d, %d would do", scales, n, half, q)
			}
		}
	}
}

// Each file is wrong in one way.
func TestReadNoiseModelRefuses(t *testing.T) {
	_, _, planner := modelOf(t, planned(tree(), 50_000_000), planned(tree(), 60_000_000))
	_, _, laplace := modelOf(t, tree())
	whole := string(planner)
	for _, tc := range []struct{ name, file, old, new string }{
		{"nothing", "", "", ""},
		{"no object", "[]", "", ""},
		{"unknown field", whole, `"unit":`, `"extra":1,"unit":`},
		{"more behind it", whole, `"person_rho_nano":1}`, `"person_rho_nano":1}{}`},
		{"unknown mechanism", whole, `"planner"`, `"gauss"`},
		{"the other mechanism", whole, `"planner"`, `"laplace"`},
		{"the other mechanism, laplace", string(laplace), `"laplace"`, `"planner"`},
		{"M 0", whole, `"M":1`, `"M":0`},
		{"M too large", whole, `"M":1`, `"M":1048577`},
		{"P negative", whole, `"P":1`, `"P":-1`},
		{"level without codes", whole, `["all","region","district"]`, `["all","region","district","more"]`},
		{"level without parents", whole, `[0,1,1,2,2,2,2,2]`, `[0,1,1,2,2,2,2]`},
		{"parent outside", whole, `[0,1,1,2,2,2,2,2]`, `[0,1,1,2,2,2,2,3]`},
		{"parent negative", whole, `[0,1,1,2,2,2,2,2]`, `[0,1,1,2,2,2,2,-1]`},
		{"childless", whole, `[0,1,1,2,2,2,2,2]`, `[0,0,0,2,2,2,2,2]`},
		{"code twice", whole, `"b1","b2"`, `"b1","b1"`},
		{"dimension twice", whole, `"name":"place"`, `"name":"d0"`},
		{"table twice", whole, `"name":"region"`, `"name":"total"`},
		{"table of other levels", whole, `"name":"region","levels":[1,0]`, `"name":"region","levels":[1]`},
		{"table level outside", whole, `"name":"region","levels":[1,0]`, `"name":"region","levels":[3,0]`},
		{"no period", whole, `"period":"2018",`, ``},
		{"not a period", whole, `"period":"2018"`, `"period":"18"`},
		{"release twice", whole, `"period":"2018"`, `"period":"2019"`},
		{"edition 0", whole, `"edition":1`, `"edition":0`},
		{"cost 0", whole, `"rho_nano":50000000`, `"rho_nano":0`},
		{"cost below the parts", whole, `"rho_nano":50000000`, `"rho_nano":49000000`},
		{"cost in epsilon", whole, `"rho_nano":50000000`, `"epsilon_nano":50000000`},
		{"person's cost in epsilon", whole, `"person_rho_nano"`, `"person_epsilon_nano"`},
		{"measurement missing", whole, `{"levels":[0,0],`, `{"levels":[0,1],`},
		{"measurement outside", whole, `{"levels":[2,1],`, `{"levels":[2,2],`},
		{"measurement negative", whole, `{"levels":[2,1],`, `{"levels":[-2,1],`},
		{"measurement of other levels", whole, `{"levels":[2,1],`, `{"levels":[2],`},
		{"measurement with a table", whole, `{"levels":[2,1],`, `{"table":"region","levels":[2,1],`},
		{"b 0", string(laplace), `"b":4.000000004`, `"b":0`},
		{"b negative", string(laplace), `"b":4.000000004`, `"b":-4`},
		{"b tiny", string(laplace), `"b":4.000000004`, `"b":1e-9`},
		{"b huge", string(laplace), `"b":4.000000004`, `"b":1e10`},
		{"b beyond float64", string(laplace), `"b":4.000000004`, `"b":1e999`},
		{"no table", string(laplace), `{"table":"total",`, `{`},
		{"a table twice", string(laplace), `{"table":"total",`, `{"table":"region",`},
		{"a level with laplace", string(laplace), `{"table":"total",`, `{"levels":[0,0],"table":"total",`},
	} {
		if tc.old != "" && !strings.Contains(tc.file, tc.old) {
			t.Errorf("%s: nothing to replace in %s", tc.name, tc.file)
			continue
		}
		if m, err := ReadNoiseModel(strings.NewReader(strings.Replace(tc.file, tc.old, tc.new, 1))); err == nil {
			t.Errorf("%s is accepted: %+v", tc.name, m)
		}
	}
	for name, change := range map[string]func(*NoiseModel){
		"no tables":       func(m *NoiseModel) { m.Tables = nil },
		"no releases":     func(m *NoiseModel) { m.Releases = nil },
		"no measurements": func(m *NoiseModel) { m.Releases[1].Measurements = nil },
		"no dimensions":   func(m *NoiseModel) { m.Dimensions = nil },
	} {
		m, _, _ := modelOf(t, planned(tree(), 50_000_000), planned(tree(), 60_000_000))
		change(&m)
		if _, err := m.Open(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, file := range []string{whole, string(laplace)} {
		if _, err := ReadNoiseModel(strings.NewReader(file + "\n")); err != nil {
			t.Errorf("unchanged: %v", err)
		}
	}
}

func TestNoiseReaderRefuses(t *testing.T) {
	m, _, _ := modelOf(t, tree())
	r, good := opened(t, m), cellsOf(tree(), "region", year(t, 2018))[0]
	for name, change := range map[string]func(*NoiseCell){
		"table":         func(c *NoiseCell) { c.Table = "x" },
		"period":        func(c *NoiseCell) { c.Period = year(t, 2017) },
		"edition":       func(c *NoiseCell) { c.Edition = 2 },
		"code":          func(c *NoiseCell) { c.Codes = []string{"a1", Total} },
		"few codes":     func(c *NoiseCell) { c.Codes = c.Codes[:1] },
		"code of total": func(c *NoiseCell) { c.Codes = []string{"a", "0"} },
	} {
		c := good
		c.Codes = slices.Clone(c.Codes)
		change(&c)
		_, err := r.Variance(c)
		_, second := r.Covariance(good, c)
		_, sum := r.Sum(NoiseTerm{c, 1})
		if err == nil || second == nil || sum == nil {
			t.Errorf("%s: %v, %v, %v", name, err, second, sum)
		}
	}
	for _, w := range []float64{math.NaN(), math.Inf(1), 1e300} {
		if s, err := r.Sum(NoiseTerm{good, w}); err == nil {
			t.Errorf("weight %v: %+v", w, s)
		}
	}
}

// Whatever is accepted has finite, non-negative noise in every table.
func FuzzReadNoiseModel(f *testing.F) {
	for _, s := range []Spec{tree(), planned(tree(), 50_000_000)} {
		_, _, b := modelOf(f, s)
		f.Add(b)
	}
	f.Add([]byte(`{"M":1,"P":0,"mechanism":"planner","tables":[{"name":"a"}],"releases":[{"period":"2018","edition":1,"rho_nano":1,"measurements":[{"rho_nano":1}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadNoiseModel(bytes.NewReader(b))
		if err != nil {
			return
		}
		r := opened(t, m)
		for _, release := range m.Releases {
			for _, table := range m.Tables {
				c := NoiseCell{Table: table.Name, Period: release.Period, Edition: release.Edition}
				for d, l := range table.Levels {
					c.Codes = append(c.Codes, m.Dimensions[d].Codes[l][0])
				}
				if v, err := r.Variance(c); err == nil && !(v >= 0 && v < math.Inf(1)) {
					t.Fatalf("variance %v", v)
				}
			}
		}
	})
}
