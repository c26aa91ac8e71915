package describe

import (
	"fmt"
	"math"

	"halftone/outputs"
	"halftone/outputs/dataset"
	"halftone/privacy"
)

// A Label is privacy-label.json: the promise of a version, its price, and what
// it does not cover.
type Label struct {
	Format       string         `json:"format"`
	Dataset      string         `json:"dataset"`
	Version      string         `json:"version"`
	Guarantee    string         `json:"guarantee"`
	Unit         string         `json:"unit"`
	Neighbours   string         `json:"neighbours"`
	Contribution Contribution   `json:"contribution"`
	Mechanism    Mechanism      `json:"mechanism"`
	Budget       BudgetLabel    `json:"budget"`
	Releases     []ReleaseLabel `json:"releases"`
	Periods      []PeriodLabel  `json:"periods"`
	Person       SpentLabel     `json:"so_far"`
	Odds         Odds           `json:"odds"`
	NotCovered   []string       `json:"not_covered"`
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
}

// A Mechanism is how the noise is made.
type Mechanism struct {
	Name       string `json:"name"`
	Words      string `json:"words"`
	Accounting string `json:"accounting"`
}

// A BudgetLabel is what may ever be spent.
type BudgetLabel struct {
	Epsilon     float64 `json:"epsilon"`
	NanoEpsilon uint64  `json:"epsilon_nano"`
	Delta       float64 `json:"delta"`
	Of          string  `json:"of"`
}

// A SpentLabel is what has been spent.
type SpentLabel struct {
	Epsilon     float64 `json:"epsilon"`
	NanoEpsilon uint64  `json:"epsilon_nano"`
	Delta       float64 `json:"delta"`
	Of          string  `json:"of"`
}

// A ReleaseLabel is the price of one release of the version.
type ReleaseLabel struct {
	Period      privacy.Period `json:"period"`
	Edition     int            `json:"edition"`
	Epsilon     float64        `json:"epsilon"`
	NanoEpsilon uint64         `json:"epsilon_nano"`
	Delta       float64        `json:"delta"`
}

// A PeriodLabel is the price of a period, all editions and series.
type PeriodLabel struct {
	Period      privacy.Period `json:"period"`
	Charges     int            `json:"charges"`
	Epsilon     float64        `json:"epsilon"`
	NanoEpsilon uint64         `json:"epsilon_nano"`
	Delta       float64        `json:"delta"`
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
	m, err := newest(v)
	if err != nil {
		return Label{}, err
	}
	acc, err := NewAccount(v.About.Dataset, v.Ledger)
	if err != nil {
		return Label{}, err
	}
	var keys []privacy.Key
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return Label{}, fmt.Errorf("describe: label: %w", err)
		}
		keys = append(keys, k)
	}
	l, err := LabelFigures(v.About.Dataset, v.Name, keys, m, acc)
	for _, s := range v.About.Sources {
		l.Contribution.StatedBy = append(l.Contribution.StatedBy, Stated{s.Name, s.Agency, s.PerPeriod, s.Periods, s.Sensitivity, s.StatedBy})
	}
	return l, err
}

// LabelFigures is the label of a version with the given releases, the newest of
// which was made as m says: all of it but who stated the bounds.
func LabelFigures(dataset, version string, keys []privacy.Key, m privacy.Model, acc Account) (Label, error) {
	of := "one " + m.Unit
	if acc.Terms.PerPeriod {
		of += " and period"
	}
	l := Label{Format: LabelFormat, Dataset: dataset, Version: version, Guarantee: guarantee(m, acc.Person), Unit: m.Unit,
		Neighbours:   "Everything ever pulled, with and without all data of one " + m.Unit + ".",
		Contribution: contribution(m),
		Mechanism: Mechanism{m.Plan.Mechanism, "Every cell of every table gets its own draw of Laplace noise, rounded to an integer, once. " +
			"The scale is tables × M / epsilon; it follows from declared rules and never from the data.",
			"spent as pure epsilon: the declared delta is not used"},
		Budget: BudgetLabel{epsilon(acc.Terms.Budget), acc.Terms.Budget, acc.Terms.Delta, of},
		Person: SpentLabel{epsilon(acc.Person), acc.Person, 0, of + " over all releases so far"},
		Odds:   NewOdds(m.Unit, acc.Terms.PerPeriod, acc.Person), NotCovered: notCovered(m)}
	if acc.Terms.PerPeriod {
		l.Person.Of = of + ", the dearest period so far"
	}
	for _, k := range keys {
		c, ok := acc.Charges[k]
		if !ok {
			return Label{}, fmt.Errorf("describe: the ledger has no charge of %s", k)
		}
		l.Releases = append(l.Releases, ReleaseLabel{k.Period, k.Edition, epsilon(c.Cost), c.Cost, 0})
	}
	for _, p := range acc.Periods {
		l.Periods = append(l.Periods, PeriodLabel{p.Period, p.Editions, epsilon(p.Nano), p.Nano, 0})
	}
	return l, nil
}

// JSON writes l.
func (l Label) JSON() ([]byte, error) { return encode(l) }

func epsilon(nano uint64) float64 { return float64(nano) / 1e9 }

func contribution(m privacy.Model) Contribution {
	return Contribution{M: m.Bound.PerPeriod, P: m.Bound.Periods, Words: fmt.Sprintf(
		"One %s changes the counts of a period by at most %d in all and is counted, over all pulls ever made, in at most %s. "+
			"This is stated, not enforced.", m.Unit, m.Bound.PerPeriod, periodsInWords(m.Bound.Periods))}
}

// NewOdds says in plain words what pure ε promises: someone who is 50 % sure is
// right at most e^ε/(1+e^ε) of the time. The percentage is rounded up.
func NewOdds(unit string, perPeriod bool, nano uint64) Odds {
	p := 1 / (1 + math.Exp(-epsilon(nano)))
	where := "in the data"
	if perPeriod {
		where = "in the data of a period"
	}
	// Rounded down only where binary fractions are off by less than a billionth.
	percent := math.Ceil(p*100 - 1e-9)
	return Odds{fmt.Sprintf("Someone who is 50 %% sure that %s %s is %s is right at most %.0f %% of the time after reading all of it.",
		article(unit), unit, where, percent), 0.5, math.Ceil(p*1e4-1e-7) / 1e4, "e^ε/(1+e^ε), ε = " + dataset.Nano(nano)}
}

func article(noun string) string {
	if noun != "" && (noun[0] == 'a' || noun[0] == 'e' || noun[0] == 'i' || noun[0] == 'o') {
		return "an"
	}
	return "a"
}

func notCovered(m privacy.Model) []string {
	out := []string{
		fmt.Sprintf("A source that under-declares: if one %s changes the counts by more than M, or in more than P periods, the promise is weaker. "+
			"M and P are stated by people and not enforced.", m.Unit),
		"What others publish: an agency's own tables, leaks, and other datasets about the same people. Their costs add.",
		"Whether and when a release appears. The promise covers what releases contain.",
		"Settings that were chosen by looking at exact data.",
	}
	if m.Bound.Periods == 0 {
		out = append(out, fmt.Sprintf("One %s over several periods: the promise is for one %s and period.", m.Unit, m.Unit))
	}
	return out
}
