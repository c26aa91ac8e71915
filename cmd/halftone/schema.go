package main

import (
	"github.com/spf13/cobra"

	"halftone/pipeline/config"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "print the JSON Schema of halftone.yaml", Args: none,
		Long: "Prints the JSON Schema of halftone.yaml, for editors: `# yaml-language-server: $schema=halftone.schema.json`.",
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(config.Schema(a.kindNames()...))
			return err
		},
	}
}
