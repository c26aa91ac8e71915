package normalize

// A Status says how the value of an observation came to be. The zero Status is
// Exact.
type Status uint8

// The statuses, by how much is known of the count: the first most.
const (
	Exact      Status = iota // the count as it stands in the file
	Zero                     // declared to be none
	Noised                   // with noise added by the agency
	Rounded                  // to a multiple of the declared base
	Suppressed               // less than the declared limit; the value is the declared one
	statuses
)

var statusWords = [statuses]string{Exact: "exact", Zero: zero, Noised: noised, Rounded: rounded, Suppressed: suppressed}

// String gives the word of the mapping language.
func (s Status) String() string {
	if s >= statuses {
		return "unknown"
	}
	return statusWords[s]
}

// ParseStatus is the inverse of String.
func ParseStatus(word string) (Status, bool) {
	for s, w := range statusWords {
		if w == word {
			return Status(s), true
		}
	}
	return 0, false
}

// with gives the status of a figure that is made of two: the one of which less
// is known. A zero adds nothing to what is not one.
func (s Status) with(t Status) Status {
	if s == t {
		return s
	}
	if s = max(s, t); s == Zero {
		return Exact
	}
	return s
}

// Sensitivity gives L of the figures that v reads: the most that a figure moves
// when its own count moves by one. It follows from what is declared, whatever a
// batch holds, and bounds every figure whichever of the declared statuses made
// it:
//
//	exact, zero, noised              1 (noised: if the noise is independent)
//	suppressed below t, read as v    max(v, t-v, 1)
//	rounded to base b                b
//	several of these                 the largest step between what any two of them give for neighbouring counts
//	a scale, or a constant, of k     k times that
//
// Totals from which a rest is made multiply it once more; that is not in it. The
// caller guarantees that v has passed its check.
func (v Value) Sensitivity() int64 {
	var below, bases []StatusRule
	all := v.Status
	if v.Blank == suppressed {
		all = append(all[:len(all):len(all)], StatusRule{Is: suppressed, Below: v.BlankBelow, As: v.BlankAs})
	}
	for _, s := range all {
		switch {
		case s.Is == suppressed:
			below = append(below, s)
		case s.Is == rounded && s.Base > 0:
			bases = append(bases, s)
		}
	}
	return v.factor() * max(1, roundedSteps(bases), suppressedSteps(below, bases))
}

// factor is what each unit of a figure counts.
func (v Value) factor() int64 {
	switch {
	case v.Column == "" && v.Const != 0:
		return max(v.Const, -v.Const)
	case v.Scale > 1:
		return v.Scale
	}
	return 1
}

// roundedSteps bounds the step between neighbouring counts of which each is
// rounded to one of the bases, up or down. Both lie in one interval between
// multiples of a base, so that one base gives itself, and two give at most what
// two intervals with a common step cover; less if one of them divides the other.
func roundedSteps(bases []StatusRule) (most int64) {
	for i, a := range bases {
		most = max(most, a.Base)
		for _, b := range bases[:i] {
			if a.Base%b.Base != 0 && b.Base%a.Base != 0 {
				most = max(most, a.Base+b.Base-1)
			}
		}
	}
	return most
}

// suppressedSteps goes through the counts up to the largest limit and takes the
// largest step between neighbours, where each may come out as itself, as what
// any suppression that covers it gives, or rounded.
func suppressedSteps(below, bases []StatusRule) (most int64) {
	var limit int64
	for _, s := range below {
		limit = min(max(limit, s.Below), maxBelow)
	}
	figures := func(y int64) (low, high int64) {
		low, high = y, y
		for _, s := range below {
			if y < s.Below {
				low, high = min(low, s.As), max(high, s.As)
			}
		}
		for _, s := range bases {
			down := y - y%s.Base
			up := down
			if down != y {
				up += s.Base
			}
			low, high = min(low, down), max(high, up)
		}
		return low, high
	}
	for y := range limit { // neither end ever goes down: what replaces a count below a limit lies below it too
		low, _ := figures(y)
		_, high := figures(y + 1)
		most = max(most, high-low)
	}
	return most
}
