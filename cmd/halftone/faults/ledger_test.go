package faults_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the ledger as any other program sees it
)

// A link is one row of ledger.db, and one line of a published ledger.jsonl.
type link struct {
	Seq    int
	Entry  json.RawMessage
	Digest string
	Hash   string
}

// An entry is what this test needs of one.
type entry struct {
	Kind, Dataset   string
	Series, Edition int
	Period          string
	Cost            uint64
	Terms           *struct {
		Budget  uint64
		Periods uint64
	}
	Sealed   string `json:"sealed_sha256"`
	Version  string
	Sequence int
	Manifest string `json:"manifest_sha256"`
	Releases []string
	By       []string
}

// key names a release as its sealed file is named: dataset/series/period.edition.
func (e entry) key() string {
	return fmt.Sprintf("%s/%d/%s.%d", e.Dataset, e.Series, e.Period, e.Edition)
}

// readChain reads a ledger that nobody has open, from a copy: who opens the file
// itself would mend what a crash has left.
func readChain(state string) (links []link, err error) {
	dir, err := os.MkdirTemp("", "halftone-faults-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, name := range []string{"ledger.db", "ledger.db-wal", "ledger.db-journal"} {
		b, err := os.ReadFile(filepath.Join(state, name))
		if errors.Is(err, os.ErrNotExist) {
			if name == "ledger.db" {
				return nil, nil
			}
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Query("SELECT seq, entry, digest, hash FROM link ORDER BY seq")
	if err != nil {
		if strings.Contains(err.Error(), "no such table: link") {
			return nil, nil
		}
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var l link
		var text string
		if err := rows.Scan(&l.Seq, &text, &l.Digest, &l.Hash); err != nil {
			return nil, err
		}
		l.Entry = json.RawMessage(text)
		links = append(links, l)
	}
	return links, rows.Err()
}

// checkChain recomputes every hash. Lines of a published chain may lack their entry.
func checkChain(links []link) error {
	head := ""
	for i, l := range links {
		switch {
		case l.Seq != i+1:
			return fmt.Errorf("link %d has seq %d", i+1, l.Seq)
		case l.Entry != nil && sum(l.Entry) != l.Digest:
			return fmt.Errorf("link %d: not the digest of its entry", i+1)
		case sum([]byte(head+l.Digest)) != l.Hash:
			return fmt.Errorf("link %d: the chain is broken", i+1)
		}
		head = l.Hash
	}
	return nil
}

// isPrefix reports whether a chain goes on with another.
func isPrefix(of, chain []link) bool {
	return len(of) <= len(chain) && (len(of) == 0 || of[len(of)-1].Hash == chain[len(of)-1].Hash)
}

// books are what a chain says, added up here and not by the program.
type books struct {
	charges  map[string]uint64 // by release
	seals    map[string]string // SHA-256 by release
	burnt    map[string]bool
	hidden   map[string]bool              // withdrawn
	spent    map[string]uint64            // by dataset and period
	cap      map[string]uint64            // of a period, by dataset
	versions map[string]map[string]string // SHA-256 of the manifest, by dataset and version
	newest   map[string]entry             // publish entry with the highest sequence, by dataset
	unlocks  int
}

// reserved is how many releases are charged and neither sealed nor given up.
func (b books) reserved() (n int) {
	for k := range b.charges {
		if b.seals[k] == "" && !b.burnt[k] {
			n++
		}
	}
	return n
}

// add reads a chain, and fails when it breaks a promise: at most one charge and
// one seal a release, a charge before its seal, no seal of a burnt release, no
// period above its cap, sequences that rise, versions of sealed releases only.
func add(links []link) (b books, err error) {
	if err := checkChain(links); err != nil {
		return b, err
	}
	b = books{charges: map[string]uint64{}, seals: map[string]string{}, burnt: map[string]bool{}, hidden: map[string]bool{}, spent: map[string]uint64{},
		cap: map[string]uint64{}, versions: map[string]map[string]string{}, newest: map[string]entry{}}
	for _, l := range links {
		var e entry
		if err := json.Unmarshal(l.Entry, &e); err != nil {
			return b, fmt.Errorf("entry %d: %w", l.Seq, err)
		}
		if err := b.take(e); err != nil {
			return b, fmt.Errorf("entry %d: %w", l.Seq, err)
		}
	}
	return b, nil
}

func (b *books) take(e entry) error {
	k := e.key()
	_, charged := b.charges[k]
	switch e.Kind {
	case "charge":
		if charged {
			return fmt.Errorf("a second charge of %s", k)
		}
		return b.charge(e)
	case "burn":
		if b.burnt[k] || b.seals[k] != "" {
			return fmt.Errorf("burn of %s, which is burnt or sealed", k)
		}
		b.burnt[k] = true
		if !charged {
			return b.charge(e)
		}
		return nil
	case "seal":
		if !charged || b.burnt[k] || b.seals[k] != "" || e.Sealed == "" {
			return fmt.Errorf("seal of %s: charged %v, burnt %v, sealed before %q", k, charged, b.burnt[k], b.seals[k])
		}
		b.seals[k] = e.Sealed
		return nil
	case "publish":
		if e.Sequence <= b.newest[e.Dataset].Sequence || b.versions[e.Dataset][e.Version] != "" {
			return fmt.Errorf("version %s has sequence %d, after %d", e.Version, e.Sequence, b.newest[e.Dataset].Sequence)
		}
		for _, r := range e.Releases {
			if k := fmt.Sprintf("%s/%d/%s", e.Dataset, e.Series, r); b.seals[k] == "" || b.hidden[k] {
				return fmt.Errorf("version %s holds %s, which is not sealed, or withdrawn", e.Version, k)
			}
		}
		if b.versions[e.Dataset] == nil {
			b.versions[e.Dataset] = map[string]string{}
		}
		b.versions[e.Dataset][e.Version], b.newest[e.Dataset] = e.Manifest, e
		return nil
	case "withdraw":
		if b.seals[k] == "" || b.hidden[k] {
			return fmt.Errorf("withdrawal of %s, which is not sealed or withdrawn before", k)
		}
		b.hidden[k] = true
		return nil
	case "unlock":
		b.unlocks++
		if len(e.By) < 2 {
			return errors.New("an unlock by one person")
		}
		return nil
	}
	return fmt.Errorf("unknown kind %q", e.Kind)
}

func (b *books) charge(e entry) error {
	if e.Terms == nil || e.Cost == 0 {
		return errors.New("a charge without terms or cost")
	}
	limit := e.Terms.Budget / max(1, e.Terms.Periods)
	if old, ok := b.cap[e.Dataset]; ok && old != limit {
		return errors.New("other terms than those of the first charge")
	}
	period := e.Dataset + " " + e.Period
	b.charges[e.key()], b.cap[e.Dataset] = e.Cost, limit
	if b.spent[period] += e.Cost; b.spent[period] > limit {
		return fmt.Errorf("%s costs %d, more than %d", period, b.spent[period], limit)
	}
	return nil
}

// readLines reads a published ledger.jsonl.
func readLines(file string) (links []link, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	for dec.More() {
		var l link
		if err := dec.Decode(&l); err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	return links, checkChain(links)
}
