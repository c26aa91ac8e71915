package dataset

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"halftone/outputs"
	"halftone/privacy"
)

// CSV writes s: RFC 4180 quoting, a header, lines that end in \n, numbers empty
// where there are none, estimate and sd with 3 decimals.
func (s Sheet) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	row := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		row[i] = c.Name
	}
	if err := w.Write(row); err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", s.Name, err)
	}
	for r := range s.Rows {
		for i, c := range s.Columns {
			row[i] = c.Cell(r)
		}
		if err := w.Write(row); err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", s.Name, err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// ReleaseColumns are the columns of releases.csv.
var ReleaseColumns = []string{"period", "edition", "provisional", "released", "rho", "epsilon",
	"sources_reporting", "sources_expected", "break", "note"}

// ListSeparator stands between the names of sources, and of breaks, in releases.csv.
const ListSeparator = ";"

// Releases writes releases.csv, one line a period. What a release was charged
// stands in rho or in epsilon, by its mechanism; the other is empty. A withdrawn
// one keeps its price, which stays spent; provisional and sources are empty, and
// the note says when and why it was withdrawn.
func Releases(v outputs.Version) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(ReleaseColumns); err != nil {
		return nil, fmt.Errorf("dataset: releases: %w", err)
	}
	slots, err := v.Slots()
	if err != nil {
		return nil, fmt.Errorf("dataset: releases: %w", err)
	}
	for _, s := range slots {
		row, err := releaseRow(v, s)
		if err == nil {
			err = w.Write(row)
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: releases: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// releaseRow is the line of one period.
func releaseRow(v outputs.Version, s outputs.Slot) ([]string, error) {
	lang := Languages(v.About)[0]
	var breaks []string
	var notes []string
	for _, br := range v.Breaks {
		if br.At == s.Period {
			breaks, notes = append(breaks, br.Kind), append(notes, br.Note.In(lang))
		}
	}
	note := func(own string) string {
		for _, n := range notes {
			own = strings.TrimSpace(own + " " + n)
		}
		return own
	}
	if w := s.Withdrawn; w != nil {
		return []string{s.Period.String(), strconv.Itoa(w.Key.Edition), "", w.Released.UTC().Format(time.DateOnly),
			price(w.Cost.NanoRho), price(w.Cost.NanoEpsilon), "", "", strings.Join(breaks, ListSeparator), note(w.Note())}, nil
	}
	e := v.Releases[s.Release]
	k, err := e.Release.Key()
	if err != nil {
		return nil, err
	}
	m, err := e.Release.Model()
	if err != nil {
		return nil, err
	}
	return []string{s.Period.String(), strconv.Itoa(k.Edition), strconv.FormatBool(e.Provisional),
		e.Released.UTC().Format(time.DateOnly), price(m.Plan.NanoRho), price(m.Plan.NanoEpsilon),
		strings.Join(e.Reporting, ListSeparator), strings.Join(e.Expected, ListSeparator),
		strings.Join(breaks, ListSeparator), note(e.Note.In(lang))}, nil
}

func price(nano uint64) string {
	if nano == 0 {
		return ""
	}
	return Nano(nano)
}

// Nano writes a number of billionths exactly, without trailing zeros.
func Nano(n uint64) string {
	s := strings.TrimRight(fmt.Sprintf("%d.%09d", n/1e9, n%1e9), "0")
	return strings.TrimSuffix(s, ".")
}

// Codes writes a code list: code, parent, level, one label column a language.
// The first language's column is the label that the tables show; others are
// empty where there is no translation.
func Codes(a outputs.About, l outputs.CodeList) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	langs := Languages(a)
	head := []string{"code", "parent", "level"}
	for _, lang := range langs {
		head = append(head, "label_"+lang)
	}
	if err := w.Write(head); err != nil {
		return nil, fmt.Errorf("dataset: codes of %s: %w", l.Dimension, err)
	}
	for _, c := range l.Codes {
		row := []string{c.Code, c.Parent, c.Level, a.Label(l.Dimension, c.Code, langs[0])}
		for _, lang := range langs[1:] {
			row = append(row, c.Label[lang])
		}
		if err := w.Write(row); err != nil {
			return nil, fmt.Errorf("dataset: codes of %s: %w", l.Dimension, err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// Dimensions are the names of the dimensions of v, in order.
func Dimensions(v outputs.Version) ([]string, error) {
	if len(v.Releases) == 0 {
		return nil, privacy.ErrNotReleased
	}
	m, err := v.Releases[len(v.Releases)-1].Release.Model()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var names []string
	for _, d := range m.Dimensions {
		names = append(names, d.Name)
	}
	return names, nil
}

// CSVPath is the path of a table in a version.
func CSVPath(table string) string { return "data/" + table + ".csv" }

// ParquetPath is the path of a table, or of [AllName].
func ParquetPath(table string) string { return "data/" + table + ".parquet" }

// CodesPath is the path of a code list.
func CodesPath(dimension string) string { return "codes/" + dimension + ".csv" }
