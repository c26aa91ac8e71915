package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"halftone/pipeline"
	"halftone/privacy"
)

func (a *app) retentionCommand() *cobra.Command {
	dry := false
	c := &cobra.Command{
		Use: "retention", Short: "destroy rows that no release can need any more, with their keys", Args: none,
		Long: "Rows are destroyed when keep_rows has passed since the last planned edition of their period, or when a newer pull has brought\n" +
			"them again. The key of a pull goes with the last of its rows: then copies of its files cannot be opened, either. Every run does\n" +
			"this at its end, so that this command is for who cannot wait. Rows of a release that is charged and not sealed are never touched.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.each(func(l pipeline.Line) error {
				r, err := l.Retention(c.Context(), dry)
				if err != nil {
					return err
				}
				if a.json {
					return a.object(retentionJSON(r, dry))
				}
				a.printRetention(l, r, dry)
				return nil
			})
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what would be destroyed")
	return c
}

type retentionObject struct {
	DryRun   bool              `json:"dry_run"`
	InputKey bool              `json:"input_key"` // destroyed, too
	Sources  []retentionSource `json:"sources"`
}

type retentionSource struct {
	Name       string          `json:"name"`
	Destroyed  []string        `json:"destroyed"`
	Superseded []string        `json:"superseded"`
	Keys       int             `json:"keys"`
	Kept       []retentionKept `json:"kept"`
}

type retentionKept struct {
	Period  string `json:"period"`
	Until   string `json:"until"`             // a day: not destroyed before
	Waits   int    `json:"edition,omitempty"` // that is still to come
	Charged bool   `json:"charged,omitempty"` // a release of it is charged and not sealed
}

func retentionJSON(r pipeline.Retention, dry bool) retentionObject {
	o := retentionObject{DryRun: dry, InputKey: r.InputKey, Sources: []retentionSource{}}
	texts := func(ps []privacy.Period) []string {
		out := []string{}
		for _, p := range ps {
			out = append(out, p.String())
		}
		return out
	}
	for _, s := range r.Sources {
		src := retentionSource{s.Name, texts(s.Destroyed), texts(s.Superseded), s.Keys, []retentionKept{}}
		for _, k := range s.Kept {
			src.Kept = append(src.Kept, retentionKept{k.Period.String(), k.Until.Format(time.DateOnly), k.Waits, k.Charged})
		}
		o.Sources = append(o.Sources, src)
	}
	return o
}

func (a *app) printRetention(l pipeline.Line, r pipeline.Retention, dry bool) {
	a.print("%s · %s UTC\n", l.Dataset.Name, a.clock.Now().UTC().Format("2006-01-02 15:04"))
	word := "destroyed"
	if dry {
		word = "to destroy"
	}
	done := false
	for _, s := range r.Sources {
		keys := ""
		if s.Keys > 0 { // of the lines of a source, the first says it
			keys = fmt.Sprintf(" (%s, %s)", plural(s.Keys, "batch", "batches"), plural(s.Keys, "key", "keys"))
		}
		if len(s.Destroyed) > 0 {
			a.print("%-11s %s of %s%s\n", word, span(s.Destroyed), s.Name, keys)
			keys = ""
		}
		if len(s.Superseded) > 0 || keys != "" {
			what := "what was pulled of " + s.Name + " and holds no rows"
			if len(s.Superseded) > 0 {
				what = "older rows of " + span(s.Superseded) + " of " + s.Name + ": a newer pull has them"
			}
			a.print("%-11s %s%s\n", word, what, keys)
		}
		done = done || len(s.Destroyed)+len(s.Superseded)+s.Keys > 0
	}
	if r.InputKey {
		a.print("%-11s the key of input digests: no rows are left, and none can come\n", word)
	}
	kept := a.printKept(r)
	switch {
	case dry && (done || r.InputKey):
		a.print("Nothing was destroyed (--dry-run).\nNext: halftone retention\n")
	case kept > 0:
		a.print("Next: nothing by hand; every halftone run destroys what has had its time\n")
	case done || r.InputKey:
		a.print("No rows are kept. Nothing more to do.\n")
	default:
		a.print("No rows are kept, and nothing was to be destroyed.\n")
	}
}

// printKept says of which periods rows are kept, until when, and returns how many lines that took.
func (a *app) printKept(r pipeline.Retention) (lines int) {
	for _, s := range r.Sources {
		for i := 0; i < len(s.Kept); {
			why := because(s.Kept[i])
			var same []privacy.Period
			for ; i < len(s.Kept) && because(s.Kept[i]) == why; i++ {
				same = append(same, s.Kept[i].Period)
			}
			a.print("%-11s %s of %s %s\n", "kept", span(same), s.Name, why)
			lines++
		}
	}
	return lines
}

// because says why rows are kept.
func because(k pipeline.KeptRows) string {
	day := k.Until.Format(time.DateOnly)
	switch {
	case k.Charged:
		return "until the release that counts them is sealed: it is charged"
	case k.Waits == 1:
		return "until they are released, and " + day + " at least"
	case k.Waits > 1:
		return fmt.Sprintf("until edition %d is released, and %s at least", k.Waits, day)
	}
	return "until " + day
}

// printDestroyed is what a run says of it: nothing, most of the time.
func (a *app) printDestroyed(r pipeline.Retention) {
	if !r.Destroyed() {
		return
	}
	for _, s := range r.Sources {
		if len(s.Destroyed) > 0 {
			a.print("retention %-16s rows of %s destroyed: keep_rows is over\n", s.Name, span(s.Destroyed))
		}
	}
	if r.InputKey {
		a.print("retention %-16s no rows are left and none can come: the key of input digests is destroyed\n", "")
	}
}
