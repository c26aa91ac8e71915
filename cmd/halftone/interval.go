package main

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"halftone/outputs/interval"
	"halftone/outputs/verify"
	"halftone/privacy"
)

func (a *app) intervalCommand() *cobra.Command {
	return &cobra.Command{
		Use: "interval VERSION EXPR", Short: "the 95 % interval of any sum, difference, ratio or share of published figures",
		Long: "VERSION is the folder or address of a published version, or of a dataset: then its latest. EXPR is made of figures, numbers as weights,\n" +
			"+ - * /, parentheses and share(a, b):\n" +
			"  'by-region[South] - by-region[Northeast]'          the newest period\n" +
			"  '2020/2019'                                        totals of two periods\n" +
			"  'share(by-region-form[place=South,form=SEX]@2020, by-region[South]@2020)'\n" +
			"In brackets stand codes or labels, or * for their sum; behind @ a period, with an edition where it is not the newest (2019.1).\n" +
			"Names may have hyphens: put spaces around a minus. The figures are those of the version's files, the covariances exact; the interval\n" +
			"is about the noise that was added for privacy. A ratio whose denominator is not told from 0 has none: exit code 3.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("%s takes a version and an expression in quotes; see: %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			e, err := interval.Parse(args[1])
			if err != nil {
				return usage("%w", err)
			}
			p, err := verify.Open(c.Context(), args[0], &http.Client{Timeout: 5 * time.Minute})
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, verify.ErrNotPublished) {
				return usage("%w", err)
			}
			if err != nil {
				return err
			}
			defer func() { _ = p.Close() }()
			v, err := askable(c.Context(), p)
			if err != nil {
				return err
			}
			answer, err := v.Ask(c.Context(), e)
			var mistake *interval.Mistake
			if errors.As(err, &mistake) {
				return usage("%w", err)
			}
			if err != nil {
				return err
			}
			if a.json {
				err = a.object(newIntervalObject(p, e, answer))
			} else {
				a.printInterval(p, e, answer)
			}
			if err == nil && !answer.Bounded {
				return &exitError{3, nil}
			}
			return err
		},
	}
}

// askable opens a version for questions, with the versions before it for editions
// that it has no longer.
func askable(ctx context.Context, p *verify.Published) (*interval.Version, error) {
	v, err := interval.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	v.Earlier = func(ctx context.Context, period privacy.Period, edition int) (*interval.Version, error) {
		older, err := p.With(ctx, period, edition)
		if err != nil {
			return nil, err
		}
		return interval.Open(ctx, older)
	}
	return v, nil
}

// An intervalObject has no low and high where there is no interval, and then says why.
type intervalObject struct {
	Dataset    string         `json:"dataset"`
	Version    string         `json:"version"`
	Expression string         `json:"expression"`
	Estimate   *float64       `json:"estimate"`
	SD         *float64       `json:"sd"`
	Low        *float64       `json:"low"`
	High       *float64       `json:"high"`
	Level      float64        `json:"level"`
	Ratio      bool           `json:"ratio"`
	Method     string         `json:"method"`
	Refused    string         `json:"refused,omitempty"`
	Covers     string         `json:"covers"`
	Warnings   []string       `json:"warnings"`
	Figures    []intervalTerm `json:"figures"`
}

type intervalTerm struct {
	Table    string            `json:"table"`
	Period   privacy.Period    `json:"period"`
	Edition  int               `json:"edition"`
	Codes    map[string]string `json:"codes"`
	Weight   *float64          `json:"weight"` // to first order
	Estimate float64           `json:"estimate"`
	SD       float64           `json:"sd"`
	Status   string            `json:"status"`
}

func newIntervalObject(p *verify.Published, e interval.Expression, r interval.Answer) intervalObject {
	o := intervalObject{Dataset: p.Manifest.Dataset, Version: p.Manifest.Version, Expression: e.String(), Level: 0.95, Ratio: r.Ratio,
		Method: r.Method, Refused: r.Refused, Covers: interval.Covers, Warnings: append([]string{}, r.Warnings...)}
	if r.Bounded {
		o.Estimate, o.SD, o.Low, o.High = &r.Estimate, &r.SD, &r.Low, &r.High
	}
	for _, t := range r.Terms {
		f := intervalTerm{Table: t.Table, Period: t.Period, Edition: t.Edition, Codes: map[string]string{}, Estimate: t.Estimate, SD: t.SD, Status: t.Status}
		if r.Bounded {
			f.Weight = &t.Weight
		}
		for _, c := range t.Codes {
			f.Codes[c.Dimension] = c.Code
		}
		o.Figures = append(o.Figures, f)
	}
	return o
}

// mostFigures are shown on a terminal.
const mostFigures = 12

func (a *app) printInterval(p *verify.Published, e interval.Expression, r interval.Answer) {
	a.print("%s %s · %s\n", p.Manifest.Dataset, p.Manifest.Version, e)
	if r.Bounded {
		digits := digitsFor(r)
		a.print("estimate   %s%s\n", number(r.Estimate, digits), inPercent(r, r.Estimate))
		a.print("sd         %s\n", number(r.SD, digits))
		a.print("95 %%       %s to %s%s\n", number(r.Low, digits), number(r.High, digits), percentSpan(r))
	} else {
		a.print("no interval: %s\n", r.Refused)
	}
	g := grid{left: map[int]bool{1: true}}
	for i, t := range r.Terms {
		if i == mostFigures {
			break
		}
		var labels []string
		for _, c := range t.Codes {
			labels = append(labels, c.Label)
		}
		g.add("of         "+t.String(), strings.Join(labels, ", "), number(t.Estimate, 1), "sd "+number(t.SD, 1), strings.ReplaceAll(t.Status, "ok", ""))
	}
	g.write(a.out)
	if n := len(r.Terms) - mostFigures; n > 0 {
		a.print("           and %s\n", plural(n, "figure more", "figures more"))
	}
	for _, w := range r.Warnings {
		a.print("careful    %s\n", w)
	}
	if r.Bounded {
		a.print("made by    %s\n", r.Method)
	}
	a.print("It covers %s.\n", interval.Covers)
}

// digitsFor are as many decimals as say something: two digits of the sd of a ratio,
// one decimal of a sum.
func digitsFor(r interval.Answer) int {
	if whole := r.Low == math.Trunc(r.Low) && r.High == math.Trunc(r.High); !r.Ratio && whole || r.SD == 0 {
		return 1
	}
	return min(9, max(1, 1-int(math.Floor(math.Log10(r.SD)))))
}

// number writes x with decimals, a whole number without, thousands grouped.
func number(x float64, decimals int) string {
	if math.Abs(x) >= 1<<53 {
		return strconv.FormatFloat(x, 'g', 6, 64)
	}
	if x == math.Trunc(x) {
		return group(int64(x))
	}
	whole, rest, dotted := strings.Cut(strconv.FormatFloat(math.Abs(x), 'f', decimals, 64), ".")
	n, _ := strconv.ParseInt(whole, 10, 64) // below 2^53
	s := group(n)
	if dotted {
		s += "." + rest
	}
	if x < 0 && strings.Trim(s, "0.") != "" {
		s = "-" + s
	}
	return s
}

func inPercent(r interval.Answer, x float64) string {
	if !r.Ratio || math.Abs(x) > 10 {
		return ""
	}
	return " (" + number(100*x, max(0, digitsFor(r)-2)) + " %)"
}

func percentSpan(r interval.Answer) string {
	if !r.Ratio || math.Abs(r.High) > 10 {
		return ""
	}
	d := max(0, digitsFor(r)-2)
	return " (" + number(100*r.Low, d) + " to " + number(100*r.High, d) + " %)"
}
