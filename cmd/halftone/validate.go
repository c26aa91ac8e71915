package main

import (
	"github.com/spf13/cobra"

	"halftone/pipeline"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "check halftone.yaml and its code lists", Args: none,
		Long: "Checks halftone.yaml, its code lists and code tables, and that they fit together. Touches no data.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.each(func(l pipeline.Line) error {
				if err := l.CheckSources(c.Context()); err != nil {
					return err
				}
				b, err := l.Budget(c.Context())
				if err != nil {
					return err
				}
				if err := l.TermsHold(b.Account); err != nil {
					return err
				}
				for _, w := range a.warnings[l.Dataset.Name] {
					a.note("%s", w.Problem.Error())
				}
				d := l.Dataset
				if a.json {
					return a.object(map[string]any{"ok": true, "dataset": d.Name, "series": d.Spec.Series})
				}
				a.print("%s · series %d: the configuration is valid\n", d.Name, d.Spec.Series)
				a.print("%s, %s, %s\n", plural(len(d.Sources), "source", "sources"), plural(len(d.Spec.Dimensions), "dimension", "dimensions"),
					plural(len(d.Spec.Tables), "table", "tables"))
				a.print("Next: halftone plan\n")
				return nil
			})
		},
	}
}
