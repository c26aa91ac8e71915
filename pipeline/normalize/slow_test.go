package normalize

import (
	"fmt"
	"strconv"
	"strings"
)

// The slow interpreter of keep, key, corrections, bounds, grain and totals works
// on rows in words, with nested loops over all of them, and knows the two code
// lists by heart. It shares no code with the package.
type slow struct {
	m     Mapping
	rows  []slowRow
	stops bool
	out   map[string]int64 // "period place,sex" → sum
	ends  map[Outcome]int64
}

type slowRow struct {
	line                int
	year, place, sex, n string
	day, kind, id       string // order_by, another order_by, a key
	v                   int64
	gone, word          bool
	status              Status
}

// where a code hangs, and its level; the lists are placesCSV and sexCSV.
var slowUp = map[string]string{"AFR": "_T", "EUR": "_T", "ATA": "_T", "TD": "AFR", "NE": "AFR", "FR": "EUR", "F": "_T", "M": "_T", "_U": "_T", "AFR/_U": "AFR", "EUR/_U": "EUR"}

// slowAt gives the code of a level that a code lies in: place has region (1) and
// country (2), sex one level; 0 is the total.
func slowAt(code string, level int) string {
	switch {
	case level == 0:
		return "_T"
	case level == 1 && slowUp[code] != "_T" && code != "_T":
		return slowUp[code]
	}
	return code
}

// slowFits: a row of a code is of a grain with this level.
func slowFits(code string, level int) bool {
	region := code == "AFR" || code == "EUR"
	switch level {
	case 0:
		return code == "_T"
	case 1:
		return code == "F" || code == "M" || code == "_U" || region || code == "ATA"
	}
	return code != "_T" && !region
}

func slowLeaf(code string) string {
	switch code {
	case "_T":
		return "_U"
	case "AFR", "EUR":
		return code + "/_U"
	}
	return code
}

func slowLevels(g Grain) (place, sex int) {
	for _, l := range g {
		switch {
		case l.Dimension == "sex":
			sex = 1
		case l.Level == "region":
			place = 1
		default:
			place = 2
		}
	}
	return place, sex
}

func (s *slow) end(r *slowRow, o Outcome) {
	s.ends[o]++
	r.gone = true
}

func (s *slow) key(r slowRow) string {
	switch {
	case s.m.KeyRow:
		return fmt.Sprint(r.line)
	case s.m.Key != nil:
		return r.id
	}
	if s.m.Grains == nil { // _T and _U mean the same
		return r.year + " " + slowLeaf(r.place) + " " + slowLeaf(r.sex)
	}
	return r.year + " " + r.place + " " + r.sex
}

func (s *slow) values() {
	for i := range s.rows {
		r := &s.rows[i]
		for _, c := range s.m.Corrections {
			id := strings.Join(c.Key, " ")
			if s.m.Key == nil && s.m.Grains == nil {
				id = c.Key[0] + " " + slowLeaf(c.Key[1]) + " " + slowLeaf(c.Key[2])
			}
			if id != s.key(*r) {
				continue
			}
			for _, o := range s.rows[:i] {
				if s.m.Duplicates == "sum" && s.key(o) == s.key(*r) && !c.Exclude {
					s.stops = true
				}
			}
			if r.word, r.v = true, c.Value; c.Exclude {
				s.end(r, Excluded)
			}
		}
		if r.word {
			continue
		}
		switch v, err := strconv.ParseInt(r.n, 10, 64); {
		case r.n == "":
			s.end(r, NoValue)
		case r.n == "<5":
			r.v, r.status = 2, Suppressed
		case err != nil || v < 0:
			s.stops = true
		case s.m.Bounds.Max != nil && v > *s.m.Bounds.Max:
			r.v = *s.m.Bounds.Max
			s.stops = s.stops || !s.m.Bounds.Clip
		default:
			r.v = v
		}
	}
}

// comes says that a comes before b in a step.
func comes(k Keep, a, b slowRow) bool {
	if k.OrderBy == "kind" {
		rank := map[string]int{"BA": 0, "SA": 1}
		of := func(kind string) int {
			if n, ok := rank[kind]; ok {
				return n
			}
			return 9
		}
		return of(a.kind) < of(b.kind)
	}
	n := func(s string) int { v, _ := strconv.Atoi(s); return v }
	switch {
	case a.day == "" || b.day == "":
		return a.day != "" && b.day == ""
	case k.Desc:
		return n(a.day) > n(b.day)
	}
	return n(a.day) < n(b.day)
}

func (s *slow) keep() {
	for _, k := range s.m.Keep {
		var gone []int
		for i, a := range s.rows {
			for _, b := range s.rows {
				if !a.gone && !b.gone && a.year == b.year && a.id == b.id && comes(k, b, a) {
					gone = append(gone, i)
					break
				}
			}
		}
		for _, i := range gone {
			s.end(&s.rows[i], NotKept)
		}
	}
}

func (s *slow) merge() {
	for i := range s.rows {
		a := &s.rows[i]
		for j := i + 1; j < len(s.rows) && !a.gone; j++ {
			b := &s.rows[j]
			if b.gone || s.key(*a) != s.key(*b) {
				continue
			}
			if a.year != b.year || (s.m.Grains == nil && (slowLeaf(a.place) != slowLeaf(b.place) || slowLeaf(a.sex) != slowLeaf(b.sex))) ||
				(s.m.Grains != nil && (a.place != b.place || a.sex != b.sex)) {
				s.stops = true
			}
			switch s.m.Duplicates {
			case "sum":
				a.v += b.v
				a.status = max(a.status, b.status)
			case "max":
				switch {
				case b.v > a.v:
					a.v, a.status = b.v, b.status
				case b.v == a.v:
					a.status = max(a.status, b.status)
				}
			case "same":
				s.stops = s.stops || a.v != b.v
				a.status = max(a.status, b.status)
			default:
				s.stops = true
			}
			s.end(b, MergedDuplicate)
		}
	}
}

func (s *slow) put(r slowRow, v int64) {
	s.out[fmt.Sprintf("%s %s,%s", r.year, slowLeaf(r.place), slowLeaf(r.sex))] += v
}

// grade gives each row its grain, -1 for another breakdown.
func (s *slow) grade() []int {
	of := make([]int, len(s.rows))
	for i := range s.rows {
		r := &s.rows[i]
		if of[i] = -2; r.gone {
			continue
		}
		of[i] = -1
		for k := len(s.m.Grains) - 1; k >= 0; k-- {
			place, sex := slowLevels(s.m.Grains[k])
			if slowFits(r.place, place) && slowFits(r.sex, sex) {
				of[i] = k
			}
		}
		switch {
		case s.m.Grains == nil || of[i] == 0:
			s.ends[Counted]++
			s.put(*r, r.v)
		case of[i] > 0:
			s.ends[TotalRow]++
		default:
			s.end(r, OtherBreakdown)
		}
	}
	return of
}

// worth is what a cell of a grain comes to: its total rows, else all worth of the
// grain below it that lies in it.
func (s *slow) worth(of []int, grain int, year, place, sex string) (v int64, status Status, any bool) {
	for i, r := range s.rows {
		if of[i] == grain && r.year == year && r.place == place && r.sex == sex {
			v, status, any = v+r.v, max(status, r.status), true
		}
	}
	if any || grain == 0 {
		return v, status, any
	}
	return s.parts(of, grain, year, place, sex)
}

func (s *slow) parts(of []int, grain int, year, place, sex string) (v int64, status Status, any bool) {
	p, x := slowLevels(s.m.Grains[grain])
	fp, fx := slowLevels(s.m.Grains[grain-1])
	for _, c := range []string{"_T", "AFR", "EUR", "ATA", "TD", "NE", "FR", "_U", "AFR/_U", "EUR/_U"} {
		for _, d := range []string{"_T", "F", "M", "_U"} {
			if !slowFits(c, fp) || !slowFits(d, fx) || slowAt(c, p) != place || slowAt(d, x) != sex {
				continue
			}
			if w, st, ok := s.worth(of, grain-1, year, c, d); ok {
				v, status, any = v+w, max(status, st), true
			}
		}
	}
	return v, status, any
}

func (s *slow) totals(of []int) *TotalsReport {
	if len(s.m.Grains) < 2 || s.m.Totals.Use == "drop" {
		return nil
	}
	rep := &TotalsReport{}
	for k := 1; k < len(s.m.Grains); k++ {
		done := map[string]bool{}
		var below, all int64
		for i, r := range s.rows {
			cell := r.year + r.place + " " + r.sex
			if of[i] != k || done[cell] {
				continue
			}
			done[cell] = true
			total, hidden, _ := s.worth(of, k, r.year, r.place, r.sex)
			parts, partHidden, any := s.parts(of, k, r.year, r.place, r.sex)
			switch {
			case !any:
				rep.Alone++
			case hidden == Suppressed || partHidden == Suppressed:
				rep.Suppressed++
			case total == parts:
				rep.Equal++
			default:
				rep.Differ++
				if parts > total {
					rep.Below++
				}
			}
			if hidden != Suppressed {
				all += total
				if any && parts > total {
					below += parts - total
				}
			}
			if s.m.Totals.Use == "rest" && (total != parts || !any) {
				s.put(r, total-parts)
			}
		}
		if s.m.Totals.Use == "rest" && float64(below) > s.m.Totals.MaxBelow*float64(all) {
			s.stops = true
		}
	}
	return rep
}
