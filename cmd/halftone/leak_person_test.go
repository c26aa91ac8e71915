package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/parquet-go/parquet-go"

	"halftone/pipeline/staging"
)

const leakRecords = `halftone: 1
dataset: leak-check
title: Cases
counts: cases
unit: person
licence: CC-BY-4.0
publisher: {name: Office, contact: data@example.org}
period: {every: year, from: 2023, to: 2024}
dimensions: {place: places.csv}
sources:
  register:
    agency: Office
    from: {file: {path: register.csv}}
    map: {unit: count, period: year, place: place, value: 1}
    person: {column: case, regex: '^(zqx.*|Zqx.*)$', namespace: office}
    key: [case, visit]
    quarantine: 20%
    contribution: {per_period: 2, periods: 1, stated_by: "A. Person, 2026-01-15"}
  visits:
    agency: Office
    from: {file: {path: visits.csv}}
    delivers: append
    map: {unit: count, period: year, place: {const: S}, value: 1}
    person: {columns: [office, case], join: "", namespace: office}
    contribution: {per_period: 2, periods: 1, stated_by: "A. Person, 2026-01-15"}
tables: {total: {}, by-place: {place: place}}
privacy: {mechanism: laplace, budget: {person: {epsilon: 1}}}
`

// leakPeople are keys of persons: as they are written, and as they are hashed.
var leakPeople = []string{"Zqxleakcase-20417", "Zqxleakcase-31180", "Zqxleakcase-77"}

const (
	leakRecordHeader = "year,place,case,visit\n"
	leakVisitHeader  = "year,office,case\n"
)

func leakRecordRows() (rows string) {
	for i, who := range leakPeople {
		for visit := range 5 {
			rows += fmt.Sprintf("%d,N,%s,%d\n", 2023+i%2, who, visit)
		}
	}
	return rows
}

// pseudonyms are what stands in staging for the people, in all forms.
func leakPseudonyms(t *testing.T, w *leakWorld) (forms []leakForm) {
	t.Helper()
	st, err := staging.Open(w.state(), "leak-check")
	if err != nil {
		t.Fatal(err)
	}
	key := st.PersonKey("office")
	forms = append(forms, leakForm{"the key of persons", leakLower(key[:8]), false}, leakForm{"the key of persons in hexadecimal", []byte(hex.EncodeToString(key[:8])), false})
	for _, who := range leakPeople {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(strings.ToLower(who)))
		hash := mac.Sum(nil)
		for _, part := range [][]byte{hash[:16], hash[:8]} { // a beginning is enough to know somebody again
			b64 := base64.StdEncoding.EncodeToString(part)
			forms = append(forms, leakForm{who + " hashed", leakLower(part), false}, leakForm{who + " hashed, in hexadecimal", []byte(hex.EncodeToString(part)), false},
				leakForm{who + " hashed, in base64", bytes.ToLower([]byte(b64[:len(b64)-4])), false})
		}
		plain := sha256.Sum256([]byte(who)) // under no key, it could be searched
		folded := sha256.Sum256([]byte(strings.ToLower(who)))
		for _, h := range [][32]byte{plain, folded} {
			forms = append(forms, leakForm{who + " hashed without a key", leakLower(h[:8]), false}, leakForm{who + " hashed without a key, in hexadecimal", []byte(hex.EncodeToString(h[:8])), false})
		}
	}
	return forms
}

// TestLeaksOfPersons plants keys of persons, uses the program as officers do, and
// looks at every byte that it wrote or said: neither a key nor what stands for it
// is anywhere but in encrypted staging, and there is no key in that either.
func TestLeaksOfPersons(t *testing.T) {
	keepUmask(t)
	base := t.TempDir()
	w := &leakWorld{mechanism: "laplace", dir: filepath.Join(base, "project"), data: filepath.Join(base, leakFolder), temp: filepath.Join(base, "temp"),
		said: map[string][]byte{}, outs: map[string]string{}, states: map[string]map[string][]byte{}, publics: map[string]map[string][]byte{}, sealed: map[string][]byte{}}
	for _, d := range []string{w.dir, w.data, w.temp} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", w.temp)
	w.write(t, filepath.Join(w.dir, "halftone.yaml"), leakRecords)
	w.write(t, filepath.Join(w.dir, "places.csv"), "code,parent,level,label_en\nN,,place,North\nS,,place,South\n")
	w.write(t, filepath.Join(w.data, "visits.csv"), leakVisitHeader+"2023,Zqxleak,case-20417\n2023,zqxleak,case-20417\n2024,Zqxleak,case-77\n")
	good := leakRecordHeader + leakRecordRows() + "2023,N,unknown Zqxleak,1\n"
	// 1. What errors like to quote.
	for name, register := range map[string]string{
		"over quarantine": good + strings.Repeat("2023,N,nobody Zqxleak,1\n", 9),
		"twice":           good + "2023,N," + leakPeople[0] + ",1\n",
		"ragged":          good + "2023,N," + leakPeople[0] + ",1," + leakPeople[1] + "\n",
		"open quote":      good + "2023,N,\"" + leakPeople[0] + "\"x,1\n",
		"no column":       strings.Replace(good, ",case,", ","+leakPeople[0]+",", 1),
		"bad bytes":       good + "2023,N," + leakPeople[0] + "\xff\xfe\x00,9\n",
	} {
		w.feed(t, register)
		w.ht(t, name, 4, "--debug", "run")
		w.ht(t, name+" quarantine", 0, "quarantine", "register")
		w.look(t, name)
	}
	// 2. What goes well.
	w.feed(t, good)
	w.ht(t, "validate", 0, "validate")
	w.ht(t, "dry run", 0, "pull", "--dry-run")
	w.ht(t, "pull", 0, "--debug", "pull")
	w.ht(t, "pull json", 0, "--json", "pull")
	w.ht(t, "quarantine", 0, "--json", "quarantine", "register")
	w.ht(t, "plan", 0, "plan")
	w.look(t, "pulled")
	w.ht(t, "run", 0, "--debug", "run")
	w.feed(t, good+"2024,S,"+leakPeople[2]+",late\n")
	w.ht(t, "run with late rows", 0, "--json", "run")
	for _, c := range []string{"status", "budget", "doctor", "retention"} {
		w.ht(t, c, 0, "--json", c)
	}
	w.ht(t, "export", 0, "ledger", "export")
	w.ht(t, "verify", 0, "verify", filepath.Join(w.public(), "datasets", "leak-check"))
	w.look(t, "end")
	// 3. Every byte.
	w.canaries.rows = append(leakTextForms(), leakPseudonyms(t, w)...)
	for name, b := range w.said {
		w.noLeak(t, "what "+name+" says", b)
	}
	for when, files := range w.states {
		w.noLeakFiles(t, "state "+when, files, leakSealed)
	}
	for when, files := range w.publics {
		w.noLeakFiles(t, "public "+when, files, leakNoised)
	}
	w.noLeakFiles(t, "temporary files", leakFiles(t, w.temp), leakNoised)
	w.noLeakFiles(t, "encrypted staging", w.sealed, leakNoised)
	if len(w.publics["end"]) < 10 || len(w.states) < 8 {
		t.Fatal("nothing was published: nothing was checked")
	}
	w.leakStaged(t)
	// 4. The looking finds what it is for.
	for _, f := range append(leakPseudonyms(t, w), leakForm{bytes: []byte(strings.ToUpper(leakPeople[0]))}) {
		if w.canaries.in(slices.Concat([]byte("x "), f.bytes, []byte(" x")), true) == nil {
			t.Errorf("%s is not found", f.of)
		}
	}
	// 5. The time of the rows is over: their pseudonyms go with them, and the key.
	w.write(t, filepath.Join(w.dir, "halftone.yaml"), strings.ReplaceAll(leakRecords, "    contribution:", "    keep_rows: 0 days\n    contribution:"))
	w.ht(t, "retention at the end", 0, "retention")
	w.look(t, "retained")
	for name := range w.states["retained"] {
		if strings.HasPrefix(name, "keys/input/") || strings.HasPrefix(name, "keys/batch/") || strings.HasSuffix(name, ".age") {
			t.Errorf("%s is left", name)
		}
	}
	if n := w.opens(t); n > 0 {
		t.Errorf("%d staged files can still be opened", n)
	}
}

// leakStaged opens encrypted staging: there are pseudonyms in it, and no key.
func (w *leakWorld) leakStaged(t *testing.T) {
	t.Helper()
	hashes := 0
	for name, b := range w.sealed {
		id := strings.TrimSuffix(filepath.Base(name), ".parquet.age")
		text, err := os.ReadFile(filepath.Join(w.state(), "keys", "batch", "leak-check", id+".key"))
		if err != nil {
			continue // of a run that stopped
		}
		key, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := age.Decrypt(bytes.NewReader(b), key)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range readLeakColumns(t, name, plain) {
			for _, v := range slices.Concat(c.rows, c.dictionary) {
				if slices.ContainsFunc(leakTextForms(), func(f leakForm) bool { return f.stands(leakLower(leakPlain(v))) }) {
					t.Errorf("%s, column %s: the key of a person", name, c.name)
				}
				if c.name == "person" && v.Kind() == parquet.FixedLenByteArray && w.canaries.in(v.Bytes(), true) != nil {
					hashes++
				}
			}
		}
	}
	if hashes < 18 {
		t.Errorf("%d pseudonyms in staging: the test looks for something else than what is there", hashes)
	}
}
