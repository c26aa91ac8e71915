package report

import (
	"fmt"
	"strings"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/dataset"
	"halftone/outputs/report/page"
	"halftone/privacy"
)

// privacyBox is the promise and what it rests on.
type privacyBox struct {
	Epsilon, Factor string // spent so far by the releases, e^ε
	Delta, Rho      string // with zCDP; "" with a pure ε
	Declared        string
	PerPeriod       bool
	PerPeriodMax    string // M
	Periods         string // P
	StatedBy        []string
	Mechanism       string
	Releases        string
	Head            string
	Together        *together // nil: no population is declared
	Amended         []string  // sentences
	NoGuarantee     string    // sentences; "": the promise is made for all
	Some            bool      // there are sources with a guarantee and without one
	Corrected       string    // a sentence; "": nothing was corrected by hand
	AnyKept         bool      // M of a source is enforced
	Kept            string    // a sentence: which bounds are enforced
}

func (w writer) privacy() (privacyBox, error) {
	m, err := w.v.Releases[len(w.v.Releases)-1].Release.Model()
	if err != nil {
		return privacyBox{}, err
	}
	if m.Bound, err = w.v.Bound(); err != nil { // as amended
		return privacyBox{}, err
	}
	amendments, err := w.v.Amendments()
	if err != nil {
		return privacyBox{}, err
	}
	spent := w.v.Spent
	b := privacyBox{Epsilon: spent.EpsilonText(), Factor: page.Factor(spent.Epsilon(spent.Delta)),
		PerPeriod: m.Bound.Periods == 0, PerPeriodMax: w.Int(m.Bound.PerPeriod), Periods: w.bound(m.Bound.Periods),
		Mechanism: mechanisms[m.Plan.Mechanism], Releases: w.Int(int64(len(w.v.Releases))), Head: w.v.Head, Together: w.together()}
	b.NoGuarantee, b.Corrected = outputs.NoGuaranteeInWords(w.guarantees), outputs.CorrectedInWords(w.corrected)
	b.Some = b.NoGuarantee != "" && !w.guarantees.Nobody()
	if n := len(w.slots) - len(w.v.Releases); n > 0 {
		b.Releases += " shown and " + w.Int(int64(n)) + " withdrawn"
	}
	b.Kept = "They are stated, not enforced."
	if b.AnyKept = outputs.AnyKept(w.about.Sources); b.AnyKept {
		b.Kept = outputs.KeptInWords(w.unit(), w.about.Sources)
	}
	for _, a := range amendments {
		b.Amended = append(b.Amended, a.InWords(w.unit()))
	}
	switch budget := w.about.Budget; {
	case budget.Rho > 0:
		b.Declared = "ρ " + outputs.Plain(budget.Rho)
	case budget.Delta > 0 && spent.Pure():
		b.Declared = "ε " + outputs.Plain(budget.Epsilon) + ", δ " + outputs.Plain(budget.Delta) + ", spent as pure ε"
	case budget.Delta > 0:
		b.Declared = "ε " + outputs.Plain(budget.Epsilon) + ", δ " + outputs.Plain(budget.Delta) + ", spent as ρ"
	default:
		b.Declared = "ε " + outputs.Plain(budget.Epsilon)
	}
	if !spent.Pure() {
		b.Delta, b.Rho = outputs.Plain(spent.Delta), dataset.Nano(spent.NanoRho)
	}
	for _, s := range w.about.Sources {
		if s.StatedBy != "" {
			b.StatedBy = append(b.StatedBy, w.named(s)+": "+s.StatedBy)
		}
	}
	return b, nil
}

// mechanisms say in a line how the noise is made.
var mechanisms = map[string]string{
	privacy.LaplaceMechanism: "Laplace: noise drawn once for every cell of every table, in whole numbers",
	privacy.PlannerMechanism: "residual planner: discrete Gaussian noise, drawn once, in what each table adds to the coarser ones; all tables are computed from the same numbers",
}

// together is what datasets that may count the same people cost one of them.
type together struct{ Population, Datasets, Epsilon, Delta string }

func (w writer) together() *together {
	t := w.v.Together
	if t.Population == "" {
		return nil
	}
	o := together{Population: t.Population, Datasets: strings.Join(t.Datasets, ", "), Epsilon: t.EpsilonText()}
	if !t.Pure() {
		o.Delta = outputs.Plain(t.Delta)
	}
	return &o
}

// A file is a row of the list of tables.
type file struct {
	Title, Name, CSV, Parquet, Cells, Rows, Half, Share string
}

func (w writer) files() (out []file, err error) {
	for _, t := range w.tables {
		half, err := w.half(t)
		if err != nil {
			return nil, err
		}
		noise, numbers := noisy(t)
		out = append(out, file{w.title(t), t.Name, "../data/" + t.Name + ".csv", "../data/" + t.Name + ".parquet",
			w.Int(int64(claims.Cells(t))), w.Int(int64(t.Rows())), w.Int(half), w.share(noise, numbers)})
	}
	return out, nil
}

func (w writer) cite() string {
	s := fmt.Sprintf("%s (%d). %s, version %s.", w.about.Publisher.Name, w.v.Composed.Year(), w.about.Title.In(w.Tag), w.v.Name)
	if w.about.BaseURL != "" {
		s += " " + page.Join(w.about.BaseURL, "datasets", w.about.Dataset, "versions", w.v.Name) + "/"
	}
	return s
}
