package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A mutant is the code with one thing wrong, and the check that must see it.
type mutant struct {
	name  string
	file  string // below privacy
	old   string // stands exactly once in file
	new   string
	check string
}

// The list of 10-privacy, "Proof beside code", each in every place where it can
// be made, and some more that leave the numbers plausible.
var mutants = []mutant{
	{"M forgotten in s", "plan/residual.go", "SetInt64(m)", "SetInt64(min(m, 1))", "trees"},
	{"M forgotten in b", "plan/plan.go", "PerTable: m,", "PerTable: min(m, 1),", "trees"},
	{"M forgotten in the draw", "measure.go", "PerTable: b.PerPeriod,", "PerTable: min(b.PerPeriod, 1),", "blackbox-laplace"},
	{"N forgotten in estimates", "plan/reconstruct.go", "\t\tnn := float64(n) * float64(n)\n\t\tfor", "\t\tnn := float64(n)\n\t\tfor", "trees"},
	{"N forgotten in variances", "plan/reconstruct.go", "v.Parameter() / nn * (float64(d) / nn)", "v.Parameter() * (float64(d) / nn)", "coverage-planner"},
	{"N forgotten in covariances", "plan/reconstruct.go", "f * v.Parameter() / (float64(n) * float64(n))", "f * v.Parameter() / float64(n)", "trees"},
	{"s halved, from the pmf", "plan/residual.go", "den.Lsh(den, 1)", "den.Lsh(den, 2)", "block"},
	{"s halved, from releases", "plan/residual.go", "den.Lsh(den, 1)", "den.Lsh(den, 2)", "blackbox-planner"},
	{"a measurement is not in the charge", "plan/plan.go", "NanoRho: cost}", "NanoRho: cost - rho[0]}", "trees"},
	{"a table is not in b", "plan/plan.go", "Tables: int64(len(tables)),", "Tables: int64(max(1, len(tables)-1)),", "trees"},
	{"a table is not in the draw", "measure.go", "Tables: int64(len(p.Measurements)),", "Tables: int64(max(1, len(p.Measurements)-1)),", "coverage-laplace"},
	{"L is not the declared one", "spec.go", "src.PerPeriod*src.Sensitivity", "src.PerPeriod", "trees"},
	{"P at one time: that of one source", "spec.go", "sumLargest(ps, k)}", "sumLargest(ps, 1)}", "trees"},
	{"P at one time: one period", "account/account.go", "sorted = sorted[:periods]", "sorted = sorted[:1]", "accounts"},
	{"P at one time: the cap of a period", "ledger.go", "return t.Budget / uint64(t.Periods)", "return t.Budget", "accounts"},
	{"an edition is not added", "ledger/account.go", "a.months[m] = accounting.Sum(a.months[m], c.Counts)", "a.months[m] = max(a.months[m], c.Counts)", "accounts"},
	{"editions do not share a period", "spec.go", "share := s.Shares()[edition-1]", "share := s.Terms().Cap()", "trees"},
	{"D of the smallest block", "plan/reconstruct.go", "Noise(m, d, rho[k])",
		"Noise(m, g.products(a)[slices.IndexFunc(g.products(a), func(d uint64) bool { return d > 0 })], rho[k])", "block"},
	{"s rounded down", "plan/residual.go", "p.Add(p, big.NewInt(1))", "p.Add(p, big.NewInt(0))", "trees"},
	{"α forgotten in δ", "account/convert.go", "l.Sub(l, times(uint64(rho), new(big.Int).Add(one, beta)))", "l.Sub(l, times(uint64(rho), beta))", "block"},
	{"the last cell of a run has no noise", "measure.go", "pieces <- piece{g, cells}", "pieces <- piece{g, cells[:len(cells)-1]}", "coverage-planner"},
	{"0 has two signs", "noise/sampler.go", "!y.neg || y.u != 0 || y.v != 0", "y.v < 1<<63", "sampler"},
	{"proposals are not thinned, 64 bits", "noise/sampler.go", "s.src.exp(n, s.d64)", "s.src.exp(0, s.d64)", "sampler"},
	{"proposals are not thinned, 128 bits", "noise/sampler.go", "s.src.exp128(n, s.d128)", "s.src.exp128(u128{}, s.d128)", "sampler"},
	{"proposals are not thinned, big", "noise/sampler.go", "s.src.expBig(&n, s.dBig)", "s.src.expBig(new(big.Int), s.dBig)", "sampler"},
	{"intervals of ± ½ sd", "release.go", "float64(1.96 *", "float64(0.5 *", "coverage-planner"},
	{"intervals of 60 %", "release.go", "}.Quantile(0.05)", "}.Quantile(0.4)", "coverage-laplace"},
	{"a merge drops what was there", "cube.go", "a[i] = sum", "a[i] = sum - a[i]", "sharding"},
}

// The code as it stands passes what the mutants must fail, and each mutant fails
// it. Mutants are compiled through an overlay, without the race detector.
func TestMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles each mutant: about a minute")
	}
	if *report != "" {
		t.Skip("TestAudit runs them for the report")
	}
	for _, c := range runMutants(t) {
		t.Logf("%s: %s: %s", c.What, c.Check, c.Saw)
	}
}

// mutantReleases makes the half of s visible, by six sd of the bound: at 40,000
// releases and ε 2.5, where δ is 0.151, an event of 0.401 against 0.0122 gives
// ln((0.388 − 0.151)/0.0153) = 2.74. The other mutants that statistics must catch
// are 10 sd off and more, but for the intervals: the worst of 28 cells decides.
const mutantReleases = 40_000

func runMutants(t *testing.T) []Caught {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := make([]Caught, len(mutants)+1)
	errs := make([]error, len(mutants)+1)
	slots := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if i == len(mutants) {
				errs[i] = unchanged(t)
				out[i] = Caught{What: "nothing", Check: "all of these", Saw: "pass", Pass: errs[i] == nil}
				return
			}
			out[i], errs[i] = mutants[i].run(t, root, filepath.Join(dir, fmt.Sprint(i)))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	return out
}

// unchanged runs every check that a mutant must fail on the code as it stands.
func unchanged(t *testing.T) error {
	names := map[string]bool{}
	for _, m := range mutants {
		names[m.check] = true
	}
	var list []string
	for n := range names {
		list = append(list, n)
	}
	b, err := goTest(t, "("+strings.Join(list, "|")+")")
	if err != nil {
		return fmt.Errorf("the unchanged code does not pass: %w\n%s", err, b)
	}
	return nil
}

var said = regexp.MustCompile(`(?m)FAILED: (.*)$`)

func (m mutant) run(t *testing.T, root, dir string) (Caught, error) {
	c := Caught{What: m.name, Check: m.check}
	file := filepath.Join(root, m.file)
	b, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	if n := bytes.Count(b, []byte(m.old)); n != 1 {
		return c, fmt.Errorf("mutant %q: %q stands %d times in privacy/%s, want once: bring the mutant up to date with the code", m.name, m.old, n, m.file)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return c, err
	}
	changed := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(changed, bytes.Replace(b, []byte(m.old), []byte(m.new), 1), 0o644); err != nil {
		return c, err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		return c, err
	}
	where := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(where, overlay, 0o644); err != nil {
		return c, err
	}
	output, err := goTest(t, m.check, "-overlay", where)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return c, fmt.Errorf("mutant %q passes the check %s:\n%s", m.name, m.check, output)
	case !errors.As(err, &exit):
		return c, err
	case !bytes.Contains(output, []byte("--- FAIL: TestAudit/"+m.check)):
		return c, fmt.Errorf("mutant %q does not run:\n%s", m.name, output)
	}
	c.Pass = true
	if line := said.FindSubmatch(output); line != nil {
		c.Saw = string(line[1])
	}
	return c, nil
}

// goTest runs a check in a process of its own, with what is on this machine.
func goTest(t *testing.T, check string, more ...string) ([]byte, error) {
	args := append([]string{"test", "-vet=off", "-count=1", "-ldflags=-w", "-run", "^TestAudit$/^" + check + "$"}, more...)
	args = append(args, ".", fmt.Sprintf("-audit.releases=%d", mutantReleases))
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOTOOLCHAIN=local")
	return cmd.CombinedOutput()
}
