package main

import (
	"github.com/spf13/cobra"

	"halftone/privacy"
)

func (a *app) unlockCommand() *cobra.Command {
	var by []string
	var from, reason string
	c := &cobra.Command{
		Use: "unlock --from public --by NAME --by NAME --reason TEXT", Short: "take in what was published, after an older ledger was brought back", Args: none,
		Long: "A ledger that is older than what has been published is locked: it does not know what it has spent. This command replays the\n" +
			"published entries and sealed files into it, and gives up every release that is due and not among them, since it may have been\n" +
			"drawn: what such a release would have cost stays spent. Two people answer for it by name. First look for a newer copy of the\n" +
			"state folder: with one nothing is lost.",
		RunE: func(c *cobra.Command, _ []string) error {
			if from != "public" {
				return usage("unlock needs --from public: the public folder is what the world has seen")
			}
			if len(by) < 2 || reason == "" {
				return usage("unlock needs two different names (--by NAME --by NAME) and --reason")
			}
			l, err := a.anyLine()
			if err != nil {
				return err
			}
			u, err := l.Unlock(c.Context(), by, reason)
			if err != nil {
				return err
			}
			if a.json {
				burnt := []string{}
				for _, k := range u.Burnt {
					burnt = append(burnt, k.String())
				}
				return a.object(map[string]any{"replayed": u.Replayed, "burnt": burnt, "head": u.Head})
			}
			a.print("ledger    %s taken in from the public folder · head %s\n", plural(u.Replayed, "entry", "entries"), short(u.Head))
			if len(u.Burnt) > 0 {
				a.print("burnt     %s: due, and perhaps drawn before; never released now, the cost stays\n", releases(u.Burnt))
			}
			a.print("Next: halftone budget, halftone run\n")
			return nil
		},
	}
	c.Flags().StringArrayVar(&by, "by", nil, "a person who answers for it; give it twice")
	c.Flags().StringVar(&from, "from", "", "what to take in: public")
	c.Flags().StringVar(&reason, "reason", "", "why, for the ledger: it is public")
	return c
}

func releases(keys []privacy.Key) string {
	s := ""
	for i, k := range keys {
		if i > 0 {
			s += ", "
		}
		s += k.String()
	}
	return s
}
