package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Labels without a code are seen on a terminal, where they can do nothing to it,
// and nowhere else.
func TestLabelsOnTerminal(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"halftone.yaml": `halftone: 1
dataset: labels
title: Cases
counts: cases
unit: case
licence: CC-BY-4.0
publisher: {name: Office, contact: data@example.org}
period: {every: year, from: 2023, to: 2023}
dimensions: {place: iso/countries}
sources:
  feed:
    agency: Office
    from: {file: {path: data.csv}}
    map: {unit: count, period: year, place: country, value: cases}
    key: row
    contribution: {per_period: 1, periods: 1, stated_by: "A. Person, 2026-01-15"}
tables: {total: {}}
privacy: {budget: {person: {epsilon: 1}}}
`,
		"data.csv": "year,country,cases\n2023,Etiopia,10\n2023,Wipe\x1b[2Jout,20\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	master, slave := openTerminal(t)
	cmd := program(t, "-C", dir, "--plain", "map", "suggest", "feed")
	var said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	screen, _ := io.ReadAll(master) // it ends with an error when nobody has the terminal open
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s%s", err, screen, said.Bytes())
	}
	for _, want := range []string{"Etiopia", "ETH", "Ethiopia", "folding", "Wipe?[2Jout"} {
		if !bytes.Contains(screen, []byte(want)) {
			t.Errorf("the terminal does not show %q:\n%s", want, screen)
		}
	}
	if bytes.ContainsRune(screen, '\x1b') || bytes.Contains(said.Bytes(), []byte("Etiopia")) {
		t.Errorf("a label has control of the terminal, or went to standard error: %q", said.Bytes())
	}
}
