// Package pipeline takes one dataset from its sources to a published version.
//
// [Line] is the one door: the command line and the scheduler use it and nothing
// below it. The way of the data is one way: pull, normalize, stage, then for
// every due period count, charge, draw and seal, then compose one version of all
// releases and publish it. Everything that looks at exact data ends before the
// first charge.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"halftone/connectors"
	"halftone/pipeline/config"
	"halftone/pipeline/runs"
	"halftone/pipeline/staging"
	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/durable"
)

// A Line is one dataset with everything it runs on. It holds no state: what it
// does is in the state folder and the public folder.
type Line struct {
	Dataset config.Dataset
	Others  []config.Dataset // the other datasets of the instance
	State   string           // folder, 0700: ledger, staging, keys
	Store   string           // of the ledger: "" or "sqlite", or env:NAME with the connection string of a Postgres database
	Public  string           // folder that anyone may read
	Data    string           // base of relative paths in sources
	Kinds   []connectors.Kind
	Clock   connectors.Clock
	Secret  connectors.Secret
	By      string // name of the person or service that runs it, for records
	Holder  string // who has the ledger's lease meanwhile, so that others know whom they wait for; "": By
	Workers int
	Tool    string // name and version of the program, for manifests
	Watch   func(Event)
}

// An Event tells whoever watches how far a run is. It names places and periods,
// never a count of the data.
type Event struct {
	Step   string // pull, release, compose, publish
	Source string
	Period string
	Done   int // of Total
	Total  int
}

func (l Line) say(e Event) {
	if l.Watch != nil {
		l.Watch(e)
	}
}

// A SourceStopped error says that a source stopped the run before any charge
// (exit 4). Result tells what became of its rows.
type SourceStopped struct {
	Source string
	Err    error
	Result SourceResult
}

func (e *SourceStopped) Error() string {
	if text := e.Err.Error(); strings.HasPrefix(text, e.Source+":") {
		return text // normalize names the source itself
	}
	return e.Source + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *SourceStopped) Unwrap() error { return e.Err }

// Outcomes of a run that failed, as they stand in the record of runs.
const (
	outcomeConfig  = "configuration"
	outcomeRefused = "refused"
	outcomeSource  = "source"
	outcomeLocked  = "locked"
	outcomeFailed  = "failed"
)

// Outcome names the kind of an error; [ExitCode] gives its number.
func Outcome(err error) string {
	var stop *SourceStopped
	var setting *connectors.SettingError
	var problems config.Errors
	switch {
	case errors.Is(err, privacy.ErrLocked):
		return outcomeLocked
	case errors.As(err, &stop):
		return outcomeSource
	case errors.As(err, &setting), errors.As(err, &problems), errors.Is(err, ErrUsage):
		return outcomeConfig
	case errors.Is(err, ErrRefused), errors.Is(err, privacy.ErrBudget), errors.Is(err, privacy.ErrTerms),
		errors.Is(err, privacy.ErrPinned), errors.Is(err, privacy.ErrApproval), errors.Is(err, runs.ErrBusy),
		errors.Is(err, ledger.ErrHeld), errors.Is(err, ledger.ErrFenced):
		return outcomeRefused
	}
	return outcomeFailed
}

// ExitCode is what a command that ended with err exits with: 0 for nil.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	return map[string]int{outcomeFailed: 1, outcomeConfig: 2, outcomeRefused: 3, outcomeSource: 4, outcomeLocked: 5}[Outcome(err)]
}

// ErrRefused says that a request is well formed but not allowed now (exit 3).
var ErrRefused = errors.New("refused")

// prepare makes the state folder and refuses one that others can read, or that
// would give the dataset its budget again.
func (l Line) prepare() error {
	if err := makeState(l.State); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if err := l.oneLedger(); err != nil {
		return err
	}
	return CheckState(l.State, l.Public)
}

// makeState makes the state folder where it is not there, so that its name is durable.
func makeState(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(dir))
}

// OwnState is the state folder of a dataset alone, in its folder.
const OwnState = ".halftone"

// CheckState says why a folder may not hold exact rows and the ledger: others
// can read it, or it lies in the public folder.
func CheckState(state, public string) error {
	info, err := os.Lstat(state)
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if !info.IsDir() {
		return errors.New("the state folder is not a folder (a link is not followed)")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others can read the state folder (mode %04o): chmod 700 it", info.Mode().Perm())
	}
	s, err := real(state)
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	p, err := real(public)
	if err != nil {
		return fmt.Errorf("public folder: %w", err)
	}
	if err := onlyOurs(public); err != nil {
		return err
	}
	if within(p, s) {
		return errors.New("the state folder lies in the public folder: whatever serves one would serve the other")
	}
	return nil
}

// checkState is CheckState for who only looks: a replica may have no state yet.
func (l Line) checkState() error {
	err := CheckState(l.State, l.Public)
	if l.shared() && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ready is prepare for who needs a state folder and charges nothing.
func (l Line) ready() error {
	if l.shared() {
		return l.prepare()
	}
	return CheckState(l.State, l.Public)
}

// within reports whether a path is a folder or lies in it; both are as [real] gives them.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// real is the path of a folder without links, as far as it exists.
func real(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
		return filepath.Join(parent, filepath.Base(abs)), err
	}
	return resolved, err
}

// Private says why a file that the officer names may not hold exact figures: it would
// lie in the public folder.
func (l Line) Private(file string) error {
	f, err := real(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	p, err := real(l.Public)
	if err != nil {
		return fmt.Errorf("public folder: %w", err)
	}
	if within(p, f) {
		return fmt.Errorf("%s lies in the public folder, and would hold exact figures: name a place that only you can read", file)
	}
	return nil
}

// onlyOurs refuses a public folder that holds anything but what is published
// there, such as the folder of an agency's files.
func onlyOurs(public string) error {
	entries, err := os.ReadDir(public)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("public folder: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case "index.html", "datasets", "robots.txt", "favicon.ico", "CNAME":
		default:
			if !strings.HasPrefix(e.Name(), ".") { // hidden: ours that are not finished, or a desktop's own
				return fmt.Errorf("the public folder holds files that Halftone did not publish: name a folder of its own (publish in halftone.yaml, public in instance.yaml)")
			}
		}
	}
	return nil
}

func (l Line) store() (*staging.Store, error) { return staging.Open(l.State, l.Dataset.Name) }

// day cuts a time to its UTC day.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// key names one edition of a period's release.
func (l Line) key(p privacy.Period, edition int) privacy.Key {
	return privacy.Key{Dataset: l.Dataset.Spec.Dataset, Series: l.Dataset.Spec.Series, Period: p, Edition: edition}
}

// open opens a source with its allow-list.
func (l Line) open(ctx context.Context, s config.Source) (connectors.Source, error) {
	for _, k := range l.Kinds {
		if k.Name == s.Kind {
			env := connectors.Env{Dir: l.Data, Columns: s.Columns, Match: s.Match, Hosts: s.Hosts, Layout: s.Layout, Clock: l.Clock, Secret: l.Secret}
			return k.Open(ctx, env, s.Decode)
		}
	}
	return nil, fmt.Errorf("no connector %q", s.Kind)
}

// CheckSources opens every source, which checks its settings and touches
// neither network nor files.
func (l Line) CheckSources(ctx context.Context) error {
	for _, s := range l.Dataset.Sources {
		if _, err := l.open(ctx, s); err != nil {
			return fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	return nil
}
