package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"halftone/outputs"
	"halftone/pipeline/codelist"
	"halftone/privacy"
)

func (a *app) codesCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "codes", Short: "list the code lists that come with Halftone, show one, check one of your own", Args: subcommand,
		Long: "Lists the code lists that come with Halftone. A dimension names one: `sex: halftone/sex`. Touches no data.",
		RunE: func(*cobra.Command, []string) error { return a.codes() },
	}
	c.AddCommand(a.codesShowCommand(), &cobra.Command{
		Use: "check FILE", Short: "check a code list of your own", Args: one("one file"),
		Long: "Checks a code list (CSV) as `validate` does, without a configuration: one code a line, parents that are there, levels in one\n" +
			"order, no text that stands for two codes. Every problem has its line. Says what is allowed and probably not meant, too.",
		RunE: func(_ *cobra.Command, args []string) error { return a.codesCheck(args[0]) },
	})
	return c
}

// subcommand refuses a word that is no command below c, with exit code 2.
func subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("there is no command %q; did you mean %q?", c.CommandPath()+" "+args[0], c.CommandPath()+" "+near[0])
	}
	return usage("there is no command %q; see: %s --help", c.CommandPath()+" "+args[0], c.CommandPath())
}

func (a *app) codes() error {
	type object struct {
		Name   string   `json:"name"`
		About  string   `json:"about"`
		Codes  int      `json:"codes"`
		Levels []string `json:"levels"`
		Digest string   `json:"digest"`
	}
	lists := []object{}
	g := grid{left: map[int]bool{2: true, 3: true}}
	g.add("LIST", "CODES", "LEVELS", "WHAT")
	for _, s := range codelist.AllShipped() {
		l, _, err := codelist.ReadShipped(s.Name)
		if err != nil {
			return err
		}
		lists = append(lists, object{s.Name, s.About, len(l.Entries) - 1, l.Levels[1:], l.Digest})
		g.add(s.Name, group(len(l.Entries)-1), strings.Join(l.Levels[1:], ", "), s.About)
	}
	if a.json {
		return a.object(map[string]any{"lists": lists})
	}
	g.write(a.out)
	a.print("Next: halftone codes show %s; in halftone.yaml: dimensions: {sex: halftone/sex}\n", lists[0].Name)
	return nil
}

func (a *app) codesShowCommand() *cobra.Command {
	var asCSV bool
	c := &cobra.Command{
		Use: "show NAME", Short: "show a code list: its codes, labels and where they are from", Args: one("one shipped code list, or a file"),
		Long: "Shows a code list that comes with Halftone, or a file. With --csv it prints the file itself, to keep a copy that no newer\n" +
			"version of Halftone changes, or to start a list of your own from. With --json synonyms are shown, too.",
		RunE: func(_ *cobra.Command, args []string) error { return a.codesShow(args[0], asCSV) },
	}
	c.Flags().BoolVar(&asCSV, "csv", false, "print the file")
	return c
}

// codeFile gives a shipped list, or the file of that path.
func codeFile(name string) ([]byte, error) {
	if text, ok := codelist.ShippedCSV(name); ok {
		return text, nil
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		guess := ""
		if near := codelist.Nearest(name, codelist.ShippedNames()); near != "" {
			guess = fmt.Sprintf("; did you mean %s?", near)
		}
		return nil, usage("there is no shipped code list and no file %q%s; halftone codes lists the shipped ones", name, guess)
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, usage("%s is not a file", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("the file cannot be read: %w", err)
	}
	return text, nil
}

// A codeLine is a line of a code list, for scripts.
type codeLine struct {
	Code     string       `json:"code"`
	Parent   string       `json:"parent"`
	Level    string       `json:"level"`
	Label    outputs.Text `json:"label"`
	Synonyms []string     `json:"synonyms"`
	Source   string       `json:"source,omitempty"`
	Status   string       `json:"status,omitempty"`
	Note     string       `json:"note,omitempty"`
}

func (a *app) codesShow(name string, asCSV bool) error {
	text, err := codeFile(name)
	if err != nil {
		return err
	}
	if asCSV {
		_, err := a.out.Write(text)
		return err
	}
	l, err := codelist.Read(name, bytes.NewReader(text))
	if err != nil {
		return a.badList(err)
	}
	if a.json {
		lines := []codeLine{}
		for _, e := range l.Entries[1:] {
			lines = append(lines, codeLine{e.Code, e.Parent, e.Level, e.Label, slices.Concat([]string{}, e.Synonyms), e.Source, e.Status, e.Note})
		}
		return a.object(map[string]any{"name": name, "digest": l.Digest, "levels": l.Levels, "languages": l.Languages(), "codes": lines})
	}
	a.print("%s\n", strings.ReplaceAll(heading(l), "%", "%%"))
	langs := l.Languages()
	g := grid{left: map[int]bool{}}
	head := []string{"CODE", "LEVEL"}
	for _, lang := range langs {
		head = append(head, strings.ToUpper(lang))
	}
	for i := range len(head) + 2 {
		g.left[i] = true
	}
	g.add(append(head, "STATUS", "SOURCE")...)
	for _, e := range l.Entries[1:] {
		row := []string{strings.Repeat("  ", len(l.Path(e.Code))-2) + e.Code, e.Level}
		for _, lang := range langs {
			row = append(row, e.Label[lang])
		}
		g.add(append(row, e.Status, e.Source)...)
	}
	g.write(a.out)
	if _, ok := codelist.ShippedCSV(name); ok {
		a.print("Next: in halftone.yaml: dimensions: {NAME: %s}; halftone codes show %s --csv prints the file\n", name, name)
	} else {
		a.print("Next: in halftone.yaml: dimensions: {NAME: %s}\n", name)
	}
	return nil
}

// heading says what a list is in one line.
func heading(l codelist.List) string {
	return fmt.Sprintf("%s · %s · levels %s · labels in %s · digest %s", l.Name, plural(len(l.Entries)-1, "code", "codes"),
		strings.Join(l.Levels, " > "), strings.Join(l.Languages(), ", "), short(l.Digest))
}

// A listProblem is one fault of a code list, for scripts. Line 0 is the whole file.
type listProblem struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// listProblems takes apart the joined errors of a code list.
func listProblems(err error) (out []listProblem) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, listProblems(e)...)
		}
		return out
	}
	var e *codelist.Error
	if errors.As(err, &e) {
		return []listProblem{{e.Line, e.What}}
	}
	return []listProblem{{0, err.Error()}}
}

// badList says all that is wrong with a code list (exit 2).
func (a *app) badList(err error) error {
	a.note("%v", err)
	return usage("%s in the code list", plural(len(listProblems(err)), "problem", "problems"))
}

func (a *app) codesCheck(name string) error {
	text, err := codeFile(name)
	if err != nil {
		return err
	}
	l, err := codelist.Read(name, bytes.NewReader(text))
	if err == nil {
		// What a dimension of it must be, with all the codes that it can have.
		_, err = l.Domain("dimension", codelist.Unknowns{All: true})
	}
	if a.json {
		problems, remarks := []listProblem{}, []string{}
		if err != nil {
			problems = listProblems(err)
		} else {
			remarks = append(remarks, l.Remarks()...)
		}
		if jerr := a.object(map[string]any{"ok": err == nil, "problems": problems, "remarks": remarks}); jerr != nil || err == nil {
			return jerr
		}
		return &exitError{2, nil}
	}
	if err != nil {
		return a.badList(err)
	}
	for _, r := range l.Remarks() {
		a.note("%s: %s", name, r)
	}
	a.print("%s\n", strings.ReplaceAll(heading(l), "%", "%%"))
	for _, level := range l.Levels[1:] {
		n := 0
		for _, e := range l.Entries {
			if e.Level == level && e.Code != privacy.Total {
				n++
			}
		}
		a.print("  %6s  %s\n", group(n), strings.ReplaceAll(level, "%", "%%"))
	}
	a.print("the code list is valid\nNext: name it in halftone.yaml: dimensions: {NAME: %s}; halftone validate\n", strings.ReplaceAll(name, "%", "%%"))
	return nil
}
