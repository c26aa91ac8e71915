package interval_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/interval"
)

// A cell with a weight, as all four readers are asked for it.
type cell struct {
	weight        int
	table, period string
	codes         [][2]string
}

// A question is a sum of cells, or a ratio of two.
type question struct{ a, b []cell }

func (c cell) expression() string {
	var codes []string
	for _, k := range c.codes {
		codes = append(codes, k[0]+"="+k[1])
	}
	in := ""
	if len(codes) > 0 {
		in = "[" + strings.Join(codes, ",") + "]"
	}
	return fmt.Sprintf("%d * %s%s@%s", c.weight, c.table, in, c.period)
}

func (q question) expression() string {
	sum := func(cells []cell) string {
		var parts []string
		for _, c := range cells {
			parts = append(parts, c.expression())
		}
		return "(" + strings.Join(parts, " + ") + ")"
	}
	if q.b == nil {
		return sum(q.a)
	}
	return sum(q.a) + " / " + sum(q.b)
}

func (q question) python() string {
	sum := func(cells []cell) string {
		var parts []string
		for _, c := range cells {
			name := []string{quoted(c.period), quoted(c.table)}
			for _, k := range c.codes {
				name = append(name, quoted(k[0]+"="+k[1]))
			}
			parts = append(parts, fmt.Sprintf("(%s): %d", strings.Join(name, ", "), c.weight))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if q.b == nil {
		return `interval(".", ` + sum(q.a) + ")"
	}
	return `interval(".", ` + sum(q.a) + ", " + sum(q.b) + ")"
}

func (q question) r() string {
	sum := func(cells []cell) string {
		var parts []string
		for _, c := range cells {
			arg := fmt.Sprintf("cell(%d, %q, %q", c.weight, c.period, c.table)
			for _, k := range c.codes {
				arg += fmt.Sprintf(", %s = %q", k[0], k[1])
			}
			parts = append(parts, arg+")")
		}
		return "list(" + strings.Join(parts, ", ") + ")"
	}
	if q.b == nil {
		return `interval(".", ` + sum(q.a) + ")"
	}
	return `interval(".", ` + sum(q.a) + ", " + sum(q.b) + ")"
}

// sql is the table of what is asked, in the manner of the page.
func (q question) sql() string {
	var rows []string
	for part, cells := range map[string][]cell{"a": q.a, "b": q.b} {
		for _, c := range cells {
			row := fmt.Sprintf(`SELECT '%s' AS part, %d AS weight, * FROM 'data/all-tables.parquet' WHERE "table" = '%s' AND period = '%s'`, part, c.weight, c.table, c.period)
			for _, k := range c.codes {
				row += fmt.Sprintf(" AND %s = '%s'", k[0], k[1])
			}
			rows = append(rows, row)
		}
	}
	return "CREATE OR REPLACE TEMP TABLE asked AS\n" + strings.Join(rows, "\nUNION ALL\n") + ";"
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

// recipes are the texts of docs/intervals.md in a language.
func recipes(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/intervals.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		t.Fatalf("the page has no %s", language)
	}
	return out
}

// program runs a text in the version's folder and returns what it prints.
func program(t *testing.T, dir, name, text string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: its recipe is not checked", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil && strings.Contains(complaint.String(), "No module named 'duckdb'") {
		t.Skip("the duckdb module of Python is not installed: the SQL recipe is not checked")
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, complaint.String())
	}
	return out
}

// asked are questions at random: sums, differences, means, and ratios of them, of
// one period and of several, of independent and of correlated figures.
func asked(tables []outputs.Table) []question {
	r := rand.New(rand.NewPCG(3, 5)) //nolint:gosec // a fixed list of cases
	sum := func() (out []cell) {
		seen := map[string]bool{}
		for range 1 + r.IntN(3) {
			t := tables[r.IntN(len(tables))]
			row := r.IntN(t.Rows())
			c := cell{weight: []int{1, 1, 1, -1, 2, 6, -4}[r.IntN(7)], table: t.Name, period: t.Period[row].String()}
			for d, dim := range t.Dimensions {
				c.codes = append(c.codes, [2]string{dim.Name, t.Codes[d][row]})
			}
			weight := c.weight
			if c.weight = 0; !seen[fmt.Sprint(c)] { // the page's Python takes a cell once
				seen[fmt.Sprint(c)] = true
				c.weight = weight
				out = append(out, c)
			}
		}
		return out
	}
	var out []question
	for i := range 40 {
		q := question{a: sum()}
		if i%2 == 1 {
			q.b = sum()
		}
		if len(q.a) == 1 && q.b == nil && q.a[0].weight == 1 {
			q.a[0].weight = 2 // a figure alone is as published
		}
		out = append(out, q)
	}
	return out
}

// An answer as the recipes print it.
type answer struct{ Estimate, SD, Low, High *float64 }

// Four readers that share no code say the same of the same questions: the program,
// and the recipes of docs/intervals.md as they stand there.
func TestRecipes(t *testing.T) {
	for _, mechanism := range []string{"planner", "laplace"} {
		w := composetest.New()
		w.Spec.Mechanism, w.Spec.Budget.NanoRho = mechanism, 2e7
		w.Release(t, "2018", 1, 1)
		w.Release(t, "2019", 1, 2)
		w.Spec.Tables = append(w.Spec.Tables[:1:1], w.Spec.Tables[2:]...) // 2018 has a table more, and so a shape of its own
		w.Release(t, "2020", 1, 3)
		version := w.Version(t, "2026.11-1", 1)
		version.About.Lead = "national"
		made, err := compose.Version(version)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for n, b := range made {
			p := filepath.Join(dir, n)
			if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, b, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		tables, err := version.Tables()
		if err != nil {
			t.Fatal(err)
		}
		v, questions := open(t, files(made)), asked(tables)
		var want []interval.Answer
		for _, q := range questions {
			want = append(want, must(t, v, q.expression()))
		}
		for _, language := range []string{"python", "r", "sql"} {
			t.Run(mechanism+" "+language, func(t *testing.T) {
				questions, want := questions, want
				if language != "python" { // the others take a second for ten
					questions, want = questions[:usualQuestions], want[:usualQuestions]
				}
				var out []byte
				switch language {
				case "python":
					text := recipes(t, language)[0] + "\nimport json\nout = []\n"
					for _, q := range questions {
						text += "out.append(" + q.python() + ")\n"
					}
					out = program(t, dir, "python3", text+`print(json.dumps([dict(zip(("Estimate", "SD", "Low", "High"), x)) for x in out]))`, "-B", "-")
				case "r":
					text := recipes(t, language)[0] + "\nout <- c()\n"
					for _, q := range questions {
						text += "out <- c(out, sprintf('{\"Estimate\":%.17g,\"SD\":%.17g,\"Low\":%.17g,\"High\":%.17g}', x[1], x[2], x[3], x[4]))\n"
						text = strings.Replace(text, "out <- c(out, sprintf", "x <- "+q.r()+"\nout <- c(out , sprintf", 1)
					}
					out = program(t, dir, "Rscript", text+"cat('[', paste(out, collapse = ','), ']')\n", "-")
					out = regexp.MustCompile(`\b(NA|NaN|Inf)\b`).ReplaceAll(out, []byte("null"))
				case "sql":
					texts := recipes(t, language)
					var batch []string
					for _, q := range questions {
						batch = append(batch, q.sql())
					}
					in, err := json.Marshal(map[string]any{"script": texts[1], "asked": batch})
					if err != nil {
						t.Fatal(err)
					}
					out = program(t, dir, "python3", string(in), "-c", `
import duckdb, json, sys
given, out, c = json.load(sys.stdin), [], duckdb.connect(config={"threads": 1})
for q in given["asked"]:
    c.execute(q)
    out.append(dict(zip(("Estimate", "SD", "Low", "High"), c.execute(given["script"]).fetchone())))
print(json.dumps(out))`)
				}
				compare(t, questions, want, out)
			})
		}
	}
}

func compare(t *testing.T, questions []question, want []interval.Answer, out []byte) {
	t.Helper()
	var got []answer
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(want) {
		t.Fatalf("%d answers to %d questions (%v):\n%s", len(got), len(want), err, out)
	}
	bounded, refused := 0, 0
	for i, a := range want {
		q := questions[i].expression()
		same := func(what string, got *float64, want float64) {
			if got == nil || math.Abs(*got-want) > 1e-9*(1+math.Abs(want)) {
				t.Errorf("%s: %s is %v, in Go %v", q, what, show(got), want)
			}
		}
		if !a.Bounded {
			refused++
			if got[i].Low != nil || got[i].High != nil {
				t.Errorf("%s: an interval from %s to %s, in Go none", q, show(got[i].Low), show(got[i].High))
			}
			continue
		}
		bounded++
		same("the estimate", got[i].Estimate, a.Estimate)
		same("sd", got[i].SD, a.SD)
		same("low", got[i].Low, a.Low)
		same("high", got[i].High, a.High)
	}
	if bounded < usualQuestions/2 || refused == 0 && len(want) > usualQuestions {
		t.Errorf("%d answers with an interval, %d without: the cases do not test enough", bounded, refused)
	}
}

func show(x *float64) string {
	if x == nil {
		return "none"
	}
	return fmt.Sprint(*x)
}

// The page's example of what is asked is in the form that the test uses.
func TestRecipeExample(t *testing.T) {
	q := question{
		a: []cell{{1, "by-region-form", "2020", [][2]string{{"place", "south"}, {"form", "SEX"}}}},
	}
	if text := recipes(t, "sql")[0]; !strings.Contains(text, strings.TrimSuffix(strings.TrimPrefix(q.sql(), "CREATE OR REPLACE TEMP TABLE asked AS\n"), ";")) {
		t.Errorf("%q is not in\n%s", q.sql(), text)
	}
}
