package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"halftone/pipeline"
	"halftone/pipeline/codelist"
	"halftone/pipeline/normalize"
)

func (a *app) mapCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "map", Short: "propose codes for the labels of a source that have none, and take those that a person has marked", Args: subcommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use: "suggest SOURCE", Short: "show the labels of a source that have no code, with proposals", Args: one("one source"),
		Long: "Reads a source and shows the labels for which the mapping has no code, each with the code that it may mean: by case, accents and\n" +
			"punctuation, by the order of words, by a few letters. They are shown on a terminal only, and written to\n" +
			".halftone/maps/SOURCE-DIMENSION.suggested.csv, which only you can read: labels are the agency's text. Nothing is accepted by\n" +
			"itself: correct `code`, put an x into `accept`, then halftone map accept SOURCE. Keeps no row, changes no mapping.",
		RunE: func(c *cobra.Command, args []string) error {
			l, err := a.line()
			if err != nil {
				return err
			}
			return a.mapSuggest(c.Context(), l, args[0])
		},
	}, a.mapAcceptCommand())
	return c
}

// A proposal is a line of a file of suggestions.
type proposal struct {
	label  string
	rows   int64
	code   string
	how    string
	score  string
	accept string
	line   int // of the file it was read from
}

// A part is what map suggest says of one dimension.
type part struct {
	Dimension string `json:"dimension"`
	Labels    int    `json:"labels"`
	Proposed  int    `json:"proposed"`
	More      bool   `json:"more"` // labels than are kept
	File      string `json:"file"` // in the state folder

	proposals []proposal
	list      codelist.List
}

func (a *app) mapSuggest(ctx context.Context, l pipeline.Line, source string) error {
	if err := a.knownSource(l, source); err != nil {
		return err
	}
	p := a.progress()
	l.Watch = p.event
	labels, more, err := l.UnknownLabels(ctx, source)
	p.done()
	if err != nil {
		return err
	}
	dir, err := l.MapsFolder()
	if err != nil {
		return err
	}
	parts := []part{}
	for i, d := range l.Dataset.Spec.Dimensions {
		file := suggestedFile(dir, source, d.Name)
		earlier, err := readSuggested(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		made := proposals(labels, d.Name, l.Dataset.Lists[i], earlier)
		if len(made) == 0 {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("map: %w", err)
			}
			continue
		}
		if err := writeSuggested(file, made); err != nil {
			return fmt.Errorf("map: %w", err)
		}
		n := 0
		for _, p := range made {
			if p.code != "" {
				n++
			}
		}
		shown, err := filepath.Rel(l.State, file)
		if err != nil {
			return fmt.Errorf("map: %w", err)
		}
		parts = append(parts, part{d.Name, len(made), n, slices.Contains(more, d.Name), shown, made, l.Dataset.Lists[i]})
	}
	if a.json {
		return a.object(map[string]any{"source": source, "dimensions": parts})
	}
	a.printSuggested(source, parts)
	return nil
}

func (a *app) knownSource(l pipeline.Line, source string) error {
	for _, s := range l.Dataset.Sources {
		if s.Name == source {
			return nil
		}
	}
	return usage("there is no source %q in halftone.yaml; there are: %s", source, sourceNames(l.Dataset))
}

// proposals are those of one dimension. What a person has written into an earlier
// file stays.
func proposals(labels []normalize.UnknownLabel, dimension string, list codelist.List, earlier []proposal) []proposal {
	marked := map[string]proposal{}
	for _, p := range earlier {
		if p.accept != "" {
			marked[codelist.Fold(p.label)] = p
		}
	}
	s := list.Suggester()
	var out []proposal
	for _, l := range labels {
		if l.Dimension != dimension {
			continue
		}
		p := proposal{label: l.Label, rows: l.Rows}
		if l.NoMatch {
			p.how = noMatch
		} else if g, ok := s.Suggest(l.Label); ok {
			p.code, p.how, p.score = g.Code, g.How, strconv.FormatFloat(g.Score, 'f', 2, 64)
		}
		if m, ok := marked[codelist.Fold(l.Label)]; ok {
			if m.code != p.code {
				p.code, p.how, p.score = m.code, byHand, ""
			}
			p.accept = m.accept
		}
		out = append(out, p)
	}
	return out
}

// Words for how a code came about that no proposal gives.
const (
	byHand  = "by hand"
	noMatch = "regex does not match"
)

// printSuggested shows labels on a terminal, and elsewhere only how many.
func (a *app) printSuggested(source string, parts []part) {
	if len(parts) == 0 {
		a.print("%s · every label has a code\nNext: halftone pull %s\n", source, source)
		return
	}
	for _, p := range parts {
		a.print("%s · %s: %s without a code, %s of them proposed\n", source, p.Dimension, plural(p.Labels, "label", "labels"), group(p.Proposed))
		if a.screen {
			g := grid{left: map[int]bool{0: true, 2: true, 3: true, 4: true}}
			g.add("LABEL", "ROWS", "CODE", "MEANS", "HOW", "SCORE")
			for _, q := range p.proposals {
				means := ""
				if e, ok := p.list.Code(q.code); ok {
					means = e.Label.In("en")
				}
				g.add(onScreen(q.label), group(q.rows), q.code, means, q.how, q.score)
			}
			g.write(a.out)
		}
		if p.More {
			a.print("and more: a column of over 10,000 labels holds no classification; is it the right one?\n")
		}
		a.print("  written to %s of the state folder, for you alone\n", strings.ReplaceAll(p.File, "%", "%%"))
	}
	if !a.screen {
		a.print("Labels are the agency's text: they are shown on a terminal only, and stand in the file.\n")
	}
	a.print("Proposals are guesses. Look at each, correct `code` where it is wrong (also _U, X/_U, exclude), put an x into `accept`.\n")
	a.print("Next: halftone map accept %s --by NAME\n", source)
}

// onScreen keeps an agency's text off the terminal's control, and short.
func onScreen(label string) string {
	r := []rune(strings.Map(func(r rune) rune {
		if r != ' ' && !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, label))
	if len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return string(r)
}

func suggestedFile(dir, source, dimension string) string {
	return filepath.Join(dir, source+"-"+dimension+".suggested.csv")
}
