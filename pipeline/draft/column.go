package draft

import (
	"regexp"
	"strings"
)

// mostLabels is how many distinct texts of a column are kept to look at.
const mostLabels = 400

// A column is what stands in a column, in shapes.
type column struct {
	name string

	rows, blanks                        int
	whole, grouped, fractions, negative int // numbers
	texts                               int // that are no numbers
	marks                               []string
	noted                               bool // numbers with a footnote mark
	others                              bool // texts that are neither numbers nor marks
	labels                              []string
	distinct                            map[string]bool
	more                                bool // there are more labels than are kept
	totals                              bool // a label says that it is of all
	formats                             map[string]int
	late                                bool // a day above 12 stands first: dd/MM
	early                               bool // a day above 12 stands second: MM/dd

	alone bool // a row has text in it alone
}

func newColumn(name string) *column {
	return &column{name: name, distinct: map[string]bool{}, formats: map[string]int{}}
}

var (
	whole    = regexp.MustCompile(`^[-+]?\d+(\.0+)?$|^\d(\.\d+)?[eE]\+?\d{1,2}$`)
	groups   = regexp.MustCompile(`^[-+]?\d{1,3}([,'’ \x{a0}\x{202f}]\d{3})+(\.0+)?$`)
	fraction = regexp.MustCompile(`^[-+]?\d*[.,]\d+([eE][-+]?\d{1,2})?$|^\d[\d.]*[eE]-\d{1,2}$`)
	noted    = regexp.MustCompile(`^\d[\d,]*\s?[*†‡]+$`)
	// mark are texts by which publishers say that there is no figure, or a small one.
	mark   = regexp.MustCompile(`^(<=?|≤|under |less than )\s?\d{1,4}$|^(-{1,3}|–|—|\.{1,3}|…|:|\*{1,3}|[cszxnu]|n/?a|n\.a\.?|n/d|nd|nan|null|none|suppressed|confidential|not available|no data)$`)
	totals = regexp.MustCompile(`^(_?t|(grand |sub)?totals?|all|all (\w+\s?){1,3}|both( \w+)?|overall|tous|ensemble|todos|ukupno)$`)
)

// take takes the text of a row.
func (c *column) take(text string) {
	text = strings.TrimSpace(text)
	c.rows++
	if text == "" {
		c.blanks++
		return
	}
	low := strings.ToLower(text)
	switch {
	case whole.MatchString(text):
		c.whole++
	case groups.MatchString(text):
		c.grouped++
	case fraction.MatchString(text):
		c.fractions++
	case noted.MatchString(text):
		c.whole++
		c.noted = true
	case mark.MatchString(low):
		c.texts++
		c.seen(&c.marks, text)
	default:
		c.texts++
		c.others = true
	}
	if text[0] == '-' && (whole.MatchString(text) || fraction.MatchString(text)) {
		c.negative++
	}
	c.totals = c.totals || totals.MatchString(low)
	c.date(text)
	if !c.distinct[text] {
		if len(c.labels) == mostLabels {
			c.more = true
			return
		}
		c.distinct[text] = true
		c.labels = append(c.labels, text)
	}
}

func (c *column) seen(list *[]string, text string) {
	for _, t := range *list {
		if strings.EqualFold(t, text) {
			return
		}
	}
	if len(*list) < 20 {
		*list = append(*list, text)
	}
}

func (c *column) filled() int  { return c.rows - c.blanks }
func (c *column) numbers() int { return c.whole + c.grouped + c.fractions }

// months in English, by which MMM is told.
const months = `(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)`

// A periodFormat is a way to write a period.
type periodFormat struct {
	format string // as `format` has it, or a name of ours
	words  string
	re     *regexp.Regexp
}

// periodFormats are those that a draft knows.
var periodFormats = []periodFormat{
	{"yyyy", "years", regexp.MustCompile(`^(19|20)\d\d(\.0+)?$`)},
	{"yyyy/yy", "pairs of years", regexp.MustCompile(`^(19|20)\d\d/\d\d$`)},
	{"bands", "bands of years", regexp.MustCompile(`^(19|20)\d\d-(19|20)\d\d$`)},
	{"yyyyMM", "months", regexp.MustCompile(`^(19|20)\d\d(0[1-9]|1[0-2])$`)},
	{"yyyy-MM", "months", regexp.MustCompile(`^(19|20)\d\d-(0?[1-9]|1[0-2])$`)},
	{"yyyy-MM-dd", "days", regexp.MustCompile(`^(19|20)\d\d-\d\d-\d\d([T ].*)?$`)},
	{"slashes", "days", regexp.MustCompile(`^\d{1,2}/\d{1,2}/(19|20)\d\d( .*)?$`)},
	{"d.M.yyyy", "days", regexp.MustCompile(`^\d{1,2}\.\d{1,2}\.(19|20)\d\d$`)},
	{"yyyy'Q'Q", "quarters", regexp.MustCompile(`^(19|20)\d\dQ[1-4]$`)},
	{"quarters", "quarters", regexp.MustCompile(`^(19|20)\d\d-Q[1-4]$`)},
	{"MMM-yyyy", "months", regexp.MustCompile(`(?i)^` + months + `-(19|20)\d\d$`)},
	{"MMM yyyy", "months", regexp.MustCompile(`(?i)^` + months + ` (19|20)\d\d$`)},
}

func (c *column) date(text string) {
	if len(text) > 40 {
		return
	}
	for _, f := range periodFormats {
		if !f.re.MatchString(text) {
			continue
		}
		if c.formats[f.format]++; f.format == "slashes" {
			first, rest, _ := strings.Cut(text, "/")
			second, _, _ := strings.Cut(rest, "/")
			c.late = c.late || first > "12" && len(first) == 2
			c.early = c.early || second > "12" && len(second) == 2
		}
		return
	}
}

// periods gives the formats by which every text of the column is a period; nil
// where one is not.
func (c *column) periods() (formats []string) {
	n := 0
	for _, f := range periodFormats {
		if k := c.formats[f.format]; k > 0 {
			formats = append(formats, f.format)
			n += k
		}
	}
	if c.filled() == 0 || n < c.filled() || len(formats) > 2 {
		return nil
	}
	return formats
}
