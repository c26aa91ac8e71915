package main

import "github.com/spf13/cobra"

func (a *app) ledgerCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "ledger", Short: "the record of charges", Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use: "export [FILE|-]", Short: "write the chain as ledger.jsonl, one entry a line", Args: cobra.ArbitraryArgs,
		Long: "Writes the chain as a version's ledger.jsonl has it, to standard output or into a new file. In the folder of a dataset other\n" +
			"datasets' entries are left out, by their digest the chain can still be checked; in that of an instance all are there.\n" +
			"It names charged periods, also those that are not published yet.",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("%s takes one file at most; see: %s --help", c.CommandPath(), c.CommandPath())
			}
			ls, whole, err := a.lines()
			if err != nil {
				return err
			}
			if len(args) == 1 && args[0] != "-" {
				return ls[0].ExportFile(c.Context(), args[0], whole)
			}
			b, err := ls[0].Export(c.Context(), whole)
			if err != nil {
				return err
			}
			_, err = a.out.Write(b)
			return err
		},
	})
	c.AddCommand(a.amendCommand(), a.burnCommand())
	return c
}
