package main

import (
	"archive/tar"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // a ledger as any other program sees it
)

// agekey FILE NAME: makes an age key in FILE and sets $NAME to its public part.
func agekey(ts *testscript.TestScript, _ bool, args []string) {
	id, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# made for a test\n"+id.String()+"\n"), 0o600))
	ts.Setenv(args[1], id.Recipient().String())
}

// holds FILE IDENTITY PATH…: the backup has just these files, a manifest that
// lists them first, and neither a staging file nor a key that opens one.
func holds(ts *testscript.TestScript, _ bool, args []string) {
	ids, err := age.ParseIdentities(strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	plain, err := age.Decrypt(strings.NewReader(ts.ReadFile(args[0])), ids...)
	ts.Check(err)
	var names, listed []string
	sums := map[string]string{}
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		b, err := io.ReadAll(t)
		ts.Check(err)
		if strings.Contains(string(b), "AGE-SECRET-KEY-") {
			ts.Fatalf("%s holds an age key", h.Name)
		}
		sum := sha256.Sum256(b)
		sums[h.Name] = hex.EncodeToString(sum[:])
		if h.Name != "manifest.json" {
			names = append(names, h.Name)
			continue
		}
		var m struct {
			Files []struct{ Path, SHA256 string }
		}
		ts.Check(json.Unmarshal(b, &m))
		for _, f := range m.Files {
			listed = append(listed, f.Path+" "+f.SHA256)
		}
	}
	slices.Sort(names)
	if want := slices.Sorted(slices.Values(args[2:])); !slices.Equal(names, want) {
		ts.Fatalf("%s holds %v, want %v", args[0], names, want)
	}
	for i, n := range names {
		names[i] = n + " " + sums[n]
	}
	if slices.Sort(listed); !slices.Equal(names, listed) {
		ts.Fatalf("manifest.json lists %v, there are %v", listed, names)
	}
}

// private FILE: only its owner may read it.
func private(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if info.Mode().Perm() != 0o600 {
		ts.Fatalf("%s has mode %04o", args[0], info.Mode().Perm())
	}
}

// chain FILE LINKS ENTRIES: a whole chain of so many links, so many of them with
// their entry. It knows of SHA-256 and nothing of the program.
func chain(ts *testscript.TestScript, _ bool, args []string) {
	sum := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	head, links, entries := "", 0, 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var l struct {
			Seq          int
			Entry        json.RawMessage
			Digest, Hash string
		}
		ts.Check(json.Unmarshal([]byte(line), &l))
		if links++; l.Seq != links {
			ts.Fatalf("line %d has seq %d", links, l.Seq)
		}
		if l.Entry != nil {
			entries++
			if sum(string(l.Entry)) != l.Digest {
				ts.Fatalf("line %d: the digest is not that of its entry", links)
			}
		}
		if head = sum(head + l.Digest); head != l.Hash {
			ts.Fatalf("line %d: the chain is broken", links)
		}
	}
	if strconv.Itoa(links) != args[1] || strconv.Itoa(entries) != args[2] {
		ts.Fatalf("%d links, %d entries, want %s and %s", links, entries, args[1], args[2])
	}
}

// startswith FILE START: the first file begins with all bytes of the second.
func startswith(ts *testscript.TestScript, _ bool, args []string) {
	if start := ts.ReadFile(args[1]); start == "" || !strings.HasPrefix(ts.ReadFile(args[0]), start) {
		ts.Fatalf("%s does not begin with %s", args[0], args[1])
	}
}

// renumber VERSIONS: the newest version of a folder gets a copy under a name that
// nobody has recorded, in its manifest, too.
func renumber(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	ts.Check(err)
	old := filepath.Base(names[len(names)-1])
	name := fmt.Sprintf("%s-77", old[:strings.LastIndexByte(old, '-')])
	ts.Check(os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, old))))
	file := filepath.Join(dir, name, "manifest.json")
	b, err := os.ReadFile(file)
	ts.Check(err)
	ts.Check(os.WriteFile(file, []byte(strings.Replace(string(b), `"version": "`+old, `"version": "`+name, 1)), 0o644))
}

// forge LEDGER: changes the third entry of a ledger behind its triggers.
func forge(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	var trigger string
	ts.Check(db.QueryRow("SELECT sql FROM sqlite_schema WHERE name = 'no_update'").Scan(&trigger))
	for _, q := range []string{"DROP TRIGGER no_update", `UPDATE link SET entry = json_set(entry, '$.day', '2020-01-01') WHERE seq = 3`, trigger} {
		_, err := db.Exec(q)
		ts.Check(err)
	}
}
