package pipeline

import (
	"fmt"

	"halftone/privacy"
)

// guaranteesHold refuses a configuration under which a source that was ever released
// has another guarantee than it had. Whoever was promised that everything a dataset
// releases tells little of them was promised it of later releases, too; and a promise
// that is made late would not hold for the releases before.
func (l Line) guaranteesHold(a Account) error {
	for _, s := range l.Dataset.Spec.Sources {
		var none []string
		if s.NoGuarantee {
			none = []string{s.Name}
		}
		if a.Guarantees.Check([]string{s.Name}, none) == nil {
			continue
		}
		was, why := "a guarantee", "what was promised to the people behind it holds for everything that this dataset releases"
		if !s.NoGuarantee {
			was, why = "no guarantee", "a promise would hold for everything that this dataset has released, and those releases were made without one"
		}
		return fmt.Errorf("%w: source %s of %s had %s when releases were charged, and `guarantee` in halftone.yaml now says otherwise: %s. Nothing was charged. "+
			"Put it back; where the agency now delivers another kind of file, make it a source of its own, under another name",
			ErrRefused, s.Name, l.Dataset.Name, was, why)
	}
	return nil
}

// guarantees are those of the charges so far, and of the sources that the next one
// would expect. The caller guarantees that they hold: see [Line.TermsHold].
func (l Line) guarantees(a Account) privacy.Guarantees {
	g := a.Guarantees.Clone()
	for _, s := range l.Dataset.Spec.Sources {
		var none []string
		if s.NoGuarantee {
			none = []string{s.Name}
		}
		_ = g.Take([]string{s.Name}, none) // what was first stands
	}
	return g
}
