package describe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"halftone/privacy"
)

// sealedOnce is a ledger that charges nothing: these releases hold no counts.
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

// randomDimension has up to depth levels below the root with groups of 1 to 4, in no
// order; in some levels all are only children.
func randomDimension(r *rand.Rand, name string, depth int) privacy.Dimension {
	d := privacy.Dimension{Name: name, Levels: []privacy.Level{{Name: "all", Codes: []string{privacy.Total}}}}
	for l := range 1 + r.IntN(depth) {
		up, level, most := d.Levels[l], privacy.Level{Name: fmt.Sprint("level ", l+1)}, []int{1, 3, 4, 4}[r.IntN(4)]
		for p := range up.Codes {
			for range 1 + r.IntN(most) {
				level.Codes = append(level.Codes, fmt.Sprintf("%s %d.%d=", name, l+1, len(level.Codes)))
				level.Parent = append(level.Parent, uint32(p))
			}
		}
		r.Shuffle(len(level.Parent), func(i, j int) { level.Parent[i], level.Parent[j] = level.Parent[j], level.Parent[i] })
		d.Levels = append(d.Levels, level)
	}
	return d
}

// randomModel makes the noise model of up to four releases through
// [privacy.Measure]: two periods and two editions, each with a budget and a choice
// of tables of its own.
func randomModel(t *testing.T, r *rand.Rand, mechanism string) privacy.NoiseModel {
	t.Helper()
	s := privacy.Spec{Dataset: "t", Series: 1, Measure: "flow", Unit: "person", Every: "year", Editions: 2, Mechanism: mechanism,
		Sources: []privacy.Source{{Name: "a", PerPeriod: 1 + r.Int64N(5), Periods: 1 + r.Int64N(3), Sensitivity: 1 + r.Int64N(2)}}}
	dims := 1 + r.IntN(3)
	for d := range dims {
		s.Dimensions = append(s.Dimensions, randomDimension(r, string(rune('p'+d)), 5-dims))
	}
	tables := make([]privacy.Table, 2+r.IntN(4))
	for i := range tables {
		tables[i].Name = fmt.Sprint("table-", i)
		for _, d := range s.Dimensions {
			tables[i].Levels = append(tables[i].Levels, r.IntN(len(d.Levels)))
		}
	}
	var releases []privacy.Release
	ledger := sealedOnce{}
	for i := range 1 + r.IntN(4) {
		some := r.Perm(len(tables))[:1+r.IntN(len(tables))]
		if i == 3 { // the newest has all
			some = r.Perm(len(tables))
		}
		s.Tables = nil
		for _, j := range some {
			s.Tables = append(s.Tables, tables[j])
		}
		s.Budget = privacy.Budget{NanoEpsilon: 1e8 + r.Uint64N(1e10), NanoRho: 1e6 + r.Uint64N(1e10), Delta: 1e-6}
		p, err := privacy.NewPeriod(2018+i/2, 1, 12)
		if err != nil {
			t.Fatal(err)
		}
		c, err := privacy.NewCube(s, p)
		if err != nil {
			t.Fatal(err)
		}
		k := privacy.Key{Dataset: "t", Series: 1, Period: p, Edition: 1 + i%2}
		made, err := privacy.Measure(t.Context(), s, c, k, privacy.Input{}, ledger)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, made)
	}
	m, err := privacy.NewNoiseModel("test", releases, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A question is a combination of cells for the Python reader.
type question struct {
	File string
	X, Y []weighed // Y: the covariance of two combinations is asked for
}

type weighed struct {
	Cell   []string // as on the command line
	Weight float64
}

// An answer has no numbers where there is no such cell.
type answer struct{ Variance, Covariance, SD, Half *float64 }

const askPython = `
import json, sys
from noise_model import NoiseModel
models, out = {}, []
for q in json.load(sys.stdin):
    m = models.setdefault(q["File"], NoiseModel(q["File"])) if q["File"] not in models else models[q["File"]]
    def total(x, y, sign):
        c = {}
        for term, s in [(t, 1) for t in x or []] + [(t, sign) for t in y or []]:
            c[tuple(term["Cell"])] = c.get(tuple(term["Cell"]), 0) + s * term["Weight"]
        return c
    try:
        x = total(q["X"], [], 0)
        out.append({"Variance": m.variance(x), "SD": m.sd(x), "Half": m.half_width(x),
                    "Covariance": (m.variance(total(q["X"], q["Y"], 1)) - m.variance(total(q["X"], q["Y"], -1))) / 4})
    except (KeyError, ValueError):
        out.append({})
json.dump(out, sys.stdout)
`

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: noise_model.py is not checked against the Go reader")
	}
	return path
}

// ask runs noise_model.py from dir, where it leaves nothing.
func ask(t *testing.T, dir string, questions []question) []answer {
	t.Helper()
	in, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python(t), "-B", "-c", askPython)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(in)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, complaint.String())
	}
	var out []answer
	if err := json.Unmarshal(b, &out); err != nil || len(out) != len(questions) {
		t.Fatalf("%d answers to %d questions: %v", len(out), len(questions), err)
	}
	return out
}

// readerFolder holds noise_model.py and the models, as files 0, 1 …
func readerFolder(t *testing.T, models ...any) (string, []*privacy.NoiseReader) {
	t.Helper()
	dir := t.TempDir()
	code, err := os.ReadFile("noise_model.py")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "noise_model.py"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	var readers []*privacy.NoiseReader
	for i, m := range models {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := privacy.ReadNoiseModel(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("model %d: %v\n%s", i, err, b)
		}
		r, err := read.Open()
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	return dir, readers
}

// words are how the command line names a cell; the newest edition needs no number.
func words(m privacy.NoiseModel, c privacy.NoiseCell) []string {
	out := []string{c.Period.String(), c.Table}
	if slices.ContainsFunc(m.Releases, func(r privacy.ModelRelease) bool { return r.Period == c.Period && r.Edition > c.Edition }) {
		out[0] = fmt.Sprintf("%s.%d", c.Period, c.Edition)
	}
	t := m.Tables[slices.IndexFunc(m.Tables, func(t privacy.ModelTable) bool { return t.Name == c.Table })]
	for d, l := range t.Levels {
		if l > 0 {
			out = append(out, m.Dimensions[d].Name+"="+c.Codes[d])
		}
	}
	return out
}

func randomCell(r *rand.Rand, m privacy.NoiseModel) privacy.NoiseCell {
	release, t := m.Releases[r.IntN(len(m.Releases))], m.Tables[r.IntN(len(m.Tables))]
	c := privacy.NoiseCell{Table: t.Name, Period: release.Period, Edition: release.Edition}
	for d, l := range t.Levels {
		codes := m.Dimensions[d].Codes[l]
		c.Codes = append(c.Codes, codes[r.IntN(len(codes))])
	}
	return c
}

// agree holds two numbers against each other: 1e-9 relative, or, where terms
// cancel, 1e-12 of what the terms are without their signs.
func agree(t *testing.T, what string, python *float64, want, size float64) {
	t.Helper()
	if python == nil {
		t.Errorf("%s: Python has none, want %v", what, want)
	} else if math.Abs(*python-want) > 1e-9*math.Abs(want)+1e-12*size {
		t.Errorf("%s: %v in Python, want %v", what, *python, want)
	}
}

// Two readers that share no code say the same of random cells, pairs and
// combinations of 60 random models.
func TestNoiseReadersAgree(t *testing.T) {
	python(t)
	r := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // a fixed list of cases
	var models []any
	for i := range 60 {
		models = append(models, randomModel(t, r, []string{"laplace", "planner", "planner"}[i%3]))
	}
	dir, readers := readerFolder(t, models...)
	var questions []question
	var terms [][]privacy.NoiseTerm
	for i, m := range models {
		m := m.(privacy.NoiseModel)
		for n := range 40 {
			q, list := question{File: fmt.Sprint(i)}, []privacy.NoiseTerm{}
			for range 1 + n/4 {
				w := float64(r.IntN(7) - 3)
				if n%3 == 0 {
					w = r.NormFloat64()
				}
				c := randomCell(r, m)
				if n < 8 {
					w = 1
				}
				list, q.X = append(list, privacy.NoiseTerm{Cell: c, Weight: w}), append(q.X, weighed{words(m, c), w})
			}
			q.Y = q.X[len(q.X)-1:]
			questions, terms = append(questions, q), append(terms, list)
		}
	}
	absent, correlated := 0, 0
	for i, a := range ask(t, dir, questions) {
		what := fmt.Sprintf("model %s, %v", questions[i].File, questions[i].X)
		reader := readers[i/40]
		sum, err := reader.Sum(terms[i]...)
		if err != nil {
			absent++
			if a.Variance != nil {
				t.Errorf("%s: Python has %v, Go has %v", what, *a.Variance, err)
			}
			continue
		}
		last := terms[i][len(terms[i])-1]
		size, cov := 0.0, 0.0
		for _, x := range terms[i] {
			v, err := reader.Variance(x.Cell)
			if err != nil {
				t.Fatal(err)
			}
			size += math.Abs(x.Weight) * math.Sqrt(v)
			c, err := reader.Covariance(x.Cell, last.Cell)
			if err != nil {
				t.Fatal(err)
			}
			if cov += x.Weight * last.Weight * c; c != 0 && c != v {
				correlated++
			}
		}
		agree(t, what, a.Variance, sum.SD*sum.SD, size*size)
		agree(t, what+", sd", a.SD, sum.SD, 1e6*size) // the root of what cancelled
		agree(t, what+", half", a.Half, sum.HalfWidth, 1e6*size)
		agree(t, what+", covariance with the last", a.Covariance, cov, size*size)
	}
	if absent < 50 || correlated < 500 || len(questions)-absent < 500 {
		t.Errorf("of %d combinations %d have cells that were not released, %d pairs are correlated: the cases do not test enough", len(questions), absent, correlated)
	}
}

// goldenFile is what the readers need of the oracle's files.
type goldenFile struct {
	Dimensions []struct {
		Name    string
		Parents [][]uint32
	}
	Tables       [][]int
	M            int64
	RhoNano      uint64 `json:"rho_nano"`
	Measurements []struct {
		Levels  []int
		RhoNano uint64 `json:"rho_nano"`
	}
	Estimates []struct {
		Table, Cell []int
		Variance    string
	}
	Covariances []struct {
		A, B [][]int
		Cov  string
	}
}

func (g goldenFile) model(t *testing.T) privacy.NoiseModel {
	t.Helper()
	p, err := privacy.ParsePeriod("2019")
	if err != nil {
		t.Fatal(err)
	}
	m := privacy.NoiseModel{Version: "golden", Unit: "person", PerPeriod: g.M, Periods: 1, Mechanism: "planner", PersonRho: g.RhoNano}
	for _, d := range g.Dimensions {
		md := privacy.ModelDimension{Name: d.Name, Levels: []string{"0"}, Codes: [][]string{{privacy.Total}}, Parents: [][]uint32{{}}}
		for l, up := range d.Parents {
			var codes []string
			for j := range up {
				codes = append(codes, fmt.Sprint(j))
			}
			md.Levels, md.Codes, md.Parents = append(md.Levels, fmt.Sprint(l+1)), append(md.Codes, codes), append(md.Parents, up)
		}
		m.Dimensions = append(m.Dimensions, md)
	}
	for _, l := range g.Tables {
		m.Tables = append(m.Tables, privacy.ModelTable{Name: strings.ReplaceAll(fmt.Sprint(l), " ", ","), Levels: l})
	}
	r := privacy.ModelRelease{Period: p, Edition: 1, NanoRho: g.RhoNano}
	for _, me := range g.Measurements {
		r.Measurements = append(r.Measurements, privacy.ModelScale{Levels: me.Levels, NanoRho: me.RhoNano})
	}
	m.Releases = []privacy.ModelRelease{r}
	return m
}

func (g goldenFile) cell(m privacy.NoiseModel, table, nodes []int) privacy.NoiseCell {
	c := privacy.NoiseCell{Period: m.Releases[0].Period, Edition: 1, Table: strings.ReplaceAll(fmt.Sprint(table), " ", ",")}
	for d, j := range nodes {
		c.Codes = append(c.Codes, m.Dimensions[d].Codes[table[d]][j])
	}
	return c
}

// Both readers give the oracle's variances and covariances of examples E and F.
func TestNoiseReadersGolden(t *testing.T) {
	for _, name := range []string{"golden-e.json", "golden-f.json"} {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile("../../privacy/plan/testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			var g goldenFile
			if err := json.Unmarshal(b, &g); err != nil {
				t.Fatal(err)
			}
			m := g.model(t)
			dir, readers := readerFolder(t, m)
			var questions []question
			var want []float64
			add := func(a, b privacy.NoiseCell, fraction string) {
				f, ok := new(big.Rat).SetString(fraction)
				if !ok {
					t.Fatalf("not a fraction: %s", fraction)
				}
				exact, _ := f.Float64()
				want = append(want, exact)
				questions = append(questions, question{"0", []weighed{{words(m, a), 1}}, []weighed{{words(m, b), 1}}})
				got, err := readers[0].Covariance(a, b)
				if err != nil {
					t.Fatal(err)
				}
				agree(t, fmt.Sprintf("Go, %v and %v", a, b), &got, exact, 1)
			}
			for _, e := range g.Estimates {
				c := g.cell(m, e.Table, e.Cell)
				add(c, c, e.Variance)
			}
			for _, c := range g.Covariances {
				add(g.cell(m, c.A[0], c.A[1]), g.cell(m, c.B[0], c.B[1]), c.Cov)
			}
			if len(g.Estimates) == 0 || len(g.Covariances) == 0 {
				t.Fatal("nothing to compare")
			}
			for i, a := range ask(t, dir, questions) {
				agree(t, fmt.Sprintf("Python, %v and %v", questions[i].X, questions[i].Y), a.Covariance, want[i], 1)
			}
		})
	}
}

// The command says what a researcher types it for, and how to type it.
func TestNoiseModelCommand(t *testing.T) {
	path := python(t)
	_, files := sample(t, nil)
	dir := folder(t, files)
	code, err := filepath.Abs("noise_model.py")
	if err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("sd %.3f", math.Sqrt(3*laplaceVariance(8))) // by-region has b = 8
	for _, tc := range []struct{ name, args, want string }{
		{"a cell", "2019 by-region place=S", fmt.Sprintf("sd %.3f, 95 %% within +/- 23.9", math.Sqrt(laplaceVariance(8)))},
		{"the edition", "2018.2 by-region place=S", "sd 11.3"},
		{"a combination", "2019 by-region place=S + 2019 by-region place=N - 2018 by-region place=N", sum},
		{"a cell twice", "2018 national + 2018 national", fmt.Sprintf("sd %.3f", 2*math.Sqrt(laplaceVariance(8)))},
		{"no edition", "2018.1 by-region place=S", "no such file or cell: '2018.1'\nusage: "},
		{"no code", "2019 by-region place=X", "no such file or cell: 'X' is not in list\nusage: "},
		{"a code too many", "2019 national place=S", "no such file or cell: "},
		{"a cell less itself", "2018 national - 2018 national", "sd 0.000"},
		{"no such dimension", "2019 national x=y", "no such file or cell: "},
		{"half a command", "2019 by-region place=S -", "no such file or cell: "},
		{"no such file", "", "no such file or cell: "},
		{"nothing", "", "usage: python3 noise_model.py"},
	} {
		file := []string{"noise-model.json"}
		if tc.name == "no such file" {
			file = []string{"noise-model", "2019", "national"}
		}
		cmd := exec.CommandContext(t.Context(), path, append(append([]string{"-B", code}, file...), strings.Fields(tc.args)...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		var failed *exec.ExitError
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), tc.want) || (err != nil) != strings.Contains(string(out), "usage: ") || strings.Contains(string(out), "Traceback") {
			t.Errorf("%s: %v, want %q in\n%s", tc.name, err, tc.want, out)
		}
	}
}

func laplaceVariance(b float64) float64 {
	q := math.Exp(-1 / b)
	return 2 * math.Sinh(0.5/b) * q * (1 + q) / math.Pow(1-q, 3)
}

// It is to be read: at most 60 lines, none wide, nothing but ASCII.
func TestNoiseModelScript(t *testing.T) {
	b, err := os.ReadFile("noise_model.py")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if len(lines) > 60 {
		t.Errorf("%d lines", len(lines))
	}
	for i, l := range lines {
		if len(l) > 120 || strings.IndexFunc(l, func(c rune) bool { return c > '~' }) >= 0 {
			t.Errorf("line %d is wide or not ASCII", i+1)
		}
	}
}
