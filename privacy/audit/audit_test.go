package audit

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"halftone/privacy/plan"
)

var (
	long     = flag.Bool("audit.long", false, "run the long form (minutes)")
	report   = flag.String("audit.report", "", "write the figures to this file, as Markdown")
	seed     = flag.Uint64("audit.seed", 0, "decides which cases are tried; 0 takes one by chance")
	releases = flag.Int("audit.releases", 0, "planner: releases of each of two neighbouring cubes; 0 is what the form says")
)

// alarm is the most that a run of the short form may fail with if nothing is
// wrong. All statistical tests of this package are in it or are far off it: see
// each.
const alarm = 1e-5

func form() Form {
	f := Short()
	switch {
	case *long:
		f = Long()
	case raced:
		f = Tiny()
	}
	if *releases > 0 {
		f.Releases = *releases
	}
	return f
}

func picker(t *testing.T) Pick {
	s := *seed
	for s == 0 {
		s = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the cases are those of -audit.seed %d", s)
		}
	})
	return rand.New(rand.NewPCG(s, 0)).IntN
}

// Every attack, at the size that the flags say. The false-alarm rate of the
// short form is checked here against 10⁻⁵, summed over its findings.
func TestAudit(t *testing.T) {
	var all []Finding
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			findings, err := c.Run(t.Context(), form(), picker(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				if f.Pass() {
					t.Log(f)
				} else {
					t.Errorf("FAILED: %v", f)
				}
			}
			all = append(all, findings...)
		})
	}
	if rate := FalseAlarm(all); rate > alarm {
		t.Errorf("a right implementation fails with probability %.2g, which is over %g", rate, alarm)
	} else {
		t.Logf("false-alarm rate: %.2g", rate)
	}
	if *report == "" {
		return
	}
	caught := append(wrongClaims(t), runMutants(t)...)
	var b bytes.Buffer
	if err := WriteReport(&b, all, caught); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*report, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Right draws and releases held against wrong claims must be caught.
func TestWrongClaimsAreCaught(t *testing.T) {
	if raced {
		t.Skip("nothing here runs in parallel that TestAudit does not; the power needs more releases than fit")
	}
	wrongClaims(t)
}

func wrongClaims(t *testing.T) (out []Caught) {
	t.Helper()
	want := func(what string, f Finding, least float64) {
		t.Helper()
		out = append(out, Caught{What: what, Check: f.Check + ", " + f.Tried, Saw: fmt.Sprintf("%s %.4g", f.Statistic, f.Value), Pass: !f.Pass()})
		if f.Pass() {
			t.Errorf("%s is not caught: %v", what, f)
		} else if f.Value < least {
			t.Errorf("%s is caught by luck: %v", what, f)
		}
	}
	// At σ ± 10 % the largest |z| is over 24 ± 1 at 50,000 draws.
	for _, g := range Widths() {
		x, err := drawn(g, 50_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []float64{0.9, 1.1} {
			s := g.Parameter() * f * f
			want(fmt.Sprintf("sd × %v", f), hold(x, s, fmt.Sprintf("s = %.4g, draws of s = %.4g", s, g.Parameter())), 12)
		}
	}
	for _, s := range Short().Shapes[:4] {
		r, err := s.planned()
		if err != nil {
			t.Fatal(err)
		}
		r.plan.NanoRho /= 2
		for k := range r.plan.Measurements {
			r.plan.Measurements[k].NanoRho /= 2
		}
		v := verdict{Finding{Check: "block", Tried: s.String(), Statistic: "δ(ε)", Bound: 1}, Finding{Check: "block", Tried: s.String(), Statistic: "D_α", Bound: 1}}
		v.changes(r, picker(t), 0)
		want("half of ρ charged", v.delta, 1.05)
		want("half of ρ charged", v.renyi, 1.9)
	}
	// The lower bounds of ε that these give are at least five sd above the wrong
	// charge: a run fails by chance less than once in 10⁶. A sharper lie takes more
	// releases, in the long form: half a charge, which is half of s.
	for _, lie := range []struct {
		mechanism      string
		part, releases [2]int
	}{
		{plan.PlannerMechanism, [2]int{4, 2}, [2]int{4_000, 40_000}},
		{plan.LaplaceMechanism, [2]int{8, 2}, [2]int{2_000, 10_000}},
	} {
		size := 0
		if *long {
			size = 1
		}
		a := newAttack(lie.mechanism)
		s, err := a.run(t.Context(), lie.releases[size])
		if err != nil {
			t.Fatal(err)
		}
		want(fmt.Sprintf("a charge of 1/%d", lie.part[size]), a.judge(s, a.charge/uint64(lie.part[size])), 1)
	}
	return out
}

// The same properties where a failure is shrunk to a small case.
func TestRandomTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Trees(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }, 1)
		if !f.Pass() {
			t.Fatal(f)
		}
	})
}

// Bounds of a known probability, from tables: 5 of 20 at 2.5 % a side.
func TestClopperPearson(t *testing.T) {
	for _, tc := range []struct {
		k, n             int
		alpha, low, high float64
	}{
		{5, 20, 0.025, 0.0866, 0.4910},
		{0, 10, 0.025, 0, 0.3085},
		{10, 10, 0.025, 0.6915, 1},
	} {
		low, high := clopperPearson(tc.k, tc.n, tc.alpha)
		if !near(low, tc.low, 1e-4) || !near(high, tc.high, 1e-4) {
			t.Errorf("%d of %d: [%.4f, %.4f], want [%.4f, %.4f]", tc.k, tc.n, low, high, tc.low, tc.high)
		}
	}
	// A z and its tail: 4.75342 sd is 10⁻⁶.
	if z := tailZ(1e-6); !near(z, 4.753424, 1e-6) {
		t.Errorf("z of 10⁻⁶: %v", z)
	}
}

func TestReport(t *testing.T) {
	var b bytes.Buffer
	err := WriteReport(&b, []Finding{{Check: "a|b", Value: 2, Bound: 1}, {Check: "c", Value: 1, Bound: 2, FalseAlarm: 1e-9}},
		[]Caught{{What: "m", Pass: true}, {What: "n"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 of 2 findings", "1 of 2 mutants", `a\|b`, "**FAILED**", "**MISSED**", "1e-09"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
