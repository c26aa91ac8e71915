package plan_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"testing"

	peer "github.com/google/differential-privacy/go/v3/noise"

	"halftone/privacy"
	"halftone/privacy/domain"
	"halftone/privacy/plan"
)

// grown makes a dimension; sizes[l] are the children of each node of level l.
func grown(name string, sizes ...[]int) domain.Dimension {
	d := domain.Dimension{Name: name, Levels: []domain.Level{{Name: "all", Codes: []string{domain.Total}}}}
	for l, kids := range sizes {
		lv := domain.Level{Name: fmt.Sprint(l)}
		for p, n := range kids {
			for range n {
				lv.Codes, lv.Parent = append(lv.Codes, fmt.Sprint(len(lv.Codes))), append(lv.Parent, uint32(p))
			}
		}
		d.Levels = append(d.Levels, lv)
	}
	return d
}

// million is a domain of 1.1 million cells: 51 states and 3,077 counties, 20
// offences in 5 groups, sex, age; 20 tables, the finest among them.
func million() privacy.Spec {
	counties := make([]int, 51)
	for i := range counties {
		counties[i] = 12 + i*37%97
	}
	s := spec(grown("place", []int{51}, counties), grown("offence", []int{5}, []int{6, 5, 4, 3, 2}), grown("sex", []int{3}), grown("age", []int{6}))
	for _, l := range [][]int{
		{2, 2, 1, 1}, {1, 2, 1, 1}, {0, 2, 1, 1}, {2, 1, 1, 1}, {1, 1, 1, 1}, {0, 1, 1, 1}, {2, 0, 1, 1}, {1, 0, 1, 1}, {0, 0, 1, 1}, {2, 2, 0, 0},
		{1, 2, 0, 0}, {0, 2, 0, 0}, {2, 2, 1, 0}, {1, 2, 1, 0}, {2, 2, 0, 1}, {1, 2, 0, 1}, {2, 0, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 0}, {0, 1, 0, 0},
	} {
		s.Tables = append(s.Tables, domain.Table{Name: fmt.Sprint(l), Levels: l})
	}
	return s
}

// twelve has 12 dimensions of 10 codes and the 79 tables of up to two of them.
func twelve() privacy.Spec {
	var dims []domain.Dimension
	for d := range 12 {
		dims = append(dims, grown(fmt.Sprint(d), []int{10}))
	}
	s := spec(dims...)
	for a := range 12 {
		for b := range a + 1 {
			l := make([]int, 12)
			l[a], l[b] = 1, 1 // a = b: one dimension
			s.Tables = append(s.Tables, domain.Table{Name: fmt.Sprint(l), Levels: l})
		}
	}
	s.Tables = append(s.Tables, domain.Table{Name: "total", Levels: make([]int, 12)})
	return s
}

func spec(dims ...domain.Dimension) privacy.Spec {
	return privacy.Spec{Dataset: "d", Series: 1, Measure: "flow", Unit: "event", Every: "year", Dimensions: dims, Editions: 1, Mechanism: plan.PlannerMechanism,
		Sources: []privacy.Source{{Name: "s", PerPeriod: 1, Periods: 1, Sensitivity: 1}}, Budget: privacy.Budget{NanoRho: 100_000_000}}
}

func planned(b *testing.B, s privacy.Spec) (plan.Plan, *plan.Model) {
	b.Helper()
	p, err := plan.Residual(s.Dimensions, s.Tables, 1, s.Budget.NanoRho)
	if err != nil {
		b.Fatal(err)
	}
	m, err := p.Open(s.Dimensions, s.Tables, 1)
	if err != nil {
		b.Fatal(err)
	}
	return p, m
}

// cells counts what is published and what is measured.
func cells(b *testing.B, s privacy.Spec, p plan.Plan) (published, measured int) {
	b.Helper()
	count := func(levels []int) int {
		n, err := domain.Cells(s.Dimensions, levels)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	for _, t := range s.Tables {
		published += count(t.Levels)
	}
	for _, m := range p.Measurements {
		measured += count(m.Levels)
	}
	return published, measured
}

// perCell adds what one published cell takes of time and of allocations.
func perCell(b *testing.B, published int, run func()) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	runtime.ReadMemStats(&after)
	n := float64(b.N) * float64(published)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/cell")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/cell")
}

func BenchmarkPlan20Tables(b *testing.B) {
	s := million()
	b.ReportAllocs()
	for b.Loop() {
		planned(b, s)
	}
}

func Benchmark12Dimensions(b *testing.B) {
	s := twelve()
	b.ReportAllocs()
	for b.Loop() {
		planned(b, s)
	}
}

// measure is everything from the filled cube to the sealed file, opened again;
// reconstruct is all estimates and variances from the sealed integers. The peers
// only add noise, to as many numbers as are published.
func BenchmarkMeasureReconstruct20Tables(b *testing.B) {
	s := million()
	p, m := planned(b, s)
	published, measured := cells(b, s, p)
	b.Run("measure", func(b *testing.B) {
		c, k := filled(b, s)
		perCell(b, published, func() {
			if _, err := privacy.Measure(b.Context(), s, c, k, privacy.Input{}, new(oneFile)); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(published)/1e6, "Mcells")
		b.ReportMetric(float64(measured)/1e6, "Mdraws")
	})
	b.Run("reconstruct", func(b *testing.B) {
		var noisy [][]int64
		for _, me := range p.Measurements {
			n, _ := domain.Cells(s.Dimensions, me.Levels)
			noisy = append(noisy, make([]int64, n))
		}
		perCell(b, published, func() {
			rec, err := m.Geometry().Reconstruct(noisy)
			if err != nil {
				b.Fatal(err)
			}
			for i := range s.Tables {
				rec.Table(i)
				m.Scales().Variance(i)
			}
		})
	})
	for name, n := range map[string]peer.Noise{"google-gaussian": peer.Gaussian(), "google-laplace": peer.Laplace()} {
		b.Run(name, func(b *testing.B) {
			delta := 0.0
			if name == "google-gaussian" {
				delta = 1e-9
			}
			perCell(b, published, func() {
				for i := range published {
					if _, err := n.AddNoiseInt64(int64(i), 1, 1, 1/math.Sqrt(float64(len(s.Tables))), delta); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func filled(b *testing.B, s privacy.Spec) (privacy.Cube, privacy.Key) {
	b.Helper()
	k := privacy.Key{Dataset: s.Dataset, Series: 1, Edition: 1}
	var err error
	if k.Period, err = privacy.ParsePeriod("2026"); err != nil {
		b.Fatal(err)
	}
	c, err := privacy.NewCube(s, k.Period)
	if err != nil {
		b.Fatal(err)
	}
	codes, n := make([][]uint32, len(s.Dimensions)), make([]int64, 100_000)
	for d, dim := range s.Dimensions {
		for i := range n {
			codes[d] = append(codes[d], uint32(i*(2*d+7)%len(dim.Leaf().Codes)))
		}
	}
	for i := range n {
		n[i] = int64(i % 50)
	}
	if err := c.Add(codes, n); err != nil {
		b.Fatal(err)
	}
	return c, k
}

// oneFile is a ledger that keeps one release in memory and charges nothing.
type oneFile struct{ b []byte }

func (*oneFile) Reserve(context.Context, privacy.Charge) error { return nil }

func (l *oneFile) Seal(_ context.Context, _ privacy.Key, b []byte) error {
	l.b = b
	return nil
}

func (l *oneFile) Sealed(context.Context, privacy.Key) ([]byte, error) {
	if l.b == nil {
		return nil, privacy.ErrNotReleased
	}
	return l.b, nil
}
