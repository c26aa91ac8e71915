package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"halftone/connectors"
	"halftone/connectors/all"
	"halftone/pipeline"
	"halftone/pipeline/config"
	"halftone/privacy/ledger/durable"
)

// An app is one call of the program: where it reads and writes, and the global
// flags. Nothing below cmd reads the environment or the clock by itself.
type app struct {
	in        io.Reader
	out, err  io.Writer
	clock     connectors.Clock
	lookupEnv func(string) (string, bool)
	by        string
	holder    string // of a lease: person, machine and process
	terminal  bool   // standard error is one
	screen    bool   // standard output is one: agency text may be shown

	dir, data          string
	json, plain, debug bool

	warnings map[string][]config.Warning // of the configuration, by dataset; validate shows them

	// While a command goes over the datasets of an instance.
	current   string                     // the dataset at hand; "": one alone
	collected map[string]json.RawMessage // their objects, with --json
}

// An exitError carries its own exit code; its text may be empty when everything
// was said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{2, fmt.Errorf(format, args...)}
}

func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	return a.fail(root.ExecuteContext(ctx))
}

// fail says what an error has to say, and gives its exit code: 0 for nil.
func (a *app) fail(err error) int {
	if err == nil {
		return 0
	}
	var e *exitError
	if errors.As(err, &e) {
		if e.err != nil {
			a.complain(e.err)
		}
		return e.code
	}
	a.complain(err)
	return pipeline.ExitCode(err)
}

// complain writes an error to standard error: what, where, what to do.
func (a *app) complain(err error) {
	var problems config.Errors
	if errors.As(err, &problems) {
		fmt.Fprintln(a.err, err)
		fmt.Fprintf(a.err, "halftone: %s\n", plural(len(problems), "problem", "problems")+" in the configuration; nothing was read, charged or published")
		return
	}
	of := ""
	if a.current != "" && !strings.HasPrefix(err.Error(), a.current) {
		of = a.current + ": "
	}
	fmt.Fprintf(a.err, "halftone: %s%v\n", of, err)
	if what := remedy(err); what != "" {
		fmt.Fprintf(a.err, "  What to do: %s\n", what)
	}
}

// remedy says what a person does about a disk, "" for other errors.
func remedy(err error) string {
	switch {
	case durable.Full(err):
		return "the disk is full: make room where the state folder and the public folder are, then run again. Nothing is lost, and nothing is charged twice"
	case durable.Lost(err), errors.Is(err, syscall.EIO):
		return "the disk failed: look at the disk and at the system's log first, then run again, which reads everything anew"
	case durable.Closed(err):
		return "the state folder or the public folder cannot be written: is its disk read-only, or the folder another user's? Then run again"
	}
	return ""
}

func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:   "halftone",
		Short: "Publish case counts with differential privacy",
		Long: "Halftone pulls case counts from agencies, normalizes them, adds differential privacy noise once, and publishes\n" +
			"versioned datasets and a report. Start with: halftone init DIR --example us-offences",
		SilenceErrors: true, SilenceUsage: true,
		Version:                    tool(),
		Args:                       cobra.ArbitraryArgs,
		SuggestionsMinimumDistance: 2,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				return usage("there is no command %q; did you mean %q?", args[0], near[0])
			}
			return usage("there is no command %q; see: halftone --help", args[0])
		},
	}
	c.SetVersionTemplate("{{.Version}}\n")
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%w; see: %s --help", err, c.CommandPath())
	})
	f := c.PersistentFlags()
	f.StringVarP(&a.dir, "dir", "C", ".", "folder of halftone.yaml, or of instance.yaml: then all of its datasets")
	f.StringVar(&a.data, "data", "", "base of relative file paths in sources (default: the folder of halftone.yaml)")
	f.BoolVar(&a.json, "json", false, "print one JSON object")
	f.BoolVar(&a.plain, "plain", false, "no progress bars")
	f.BoolVar(&a.debug, "debug", false, "say on standard error what is being done")
	c.AddCommand(a.initCommand(), a.validateCommand(), a.doctorCommand(), a.pullCommand(), a.quarantineCommand(), a.planCommand(),
		a.runCommand(), a.statusCommand(), a.budgetCommand(), a.verifyCommand(), a.intervalCommand(), a.serveCommand(), a.keysCommand(),
		a.backupCommand(), a.restoreCommand(), a.ledgerCommand(), a.unlockCommand(), a.approveCommand(), a.reviseCommand(), a.withdrawCommand(), a.retentionCommand(),
		a.codesCommand(), a.mapCommand(), a.schemaCommand())
	c.InitDefaultCompletionCmd()
	return c
}

// none refuses arguments of a command that takes none, with exit code 2.
func none(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no arguments; see: %s --help", c.CommandPath(), c.CommandPath())
	}
	return nil
}

// one refuses any other number of arguments than one, with exit code 2.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("%s takes %s; see: %s --help", c.CommandPath(), what, c.CommandPath())
		}
		return nil
	}
}

func (a *app) kindNames() []string {
	var names []string
	for _, k := range all.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// note writes a line to standard error.
func (a *app) note(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

func (a *app) print(format string, args ...any) {
	if a.dir != "." && a.dir != "" { // what to do next is to be pasted
		format = strings.ReplaceAll(format, "Next: halftone ", "Next: halftone -C "+strings.ReplaceAll(a.dir, "%", "%%")+" ")
		format = strings.ReplaceAll(format, "-C "+a.dir+" verify", "verify")
	}
	fmt.Fprintf(a.out, format, args...)
}

// object prints v as the one JSON object of --json.
func (a *app) object(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("json: %w", err)
	}
	if a.collected != nil {
		a.collected[a.current] = b
		return nil
	}
	_, err = fmt.Fprintf(a.out, "%s\n", b)
	return err
}

// built is the version, set by the linker: see the Makefile.
var built = ""

// tool names the program and its version, as manifests have it.
func tool() string {
	if built != "" {
		return "halftone " + built
	}
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && !strings.HasPrefix(v, "(") {
			version = v
		}
	}
	return "halftone " + version
}
