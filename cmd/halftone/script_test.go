package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"halftone": func() { os.Exit(process()) },
	})
}

// The scripts use the program as a person would. Every command's standard
// error and output may be looked at with stdout, stderr and nocanary.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "snapshot": snapshot, "unchanged": unchanged, "nocanary": nocanary, "web": web, "edit": edit, "flip": flip,
			"agekey": agekey, "holds": holds, "private": private, "chain": chain, "startswith": startswith, "renumber": renumber, "forge": forge,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[snapshots{}] = map[string]string{}
			return nil
		},
	})
}

type snapshots struct{}

// exits CODE COMMAND…: the command ends with just this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%v exits with %s, want %s", args[1:], got, args[0])
	}
}

// snapshot NAME PATH…: remembers all bytes below the paths.
func snapshot(ts *testscript.TestScript, _ bool, args []string) {
	ts.Value(snapshots{}).(map[string]string)[args[0]] = digest(ts, args[1:])
}

// unchanged NAME PATH…: fails if a byte has changed since the snapshot.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	same := ts.Value(snapshots{}).(map[string]string)[args[0]] == digest(ts, args[1:])
	if same == neg {
		ts.Fatalf("unchanged %s: %v", args[0], same)
	}
}

func digest(ts *testscript.TestScript, paths []string) string {
	h := sha256.New()
	for _, p := range paths {
		err := filepath.WalkDir(ts.MkAbs(p), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			if e.Type()&fs.ModeSymlink != 0 {
				var to string
				to, err = os.Readlink(name)
				b = []byte(to)
			}
			fmt.Fprintf(h, "%s %d ", name, len(b))
			h.Write(b)
			return err
		})
		ts.Check(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// canary is in labels, names and unmapped columns of the scripts' data, and the
// digits in their counts.
var canary = regexp.MustCompile(`(?i)canary|73919`)

// nocanary PATH…: neither the last command's output nor a file holds a canary.
// A folder is searched whole, but for encrypted staging.
func nocanary(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range append([]string{"stdout", "stderr"}, args...) {
		if name == "stdout" || name == "stderr" {
			if canary.MatchString(ts.ReadFile(name)) {
				ts.Fatalf("a canary is in %s", name)
			}
			continue
		}
		ts.Check(filepath.WalkDir(ts.MkAbs(name), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() { // links lead to what is searched anyway
				return err
			}
			b, err := os.ReadFile(path)
			if canary.Match(b) || canary.MatchString(filepath.Base(path)) {
				ts.Fatalf("a canary is in %s", path)
			}
			return err
		}))
	}
}

// web NAME FILE [TYPE]: serves a file on loopback and sets $NAME to its address
// and $NAME_HOST to its host and port.
func web(ts *testscript.TestScript, _ bool, args []string) {
	body, kind := []byte(ts.ReadFile(args[1])), "text/csv"
	if len(args) > 2 {
		kind = args[2]
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(body)
	}))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
	ts.Setenv(args[0]+"_HOST", strings.TrimPrefix(s.URL, "http://"))
}

// edit FILE OLD NEW: replaces a text that must be there, once; \n is a line break.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	b := []byte(ts.ReadFile(args[0]))
	old, now := strings.ReplaceAll(args[1], `\n`, "\n"), strings.ReplaceAll(args[2], `\n`, "\n")
	if bytes.Count(b, []byte(old)) != 1 {
		ts.Fatalf("%q stands %d times in %s", old, bytes.Count(b, []byte(old)), args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Replace(b, []byte(old), []byte(now), 1), 0o644))
}

// flip FILE: flips a bit in the middle of a file.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	b := []byte(ts.ReadFile(args[0]))
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}
