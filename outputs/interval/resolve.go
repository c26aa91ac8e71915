package interval

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"halftone/privacy"
)

// A Cell is one published figure.
type Cell struct {
	Table   string
	Period  privacy.Period
	Edition int
	Codes   []Code // of the dimensions that the table breaks down, in order

	version   *Version
	known     bool
	published published
}

// A Code of a dimension, with its label in the version's first language.
type Code struct{ Dimension, Code, Label string }

// String is c as a question has it.
func (c *Cell) String() string {
	var codes []string
	for _, k := range c.Codes {
		codes = append(codes, quote(k.Code))
	}
	in := ""
	if len(codes) > 0 {
		in = "[" + strings.Join(codes, ",") + "]"
	}
	return fmt.Sprintf("%s%s@%s.%d", c.Table, in, c.Period, c.Edition)
}

// quote puts a code in quotes where a question needs them.
func quote(code string) string {
	if code != "*" && code == strings.TrimSpace(code) && !strings.ContainsAny(code, `=,]"'`) {
		return code
	}
	return `"` + strings.ReplaceAll(code, `"`, `""`) + `"`
}

// A resolver looks up what a question names.
type resolver struct {
	ctx   context.Context
	text  string
	v     *Version
	cells []*Cell
	known map[string]int // cell by its name
}

// combine computes a node.
func (r *resolver) combine(n node) (combination, error) {
	switch n := n.(type) {
	case number:
		return combination{form: constant(n.value)}, nil
	case figure:
		cells, err := r.figure(n)
		if err != nil {
			return combination{}, err
		}
		f := form{new(big.Rat), map[int]*big.Rat{}}
		for _, c := range cells {
			key := c.String()
			i, ok := r.known[key]
			if !ok {
				if i = len(r.cells); i == maxCells {
					return combination{}, mistake(r.text, n.at, "the expression has more than %d figures", maxCells)
				}
				r.cells, r.known[key] = append(r.cells, c), i
			}
			f.weight[i] = big.NewRat(1, 1)
		}
		return combination{form: f}, nil
	}
	o := n.(operation)
	left, err := r.combine(o.left)
	if err != nil {
		return left, err
	}
	right, err := r.combine(o.right)
	if err != nil {
		return left, err
	}
	switch o.op {
	case '+':
		return left.plus(right, 1), nil
	case '-':
		return left.plus(right, -1), nil
	case '*':
		if left.plain() {
			return right.times(left.constant), nil
		}
		if right.plain() {
			return left.times(right.constant), nil
		}
		return left, mistake(r.text, o.at, "two figures cannot be multiplied: only numbers are weights")
	}
	out, why := left.over(right)
	if why != "" {
		return left, mistake(r.text, o.at, "%s", why)
	}
	return out, nil
}

// figure returns the cells that a figure is the sum of.
func (r *resolver) figure(f figure) ([]*Cell, error) {
	p, edition, v, err := r.period(f)
	if err != nil {
		return nil, err
	}
	name := f.name
	if name == "" {
		name = r.v.total()
	}
	names := []string{}
	for _, t := range r.v.model.Tables {
		names = append(names, t.Name)
	}
	i := slices.Index(names, name)
	if i < 0 {
		hint := meant(name, names)
		if hint == "" {
			hint = "; the version has " + list(names)
			if strings.Contains(name, "-") {
				hint += ". A minus between names needs spaces"
			}
		}
		return nil, mistake(r.text, f.at, "there is no table %q%s", name, hint)
	}
	codes, err := r.codes(f, r.v.model.Tables[i])
	if err != nil {
		return nil, err
	}
	var out []*Cell
	for _, c := range codes {
		out = append(out, &Cell{Table: name, Period: p, Edition: edition, Codes: c, version: v})
	}
	return out, nil
}

// total is the table that a period alone means: the lead table where it is a
// total, else one that is, else the lead table, which is added up.
func (v *Version) total() string {
	found := ""
	for _, t := range v.model.Tables {
		if slices.Max(append([]int{0}, t.Levels...)) == 0 && (found == "" || t.Name == v.lead) {
			found = t.Name
		}
	}
	if found == "" {
		return v.lead
	}
	return found
}

func (r *resolver) period(f figure) (p privacy.Period, edition int, v *Version, err error) {
	have := r.v.periods()
	if f.period == "" {
		p = have[len(have)-1]
		return p, r.v.edition(p), r.v, nil
	}
	text, behind, dotted := strings.Cut(f.period, ".")
	if p, err = privacy.ParsePeriod(text); err != nil {
		hint := ""
		if strings.Contains(text, "-") {
			hint = ". A minus between names needs spaces"
		}
		return p, 0, nil, mistake(r.text, f.when, "%q is not a period, such as %s%s", text, have[len(have)-1], hint)
	}
	newest := r.v.edition(p)
	if edition = newest; dotted {
		edition, err = strconv.Atoi(behind)
		if err != nil || edition < 1 {
			return p, 0, nil, mistake(r.text, f.when, "%q is not the number of an edition", behind)
		}
	}
	switch {
	case newest == 0:
		return p, 0, nil, mistake(r.text, f.when, "the version has no figures of %s; it has %s%s", text, spans(have), number2(f))
	case edition == newest:
		return p, edition, r.v, nil
	case edition > newest || r.v.Earlier == nil:
		return p, 0, nil, mistake(r.text, f.when, "the version has edition %d of %s, not %d: earlier editions are in earlier versions", newest, text, edition)
	}
	if v = r.v.earlier[p][edition]; v != nil {
		return p, edition, v, nil
	}
	v, err = r.v.Earlier(r.ctx, p, edition)
	if errors.Is(err, fs.ErrNotExist) {
		return p, 0, nil, mistake(r.text, f.when, "the version has edition %d of %s, and no earlier version with edition %d is here: give the folder or address of the dataset", newest, text, edition)
	}
	if err != nil {
		return p, 0, nil, err
	}
	if r.v.earlier == nil {
		r.v.earlier = map[privacy.Period]map[int]*Version{}
	}
	if r.v.earlier[p] == nil {
		r.v.earlier[p] = map[int]*Version{}
	}
	r.v.earlier[p][edition] = v
	return p, edition, v, nil
}

// number2 says how a number with the look of a year is written.
func number2(f figure) string {
	if f.name == "" && year.MatchString(f.period) {
		return ". A number is written with three decimals: 2000.000"
	}
	return ""
}

// spans writes periods as ranges.
func spans(periods []privacy.Period) string {
	var parts []string
	for i := 0; i < len(periods); {
		j := i
		for j+1 < len(periods) && periods[j].Next() == periods[j+1] {
			j++
		}
		part := periods[i].String()
		if j > i {
			part += " … " + periods[j].String()
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ", ")
}

// codes returns the codes of the cells that the picks of f name in table t.
func (r *resolver) codes(f figure, t privacy.ModelTable) ([][]Code, error) {
	var dims []int // that t breaks down
	for d, l := range t.Levels {
		if l > 0 {
			dims = append(dims, d)
		}
	}
	chosen := make([][]string, len(dims))
	for pass := range 3 { // named ones, codes and labels, *
		for _, k := range f.picks {
			if k.turn() != pass {
				continue
			}
			if err := r.choose(k, t, dims, chosen, f.name); err != nil {
				return nil, err
			}
		}
	}
	cells := [][]Code{nil}
	for i, d := range dims {
		if chosen[i] == nil {
			return nil, mistake(r.text, f.at, "%s is by %s: say which, as in %s, or * for their sum", t.Name, r.v.model.Dimensions[d].Name, r.v.example(t, dims))
		}
		var next [][]Code
		for _, c := range cells {
			for _, code := range chosen[i] {
				next = append(next, append(slices.Clone(c), Code{r.v.model.Dimensions[d].Name, code, r.v.label(d, code)}))
			}
		}
		if cells = next; len(cells) > maxCells {
			return nil, mistake(r.text, f.at, "these are more than %d figures", maxCells)
		}
	}
	return cells, nil
}

// turn says when a pick is looked at: what is clear first.
func (k pick) turn() int {
	switch {
	case k.dimension != "":
		return 0
	case !k.all:
		return 1
	}
	return 2
}

func (v *Version) label(d int, code string) string {
	if l := v.labels[d][code]; len(l) > 0 {
		return l[0]
	}
	return code
}

// example names a cell of t.
func (v *Version) example(t privacy.ModelTable, dims []int) string {
	var parts []string
	for _, d := range dims {
		parts = append(parts, v.model.Dimensions[d].Name+"="+v.model.Dimensions[d].Codes[t.Levels[d]][0])
	}
	return t.Name + "[" + strings.Join(parts, ",") + "]"
}

// choose takes a pick for one of the dimensions that are open.
func (r *resolver) choose(k pick, t privacy.ModelTable, dims []int, chosen [][]string, table string) error {
	var open []int // places in dims
	var names []string
	for i, d := range dims {
		names = append(names, r.v.model.Dimensions[d].Name)
		if chosen[i] == nil && (k.dimension == "" || k.dimension == r.v.model.Dimensions[d].Name) {
			open = append(open, i)
		}
	}
	switch {
	case k.dimension != "" && !slices.Contains(names, k.dimension):
		return mistake(r.text, k.at, "%s is not by %q%s%s", table, k.dimension, meant(k.dimension, names), only(names))
	case len(open) == 0:
		return mistake(r.text, k.at, "a code too many: %s is by %s", table, list(names))
	case k.all && len(open) > 1:
		return mistake(r.text, k.at, "say of which dimension: %s=*", names[open[0]])
	case k.all:
		chosen[open[0]] = r.v.model.Dimensions[dims[open[0]]].Codes[t.Levels[dims[open[0]]]]
		return nil
	}
	var hits []int
	var found []string
	for _, i := range open {
		if codes := r.v.lookUp(dims[i], t.Levels[dims[i]], k.code); len(codes) > 0 {
			hits = append(hits, i)
			for _, c := range codes {
				found = append(found, r.v.model.Dimensions[dims[i]].Name+"="+c)
			}
		}
	}
	switch {
	case len(found) > 1:
		return mistake(r.text, k.at, "%q may be %s: name the code", k.code, strings.Join(found, " or "))
	case len(found) == 1:
		_, code, _ := strings.Cut(found[0], "=")
		chosen[hits[0]] = []string{code}
		return nil
	}
	var known []string
	for _, i := range open {
		for _, c := range r.v.model.Dimensions[dims[i]].Codes[t.Levels[dims[i]]] {
			known = append(append(known, c), r.v.labels[dims[i]][c]...)
		}
	}
	what := make([]string, len(open))
	for n, i := range open {
		what[n] = names[i]
	}
	hint := meant(k.code, known)
	if hint == "" && len(known) <= 24 {
		hint = "; there are " + list(known)
	}
	return mistake(r.text, k.at, "%s has no %s %q%s", table, strings.Join(what, " or "), k.code, hint)
}

func only(names []string) string {
	if len(names) == 0 {
		return "; it is a total and takes no codes"
	}
	return "; it is by " + list(names)
}
