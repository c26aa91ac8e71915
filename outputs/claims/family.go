package claims

import (
	"slices"

	"halftone/outputs"
	"halftone/privacy"
)

// HeadlineCells is the most cells that a headline table has in a period.
const HeadlineCells = 12

// Cells is the number of cells of t in one period.
func Cells(t outputs.Table) int {
	n := 0
	for n < len(t.Period) && t.Period[n] == t.Period[0] {
		n++
	}
	return n
}

// Lead returns the place in tables of the one that a report leads with:
// About.Lead, or else the table with the fewest cells. It is -1 for no tables.
func Lead(a outputs.About, tables []outputs.Table) int {
	lead := -1
	for i, t := range tables {
		if t.Name == a.Lead {
			return i
		}
		if lead < 0 || Cells(t) < Cells(tables[lead]) {
			lead = i
		}
	}
	return lead
}

// Headline returns the tables that sentences are made of: those of at most
// [HeadlineCells] cells in order, with the lead table first whatever its size.
func Headline(a outputs.About, tables []outputs.Table) []outputs.Table {
	lead := Lead(a, tables)
	if lead < 0 {
		return nil
	}
	out := []outputs.Table{tables[lead]}
	for i, t := range tables {
		if i != lead && Cells(t) <= HeadlineCells {
			out = append(out, t)
		}
	}
	return out
}

// A comparison is two windows of one cell before anything is decided.
type comparison struct {
	Claim
	to    privacy.Noise // of After
	noise privacy.Noise // of D
}

// family lists every comparison of a version, in the order of headline tables,
// cells, kinds. Which comparisons there are depends on periods and tables only, and
// on the structural zeros that are declared: of those there is nothing to say.
func family(v outputs.Version, tables []outputs.Table) ([]comparison, error) {
	slots, err := v.Slots()
	if err != nil {
		return nil, err
	}
	var out []comparison
	for i, t := range Headline(v.About, tables) {
		r := row{v: v, t: t, cells: Cells(t), at: map[privacy.Period]int{}, slots: slots}
		for i, s := range slots {
			r.at[s.Period] = i
		}
		for cell := range r.cells {
			for _, w := range windows(v, t, i == 0) {
				if r.never(cell, w) {
					continue
				}
				c, err := r.compare(cell, w)
				if err != nil {
					return nil, err
				}
				out = append(out, c)
			}
		}
	}
	return out, nil
}

type pair struct {
	kind     Kind
	from, to Window
}

// windows lists the comparisons of a table's cells. A comparison is listed when
// the version reaches back to its start; whether it can be made is seen later.
func windows(v outputs.Version, t outputs.Table, lead bool) []pair {
	all := span(t)
	n := len(all)
	var out []pair
	add := func(k Kind, to, from, length int) { // from, to: periods back from the newest, of the windows' last
		if n >= from+length {
			window := func(back int) Window { return Window{all[n-back-length], all[n-1-back]} }
			out = append(out, pair{k, window(from), window(to)})
		}
	}
	add(Previous, 0, 1, 1)
	switch {
	case n == 0 || all[0].Months() >= 12:
		if lead {
			add(Previous, 1, 2, 1)
		}
	default:
		year := 12 / all[0].Months()
		add(YearAgo, 0, year, 1)
		if v.About.Measure != "stock" { // stocks of 12 months add up to nothing
			add(TwelveMonths, 0, year, year)
		}
	}
	return out
}

// span lists the periods from the first of t to the newest that is not withdrawn,
// those without a release too.
func span(t outputs.Table) []privacy.Period {
	_, end := t.Newest()
	if end == 0 {
		return nil
	}
	last := t.Period[end-1]
	all := []privacy.Period{t.Period[0]}
	for all[len(all)-1].Before(last) {
		all = append(all, all[len(all)-1].Next())
	}
	return all
}

// A row finds the numbers of one table.
type row struct {
	v     outputs.Version
	t     outputs.Table
	cells int
	slots []outputs.Slot
	at    map[privacy.Period]int // place in slots
}

// compare adds up both windows of a cell, or says why they cannot be compared.
func (r row) compare(cell int, w pair) (comparison, error) {
	c := comparison{Claim: Claim{Table: r.t.Name, Codes: r.codes(cell), Kind: w.kind, From: w.from, To: w.to, P: 1, ChanceP: 1}}
	c.Reason = r.obstacle(cell, w)
	if c.Reason != "" {
		c.Verdict = CannotSay
		return c, nil
	}
	from, before, err := r.add(cell, w.from)
	if err != nil {
		return c, err
	}
	to, after, err := r.add(cell, w.to)
	if err != nil {
		return c, err
	}
	c.Before, c.After, c.to, c.noise = before, after, to, to.Plus(from)
	c.D = c.After - c.Before
	if i := r.at[w.to.Last]*r.cells + cell; w.to.First == w.to.Last { // as the table has it
		c.Value, c.ToLow, c.ToHigh = r.t.Value[i], r.t.Low[i], r.t.High[i]
	}
	c.P = c.noise.P(c.D)
	c.ChanceP = c.noise.PlusChance(max(0, c.Before+c.After)).P(c.D)
	return c, nil
}

// never reports whether nobody can be in a cell over both windows.
func (r row) never(cell int, w pair) bool {
	for _, x := range []Window{w.from, w.to} {
		for p := x.First; !x.Last.Before(p); p = p.Next() {
			if at, ok := r.at[p]; !ok || r.t.Status[at*r.cells+cell] != outputs.StructuralZero {
				return false
			}
		}
	}
	return true
}

// add returns the sum of a cell's estimates over a window, and its noise: the
// draws of different periods are independent.
func (r row) add(cell int, w Window) (n privacy.Noise, sum float64, err error) {
	for p := w.First; !w.Last.Before(p); p = p.Next() {
		i := r.at[p]*r.cells + cell
		one, err := r.v.Releases[r.slots[r.at[p]].Release].Release.Noise(r.t.Name, r.t.Cell[i])
		if err != nil {
			return n, 0, err
		}
		n, sum = n.Plus(one), sum+r.t.Estimate[i]
	}
	return n, sum, nil
}

// obstacle says why two windows of a cell cannot be compared, from public facts
// only.
func (r row) obstacle(cell int, w pair) Reason {
	for _, b := range r.v.Breaks {
		if w.from.First.Before(b.At) && !w.to.Last.Before(b.At) {
			return AcrossBreak
		}
	}
	for _, s := range r.slots {
		if s.Withdrawn != nil && !s.Period.Before(w.from.First) && !w.to.Last.Before(s.Period) {
			return AcrossWithdrawn
		}
	}
	var reporters []string
	for _, x := range []Window{w.from, w.to} {
		for p := x.First; !x.Last.Before(p); p = p.Next() {
			at, ok := r.at[p]
			if !ok || r.t.Status[at*r.cells+cell].Empty() || r.t.Status[at*r.cells+cell] == outputs.StructuralZero {
				return EmptyCell
			}
			e := r.v.Releases[r.slots[at].Release]
			now := slices.Sorted(slices.Values(e.Reporting))
			if len(e.Reporting) < len(e.Expected) || reporters != nil && !slices.Equal(reporters, now) {
				return OtherReporters
			}
			reporters = now
		}
	}
	return ""
}

func (r row) codes(cell int) []string {
	out := make([]string, len(r.t.Codes))
	for d := range out {
		out[d] = r.t.Codes[d][cell]
	}
	return out
}
