package describe

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"halftone/outputs"
	"halftone/outputs/dataset"
	"halftone/privacy"
)

// A Label is privacy-label.json: the promise of a version, its price, and what
// it does not cover.
type Label struct {
	Format       string           `json:"format"`
	Dataset      string           `json:"dataset"`
	Version      string           `json:"version"`
	Guarantee    string           `json:"guarantee"`
	Unit         string           `json:"unit"`
	Neighbours   string           `json:"neighbours"`
	NoGuarantee  *SourcesLabel    `json:"no_guarantee,omitempty"`
	Contribution Contribution     `json:"contribution"`
	Mechanism    Mechanism        `json:"mechanism"`
	Budget       BudgetLabel      `json:"budget"`
	Amendments   []AmendmentLabel `json:"amendments,omitempty"`
	Releases     []ReleaseLabel   `json:"releases"`
	Withdrawn    []WithdrawnLabel `json:"withdrawn,omitempty"`
	Periods      []PeriodLabel    `json:"periods"`
	Person       SpentLabel       `json:"so_far"`
	Population   *PopulationLabel `json:"population,omitempty"`
	Odds         Odds             `json:"odds"`
	Corrected    *SourcesLabel    `json:"corrected_by_hand,omitempty"`
	NotCovered   []string         `json:"not_covered"`
}

// A SourcesLabel says something of sources, by their names.
type SourcesLabel struct {
	Sources []string `json:"sources"`
	Words   string   `json:"words"`
}

func sourcesLabel(names []string, words string) *SourcesLabel {
	if len(names) == 0 {
		return nil
	}
	return &SourcesLabel{names, words}
}

// A Contribution is the most that one unit does to the counts.
type Contribution struct {
	M        int64    `json:"M"`
	P        int64    `json:"P"` // 0: any number
	Words    string   `json:"words"`
	Enforced bool     `json:"enforced"`
	StatedBy []Stated `json:"stated_by"`
}

// A Stated is the bound of one source and who answers for it.
type Stated struct {
	Source      string `json:"source"`
	Agency      string `json:"agency"`
	PerPeriod   int64  `json:"per_period"`
	Periods     int64  `json:"periods"` // 0: any number
	Sensitivity int64  `json:"sensitivity"`
	By          string `json:"by"`
	Guarantee   string `json:"guarantee,omitempty"` // "none": for the people behind its figures no promise is made
	Bounded     bool   `json:"bounded,omitempty"`   // per_period is kept by Halftone: of one key's records of a period no more are counted
}

// A Mechanism is how the noise is made.
type Mechanism struct {
	Name       string `json:"name"`
	Words      string `json:"words"`
	Accounting string `json:"accounting"`
}

// A BudgetLabel is what may ever be spent.
type BudgetLabel struct {
	Amount
	Of string `json:"of"`
}

// A SpentLabel is what has been spent.
type SpentLabel struct {
	Amount
	Of string `json:"of"`
}

// A PopulationLabel is what datasets that may count the same people have cost one
// of them together, as their ledger stood when the version was composed.
type PopulationLabel struct {
	Name     string   `json:"name"`
	Datasets []string `json:"datasets"`
	Amount
	Of string `json:"of"`
}

// An Amount is a cost in the unit of the ledger, and as ε at δ.
type Amount struct {
	privacy.Cost
	Epsilon float64 `json:"epsilon"` // of a rho rounded up to six decimals
	Delta   float64 `json:"delta"`   // 0 with a pure ε
}

func amount(t privacy.Terms, nano uint64) Amount {
	return newAmount(t.Cost(nano), t.ShownDelta())
}

func newAmount(c privacy.Cost, delta float64) Amount {
	a := Amount{c, c.Epsilon(delta), delta}
	if !c.Pure() {
		a.Epsilon = math.Ceil(1e6*a.Epsilon-1e-3) / 1e6
	}
	return a
}

// A ReleaseLabel is the price of one release of the version.
type ReleaseLabel struct {
	Period  privacy.Period `json:"period"`
	Edition int            `json:"edition"`
	Amount
	Counts   *Amount `json:"counts,omitempty"`      // more than its price, since an amendment
	Approved int     `json:"approved_by,omitempty"` // people; their names are in the ledger
	// Sources for which there were corrections made by hand.
	Corrected []string `json:"corrected_by_hand,omitempty"`
}

// An AmendmentLabel says how the promise was restated.
type AmendmentLabel struct {
	Day      string `json:"day"`
	Reason   string `json:"reason"`
	BoundWas int64  `json:"M_was,omitempty"` // 0: M stays
	BoundNow int64  `json:"M_now,omitempty"`
	Words    string `json:"words"`
}

// A WithdrawnLabel is a release that is shown no more. Its price stays spent.
type WithdrawnLabel struct {
	Period  privacy.Period `json:"period"`
	Edition int            `json:"edition"`
	Day     string         `json:"withdrawn"`
	Reason  string         `json:"reason"`
	Amount
}

// A PeriodLabel is the price of a period, all editions and series.
type PeriodLabel struct {
	Period  privacy.Period `json:"period"`
	Charges int            `json:"charges"`
	Amount
}

// Odds is the promise in plain words.
type Odds struct {
	Sentence  string  `json:"sentence"`
	Before    float64 `json:"sure_before"`
	AtMost    float64 `json:"right_at_most"`
	Computing string  `json:"formula"`
}

// LabelFormat is the format of privacy-label.json.
const LabelFormat = "halftone-privacy-label/1"

// NewLabel is the privacy label of v; the prices are the ledger's.
func NewLabel(v outputs.Version) (Label, error) {
	acc, err := NewAccount(v.About.Dataset, v.Ledger)
	if err != nil {
		return Label{}, err
	}
	l, err := LabelFigures(v, acc)
	if err != nil {
		return Label{}, err
	}
	l.Population = populationLabel(v.Together, l.Unit)
	var stated []Stated
	for _, s := range v.About.Sources {
		stated = append(stated, Stated{s.Name, s.Agency, s.PerPeriod, s.Periods, s.Sensitivity, s.StatedBy, guaranteeOf(s.Name, acc.Guarantees), s.Bounded})
	}
	l.State(stated, acc.Guarantees)
	return l, nil
}

// guaranteeOf is what stands of a source in the label: "none", or "" for the promise.
func guaranteeOf(source string, g privacy.Guarantees) string {
	if slices.Contains(g.None(), source) {
		return "none"
	}
	return ""
}

// State says what sources stated, and which of it is kept by Halftone, in a label
// of figures. g is of its ledger.
func (l *Label) State(stated []Stated, g privacy.Guarantees) {
	var sources []outputs.Source
	for _, s := range stated {
		sources = append(sources, outputs.Source{Name: s.Source, PerPeriod: s.PerPeriod, Bounded: s.Bounded})
	}
	unit := outputs.Protected(l.Unit, g)
	l.Contribution.StatedBy = stated
	l.Contribution.Words = boundInWords(unit, l.Contribution.M, l.Contribution.P, sources, g)
	for i, words := range l.NotCovered {
		if words == underDeclared(unit, nil) {
			l.NotCovered[i] = underDeclared(unit, sources)
		}
	}
}

// LabelFigures is the label of v as its releases and its ledger make it: all of it
// but the population and who stated the bounds. acc is the account of v's ledger.
func LabelFigures(v outputs.Version, acc Account) (Label, error) {
	m, err := promised(v)
	if err != nil {
		return Label{}, err
	}
	amendments, err := v.Amendments()
	if err != nil {
		return Label{}, fmt.Errorf("describe: label: %w", err)
	}
	corrected, err := v.Corrected()
	if err != nil {
		return Label{}, fmt.Errorf("describe: label: %w", err)
	}
	g, unit := acc.Guarantees, m.Unit
	m.Unit = outputs.Protected(unit, g) // of all sentences
	of := "one " + m.Unit
	if acc.Terms.PerPeriod {
		of += " and period"
	}
	l := Label{Format: LabelFormat, Dataset: v.About.Dataset, Version: v.Name, Guarantee: guarantee(m, acc.Spent(), amendments, g), Unit: unit,
		Neighbours:   neighbours(m, g),
		NoGuarantee:  sourcesLabel(g.None(), outputs.NoGuaranteeInWords(g)),
		Corrected:    sourcesLabel(corrected, outputs.CorrectedInWords(corrected)),
		Contribution: contribution(m, g),
		Mechanism:    mechanism(m.Plan.Mechanism, acc.Terms.Delta),
		Budget:       BudgetLabel{amount(acc.Terms, acc.Terms.Budget), of},
		Person:       SpentLabel{amount(acc.Terms, acc.Person), of + " over all releases so far"},
		Odds:         NewOdds(m.Unit, acc.Terms.PerPeriod, acc.Spent(), g), NotCovered: notCovered(m, g)}
	if acc.Terms.PerPeriod {
		l.Person.Of = of + ", the dearest period so far"
	}
	for _, a := range amendments {
		l.Amendments = append(l.Amendments, AmendmentLabel{a.Day.Format(time.DateOnly), a.Reason, a.BoundWas, a.BoundNow, a.InWords(m.Unit)})
	}
	if err := l.releases(v, acc); err != nil {
		return Label{}, fmt.Errorf("describe: label: %w", err)
	}
	for _, p := range acc.Periods {
		l.Periods = append(l.Periods, PeriodLabel{p.Period, p.Editions, amount(acc.Terms, p.Nano)})
	}
	return l, nil
}

// releases lists what is shown and what is shown no more.
func (l *Label) releases(v outputs.Version, acc Account) error {
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return err
		}
		c, ok := acc.Charges[k]
		if !ok {
			return fmt.Errorf("the ledger has no charge of %s", k)
		}
		r := ReleaseLabel{Period: k.Period, Edition: k.Edition, Amount: amount(acc.Terms, c.Cost), Approved: len(c.By), Corrected: c.Corrected}
		if n := acc.Counts[k]; n != c.Cost {
			counts := amount(acc.Terms, n)
			r.Counts = &counts
		}
		l.Releases = append(l.Releases, r)
	}
	withdrawn, err := v.Withdrawn()
	for _, w := range withdrawn {
		l.Withdrawn = append(l.Withdrawn, WithdrawnLabel{w.Key.Period, w.Key.Edition, w.Day.Format(time.DateOnly), w.Reason, newAmount(w.Cost, acc.Terms.ShownDelta())})
	}
	return err
}

func populationLabel(t outputs.Together, unit string) *PopulationLabel {
	if t.Population == "" {
		return nil
	}
	return &PopulationLabel{t.Population, t.Datasets, newAmount(t.Cost, t.Delta), "one " + unit + " who is in all of these datasets"}
}

// JSON writes l.
func (l Label) JSON() ([]byte, error) { return encode(l) }

func neighbours(m privacy.Model, g privacy.Guarantees) string {
	what := "all data of one " + m.Unit
	if m.Bound.Periods == 0 {
		what = "the data of one " + m.Unit + " in one period"
	}
	if len(g.None()) > 0 && !g.Nobody() {
		what += ", in sources that have a guarantee"
	}
	return "Everything ever pulled, with and without " + what + "."
}

// mechanism says how the noise is made and paid for; delta is the declared one.
func mechanism(name string, delta float64) Mechanism {
	if name == privacy.PlannerMechanism {
		return Mechanism{name, "Residual planner: what a table adds to the coarser ones is measured once, in whole numbers, with exact discrete Gaussian noise, " +
			"and every table is computed from the same measurements, so that estimates add up. The noise follows from declared rules and never from the data.",
			"zero-concentrated differential privacy (zCDP): rho of releases adds up and is converted to (epsilon, delta) by the bound of Canonne, Kamath and Steinke (2020)"}
	}
	m := Mechanism{name, "Every cell of every table gets its own draw of Laplace noise, rounded to an integer, once. " +
		"The scale is tables × M / epsilon; it follows from declared rules and never from the data.", "pure epsilon, which adds up over releases"}
	if delta > 0 {
		m.Accounting += "; the declared delta of " + outputs.Plain(delta) + " is not used"
	}
	return m
}

func contribution(m privacy.Model, g privacy.Guarantees) Contribution {
	return Contribution{M: m.Bound.PerPeriod, P: m.Bound.Periods, Words: boundInWords(m.Unit, m.Bound.PerPeriod, m.Bound.Periods, nil, g)}
}

// boundInWords says what one unit changes, which of it is kept by Halftone, and for
// whom nothing bounds it.
func boundInWords(unit string, perPeriod, periods int64, sources []outputs.Source, g privacy.Guarantees) string {
	words := fmt.Sprintf("One %s changes the counts of a period by at most %d in all and is counted, over all pulls ever made, in %s. %s",
		unit, perPeriod, periodsInWords(periods), outputs.KeptInWords(unit, sources))
	if names := g.None(); len(names) > 0 {
		words += " For the people behind " + strings.Join(names, ", ") + " there is no such bound."
	}
	return words
}

// underDeclared says what becomes of the promise where a bound does not hold.
func underDeclared(unit string, sources []outputs.Source) string {
	who := "M and P are stated by people and not enforced."
	if outputs.AnyKept(sources) {
		who = outputs.KeptInWords(unit, sources)
	}
	return fmt.Sprintf("A source that under-declares: if one %s changes the counts by more than M, or in more than P periods, the promise is weaker. %s", unit, who)
}

// NewOdds says in plain words what a cost promises: someone who is 50 % sure is
// right at most e^ε/(1+e^ε) of the time with a pure ε, ½+√(ρ/8) with zCDP. The
// percentage is rounded up.
// Of the people behind sources without a guarantee it says nothing.
func NewOdds(unit string, perPeriod bool, c outputs.Spent, g privacy.Guarantees) Odds {
	p, formula := 1/(1+math.Exp(-c.Epsilon(0))), "e^ε/(1+e^ε), ε = "+dataset.Nano(c.NanoEpsilon)
	if !c.Pure() {
		p, formula = min(1, 0.5+math.Sqrt(float64(c.NanoRho)/8e9)), "½+√(ρ/8), ρ = "+dataset.Nano(c.NanoRho)
	}
	where := "in the data"
	if perPeriod {
		where = "in the data of a period"
	}
	sentence := fmt.Sprintf("Someone who is 50 %% sure that %s %s is %s is right at most %d %% of the time after reading all of it.", article(unit), unit, where, c.Guess())
	if names := g.None(); len(names) > 0 {
		sentence += " That is not said of the people behind " + strings.Join(names, ", ") + "."
	}
	return Odds{sentence, 0.5, math.Ceil(p*1e4-1e-7) / 1e4, formula}
}

func article(noun string) string {
	if noun != "" && (noun[0] == 'a' || noun[0] == 'e' || noun[0] == 'i' || noun[0] == 'o') {
		return "an"
	}
	return "a"
}

func notCovered(m privacy.Model, g privacy.Guarantees) []string {
	var out []string
	if names := g.None(); len(names) > 0 {
		out = append(out, "The people behind "+strings.Join(names, ", ")+": no guarantee is given for them.")
	}
	out = append(out,
		underDeclared(m.Unit, nil),
		"What others publish: an agency's own tables, leaks, and other datasets about the same people. Their costs add.",
		"Whether and when a release appears. The promise covers what releases contain.",
		"Settings that were chosen by looking at exact data.",
	)
	if m.Bound.Periods == 0 {
		out = append(out, fmt.Sprintf("One %s over several periods: the promise is for one %s and period.", m.Unit, m.Unit))
	}
	return out
}
