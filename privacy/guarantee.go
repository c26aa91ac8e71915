package privacy

import (
	"fmt"
	"maps"
	"slices"
)

// NoGuarantee names the sources of s that are declared with `guarantee: none`.
func (s Spec) NoGuarantee() (names []string) {
	for _, src := range s.Sources {
		if src.NoGuarantee {
			names = append(names, src.Name)
		}
	}
	return names
}

// Corrected names the sources of s for which people have corrections made by hand.
func (s Spec) Corrected() (names []string) {
	for _, src := range s.Sources {
		if src.Corrected {
			names = append(names, src.Name)
		}
	}
	return names
}

// Guarantees says for the people behind which sources a dataset's promise is made,
// as its charges say: of every source that a charge expected. The promise is about
// everything that a dataset releases, so that none is taken back and none is given
// afterwards: a source stays what it was at first. The zero value knows no source.
type Guarantees struct{ none map[string]bool }

// Check fails when a charge that expects sources, of which those in none have no
// guarantee, says of one of them otherwise than the charges before it.
func (g Guarantees) Check(expected, none []string) error {
	for _, name := range none {
		if !slices.Contains(expected, name) {
			return fmt.Errorf("source %s has no guarantee and is not among the sources that are expected", name)
		}
	}
	for _, name := range expected {
		was, known := g.none[name]
		switch now := slices.Contains(none, name); {
		case !known || was == now:
		case now:
			return fmt.Errorf("%w: source %s had a guarantee when releases were charged, and would now have none: what was promised cannot be taken back", ErrTerms, name)
		default:
			return fmt.Errorf("%w: source %s had no guarantee when releases were charged, and would now have one, which they do not keep", ErrTerms, name)
		}
	}
	return nil
}

// Take takes a charge in; see [Guarantees.Check].
func (g *Guarantees) Take(expected, none []string) error {
	if err := g.Check(expected, none); err != nil {
		return err
	}
	if g.none == nil {
		g.none = map[string]bool{}
	}
	for _, name := range expected {
		g.none[name] = slices.Contains(none, name)
	}
	return nil
}

// None names the sources that have no guarantee, by name.
func (g Guarantees) None() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(g.none)) {
		if g.none[name] {
			names = append(names, name)
		}
	}
	return names
}

// Nobody reports whether every source is without a guarantee: the promise is then
// about entries of the delivered files, and about no person.
func (g Guarantees) Nobody() bool { return len(g.none) > 0 && len(g.None()) == len(g.none) }

// Clone is a copy that does not change with g.
func (g Guarantees) Clone() Guarantees { return Guarantees{maps.Clone(g.none)} }
