package draft

import (
	"regexp"
	"slices"
	"strings"
)

// Names of columns that tell what a column is for. They only order what is
// proposed: nothing is decided by them.
var (
	periodName = regexp.MustCompile(`(?i)year|date|period|month|quarter|time|jahr|ann[ée]e|a[nñ]o|mois|mes|godina|today|^pe$`)
	valueName  = regexp.MustCompile(`(?i)^(obs[_ ]?|txt)?values?$|^counts?$|^(number|cases|victims|persons)$`)
	totalName  = regexp.MustCompile(`(?i)total`)
	codeName   = regexp.MustCompile(`(?i)(^|[_ ])(id|ids|code|fips|ori|zip|rank|round|lat|lon|lng|latitude|longitude|year|month|day|week)s?$|(Id|ID|Code|Pcode|Number)$|^(id|index|no\.?|x)$|latitude|longitude|coordinate|roundnumber|year|month`)
	placeName  = regexp.MustCompile(`(?i)country|iso|place|adm(in)?[0-4]?|pcode|region|province|district|state|county|area|geo|location|citizenship|nationality|orgunit`)
	unitName   = regexp.MustCompile(`(?i)units?\b|unit_|^measure$`)
)

const (
	fewLabels   = 60 // of a classification
	fewRows     = 30 // of which half may differ
	mostClasses = 16
)

// roles are what columns look like.
type roles struct {
	period  []*column // periods
	values  []*column // counts
	value   *column   // the one that has the name, or is alone
	unpivot []string  // of several: all of them
	classes []*column // classifications
	units   *column   // of the counts
}

// assign tells columns apart.
func (d *drafter) assign() {
	d.findPeriods()
	for _, c := range d.stats {
		if slices.Contains(d.period, c) || c.filled() == 0 {
			continue
		}
		switch {
		case d.units == nil && unitName.MatchString(c.name) && c.numbers() == 0 && len(c.labels) <= fewLabels:
			d.units = c
		case c.isCount() || d.stacked(c) && c.numbers() > 0 && !c.others:
			d.values = append(d.values, c)
		case c.isClass() && len(d.classes) < mostClasses:
			d.classes = append(d.classes, c)
		}
	}
	if i := slices.IndexFunc(d.values, func(c *column) bool { return valueName.MatchString(c.name) || len(d.values) == 1 }); i >= 0 {
		d.value = d.values[i]
		return
	}
	for _, c := range d.stats {
		if d.stacked(c) || !d.found.stacked && slices.Contains(d.values, c) {
			d.unpivot = append(d.unpivot, c.name)
		}
	}
}

// stacked reports whether a column's name is of two rows of the header.
func (d *drafter) stacked(c *column) bool { return d.found.stacked && strings.Contains(c.name, " / ") }

// findPeriods takes the columns whose texts are all periods. 2016 may also be a
// count: then the name decides, or that there is no other.
func (d *drafter) findPeriods() {
	for _, c := range d.stats {
		if c.periods() != nil && (periodName.MatchString(c.name) || c.dated()) {
			d.period = append(d.period, c)
		}
	}
	for _, c := range d.stats {
		if len(d.period) == 0 && c.periods() != nil && !valueName.MatchString(c.name) {
			d.period = append(d.period, c)
		}
	}
}

// dated reports whether the texts of a column that are periods can be nothing else.
func (c *column) dated() bool { return c.formats["yyyy"] == 0 && c.formats["yyyyMM"] == 0 }

// isCount reports whether what stands in a column may be counts: numbers, and
// marks of publishers beside them.
func (c *column) isCount() bool {
	return c.numbers() > 0 && !c.others && 5*c.numbers() >= c.filled() && !codeName.MatchString(c.name) && !c.isFlag()
}

// isFlag reports whether nothing but 1, and perhaps 0, stands in a column that is
// not called a count.
func (c *column) isFlag() bool {
	for _, l := range c.labels {
		if l != "0" && l != "1" {
			return false
		}
	}
	return c.distinct["1"] && !valueName.MatchString(c.name) && !totalName.MatchString(c.name)
}

// isClass reports whether a column may be a classification.
func (c *column) isClass() bool {
	switch {
	case c.fractions > 0 || c.grouped > 0:
		return false
	case len(c.labels) < 2 && c.blanks == 0:
		return false // the same in all rows
	case placeName.MatchString(c.name) && !periodName.MatchString(c.name):
		return true
	}
	return !c.more && len(c.labels) <= fewLabels && (2*len(c.labels) <= c.filled() || c.rows < fewRows && len(c.labels) < c.filled())
}
