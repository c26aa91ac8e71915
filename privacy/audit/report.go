package audit

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// A Caught says how a check fared against something that it must catch.
type Caught struct {
	What  string // what is wrong
	Check string // that must fail
	Saw   string // what it said
	Pass  bool   // it failed
}

// WriteReport writes the figures as Markdown. It holds no time, so that two
// reports can be compared.
func WriteReport(w io.Writer, findings []Finding, caught []Caught) error {
	out := bufio.NewWriter(w)
	failed, missed := 0, 0
	for _, f := range findings {
		if !f.Pass() {
			failed++
		}
	}
	for _, c := range caught {
		if !c.Pass {
			missed++
		}
	}
	fmt.Fprintf(out, "# Audit of the privacy core\n\nAttacks on our own releases, all of made-up data. %d of %d findings are as claimed; %d of %d mutants and wrong claims are caught.\n",
		len(findings)-failed, len(findings), len(caught)-missed, len(caught))
	fmt.Fprintf(out, "If nothing is wrong, a run fails by chance with probability %.1g at most (union bound; a rate of 0 never does).\n\n", FalseAlarm(findings))
	fmt.Fprint(out, "| check | tried | figure | value | at most | false alarm | |\n|---|---|---|--:|--:|--:|---|\n")
	for _, f := range findings {
		result := "ok"
		if !f.Pass() {
			result = "**FAILED** " + f.Failure
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.6g | %.6g | %.1g | %s |\n", cell(f.Check), cell(f.Tried), cell(f.Statistic), f.Value, f.Bound, f.FalseAlarm, cell(result))
	}
	if len(caught) > 0 {
		fmt.Fprint(out, "\n## What must be caught\n\nMutants of the source, and right releases held against wrong claims.\n\n| what is wrong | check | it says | |\n|---|---|---|---|\n")
	}
	for _, c := range caught {
		result := "caught"
		if !c.Pass {
			result = "**MISSED**"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", cell(c.What), cell(c.Check), cell(c.Saw), result)
	}
	return out.Flush()
}

// cell makes text fit into a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}
