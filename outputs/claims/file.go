package claims

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"halftone/outputs"
)

// File is the path of the claims in a version.
const File = "claims.json"

// FileFormat is the format of claims.json.
const FileFormat = "halftone-claims/1"

// A file is claims.json: every comparison of a version and what may be said of it,
// also that nothing may. The report's sentences are those of this file.
type file struct {
	Format    string            `json:"format"`
	Dataset   string            `json:"dataset"`
	Version   string            `json:"version"`
	Who       map[string]string `json:"who"` // recorded the newest period, by language
	Counts    map[string]string `json:"counts"`
	Reporting []string          `json:"reporting"` // names of the sources
	Alpha     float64           `json:"alpha"`
	Material  float64           `json:"material"`
	Headline  map[string]string `json:"headline"`
	Claims    []said            `json:"claims"`
}

// said is one claim with its sentences.
type said struct {
	Table    string            `json:"table"`
	Codes    map[string]string `json:"codes"` // by dimension; {} is everything
	Kind     Kind              `json:"kind"`
	From     Window            `json:"from"`
	To       Window            `json:"to"`
	Verdict  Verdict           `json:"verdict"`
	Reason   Reason            `json:"reason,omitempty"`
	Figures  *figures          `json:"figures,omitempty"` // none where nothing can be said
	Sentence map[string]string `json:"sentence"`          // by language
}

// figures are those of [Claim], with as many digits as every platform agrees on.
type figures struct {
	Before         json.Number `json:"before"`
	After          json.Number `json:"after"`
	AfterValue     int64       `json:"after_value"`
	AfterLow       int64       `json:"after_low"`
	AfterHigh      int64       `json:"after_high"`
	D              json.Number `json:"d"`
	Low            int64       `json:"d_low"`
	High           int64       `json:"d_high"`
	SD             json.Number `json:"sd_d"`
	P              json.Number `json:"p"`
	Adjusted       json.Number `json:"p_adjusted"`
	ChanceP        json.Number `json:"chance_p"`
	ChanceAdjusted json.Number `json:"chance_adjusted"`
	Visible        int64       `json:"visible"`
}

// Write writes claims.json. tables are those of v, all its claims, as [Recorded]
// returns them.
func Write(v outputs.Version, tables []outputs.Table, all []Claim) ([]byte, error) {
	l, a := English(), v.About
	reporting := v.Releases[len(v.Releases)-1].Reporting
	f := file{
		Format: FileFormat, Dataset: a.Dataset, Version: v.Name, Reporting: append([]string{}, reporting...), Alpha: Alpha, Material: a.Material,
		Who: l.one(l.Who(a, reporting)), Counts: l.one(l.Counts(a)), Headline: l.one(l.Headline(v, tables, all)), Claims: []said{},
	}
	at := map[string]outputs.Table{}
	for _, t := range tables {
		at[t.Name] = t
	}
	for _, c := range all {
		t := at[c.Table]
		s := said{Table: c.Table, Codes: map[string]string{}, Kind: c.Kind, From: c.From, To: c.To, Verdict: c.Verdict, Reason: c.Reason,
			Sentence: l.one(l.Sentence(a, t, c).String())}
		for d, code := range c.Codes {
			s.Codes[t.Dimensions[d].Name] = code
		}
		if c.Verdict != CannotSay {
			s.Figures = &figures{fixed(c.Before), fixed(c.After), c.Value, c.ToLow, c.ToHigh, fixed(c.D), c.Low, c.High, fixed(c.SD),
				chance(c.P), chance(c.Adjusted), chance(c.ChanceP), chance(c.ChanceAdjusted), c.Visible}
		}
		f.Claims = append(f.Claims, s)
	}
	return encode(f)
}

func encode(f file) ([]byte, error) {
	b, err := json.MarshalIndent(f, "", "  ")
	return append(b, '\n'), err
}

// one is a text in the language that there is.
func (l Language) one(text string) map[string]string { return map[string]string{l.Tag: text} }

// fixed has three decimals, as the tables have.
func fixed(v float64) json.Number {
	v = math.Round(v*1000) / 1000
	return json.Number(strconv.FormatFloat(v+0, 'f', -1, 64)) // no -0
}

// chance has six decimals, and is at least one of the last: what is smaller is not
// the same on every machine, and says no more.
func chance(p float64) json.Number {
	return json.Number(strconv.FormatFloat(math.Round(max(p, 1e-6)*1e6)/1e6, 'f', -1, 64))
}

// WithoutWords is a claims.json, from anywhere, without its sentences: figures,
// verdicts and reasons, a line each.
func WithoutWords(b []byte) ([]byte, error) {
	var f file
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || f.Format != FileFormat {
		return nil, errors.New(File + " is unreadable")
	}
	// Another reader may see a key that stands twice, or in another case, otherwise.
	if again, err := encode(f); err != nil || !bytes.Equal(again, b) {
		return nil, errors.New(File + " is not written as it must be")
	}
	f.Who, f.Counts, f.Headline = nil, nil, nil
	for i := range f.Claims {
		f.Claims[i].Sentence = nil
	}
	return json.MarshalIndent(f, "", "  ")
}
