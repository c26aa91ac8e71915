// Package runs remembers what the line of an instance has done: runs and pulls,
// which occurrence of a schedule was handled last, and which version names are
// taken. It lives in runs.db, which may be deleted: the ledger alone says what
// was charged, so nothing is ever charged twice because of it.
package runs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"halftone/privacy/ledger/durable"
)

// What a caller acts on.
var (
	// ErrBusy says that another run of the dataset, or another process, is at work.
	ErrBusy = errors.New("runs: another run is at work")
	// ErrDone says that an occurrence of a schedule was handled already.
	ErrDone = errors.New("runs: this occurrence is done")
)

// OccurrenceLayout is how an occurrence of a schedule is written: its local wall
// clock time, without a zone. It is its identity, and sorts by time.
const OccurrenceLayout = "2006-01-02T15:04"

// A Kind says what a run does.
type Kind string

// The kinds of a run.
const (
	KindRun  Kind = "run"
	KindPull Kind = "pull"
)

// A Trigger says who started a run.
type Trigger string

// The triggers of a run.
const (
	ByHand     Trigger = "hand"
	BySchedule Trigger = "schedule"
)

// A State says how far a run has come.
type State string

// The states of a run. Every one but Started is final.
const (
	Started     State = "started"
	Done        State = "done"
	Failed      State = "failed"
	Waiting     State = "waiting"     // refused for now: budget, approval, not yet due
	Interrupted State = "interrupted" // its process is gone
)

// A Run is one attempt at pulling or running a dataset.
type Run struct {
	ID         int64 // 1, 2, 3 …
	Dataset    string
	Kind       Kind
	Trigger    Trigger
	Occurrence string // in [OccurrenceLayout]; "" by hand
	Attempt    int    // 1, 2 … at the same occurrence
	State      State
	Result     Result    // of a run that has ended
	Started    time.Time // UTC
	Ended      time.Time // UTC; zero while at work
}

// A Result is what came of a run. It holds no count and no label of the data.
type Result struct {
	Outcome  string // a kind: published, nothing_due, source …
	Version  string // 2026.11-1; "" for none
	Sequence int
}

// Store is runs.db. Its methods are safe for concurrent use, and several
// processes may have it open.
type Store struct {
	db  *sql.DB
	now func() time.Time
}

func schema() durable.Schema {
	return durable.Schema{Version: 1, Create: []string{
		`CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, dataset TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('run','pull')),
trigger TEXT NOT NULL CHECK (trigger IN ('hand','schedule')), occurrence TEXT NOT NULL, attempt INTEGER NOT NULL CHECK (attempt > 0),
state TEXT NOT NULL CHECK (state IN ('started','done','failed','waiting','interrupted')), outcome TEXT NOT NULL DEFAULT '',
version TEXT NOT NULL DEFAULT '', sequence INTEGER NOT NULL DEFAULT 0, started TEXT NOT NULL, ended TEXT NOT NULL DEFAULT '',
CHECK ((occurrence = '') = (trigger = 'hand')), CHECK ((ended = '') = (state = 'started'))) STRICT`,
		// Two runs of a dataset never overlap, an occurrence is done once.
		`CREATE UNIQUE INDEX at_work ON run (dataset) WHERE state = 'started'`,
		`CREATE UNIQUE INDEX done_once ON run (dataset, occurrence, kind) WHERE occurrence <> '' AND state IN ('started','done')`,
		`CREATE UNIQUE INDEX attempts ON run (dataset, occurrence, kind, attempt) WHERE occurrence <> ''`,
		`CREATE TABLE cursor (dataset TEXT PRIMARY KEY, occurrence TEXT NOT NULL) STRICT`,
		`CREATE TABLE skip (dataset TEXT NOT NULL, occurrence TEXT NOT NULL, reason TEXT NOT NULL CHECK (reason <> ''), PRIMARY KEY (dataset, occurrence)) STRICT`,
		`CREATE TABLE version (dataset TEXT NOT NULL, month TEXT NOT NULL, number INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (dataset, month, number), UNIQUE (dataset, sequence)) STRICT`,
	}}
}

// Open opens runs.db in the state folder dir, and makes it where there is none.
func Open(ctx context.Context, dir string, now func() time.Time) (*Store, error) {
	if err := durable.Folder(dir); err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	db, err := durable.Open(ctx, filepath.Join(dir, "runs.db"), schema())
	if err != nil {
		return nil, fmt.Errorf("runs: %w (runs.db holds the history of runs only: it may be deleted, nothing will be charged twice)", err)
	}
	return &Store{db, now}, nil
}

// Close closes s.
func (s *Store) Close() error { return s.db.Close() }

// Start records that a run of a dataset begins: by hand if occurrence is "",
// else by the schedule. It fails with [ErrBusy] while another run of the dataset
// is at work, and with [ErrDone] when the occurrence was done by a run of the
// same kind; after one that ended otherwise it is the next attempt.
//
// The caller holds [Lock] and has called [Store.Recover].
func (s *Store) Start(ctx context.Context, dataset string, kind Kind, occurrence string) (Run, error) {
	r := Run{Dataset: dataset, Kind: kind, Trigger: ByHand, Occurrence: occurrence, Attempt: 1, State: Started, Started: s.instant()}
	if dataset == "" {
		return Run{}, errors.New("runs: a run needs a dataset")
	}
	if occurrence != "" {
		r.Trigger = BySchedule
		if err := checkOccurrence(occurrence); err != nil {
			return Run{}, err
		}
	}
	err := s.transact(ctx, func(tx *sql.Tx) error {
		var busy int64
		switch err := tx.QueryRowContext(ctx, "SELECT id FROM run WHERE dataset = ? AND state = 'started'", dataset).Scan(&busy); {
		case err == nil:
			return fmt.Errorf("%w: run %d of %s", ErrBusy, busy, dataset)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if occurrence != "" {
			var done bool
			if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(attempt), 0) + 1, coalesce(max(state = 'done'), 0) FROM run WHERE dataset = ? AND kind = ? AND occurrence = ?",
				dataset, kind, occurrence).Scan(&r.Attempt, &done); err != nil {
				return err
			}
			if done {
				return fmt.Errorf("%w: %s of %s", ErrDone, occurrence, dataset)
			}
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO run (dataset, kind, trigger, occurrence, attempt, state, started) VALUES (?, ?, ?, ?, ?, ?, ?)",
			dataset, kind, r.Trigger, occurrence, r.Attempt, Started, stamp(r.Started))
		if err != nil {
			return err
		}
		r.ID, err = res.LastInsertId()
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return r, nil
}

// Finish records how a run that is at work has ended.
func (s *Store) Finish(ctx context.Context, id int64, state State, res Result) error {
	if state != Done && state != Failed && state != Waiting {
		return fmt.Errorf("runs: a run cannot end as %q", state)
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		out, err := tx.ExecContext(ctx, "UPDATE run SET state = ?, outcome = ?, version = ?, sequence = ?, ended = ? WHERE id = ? AND state = 'started'",
			state, res.Outcome, res.Version, res.Sequence, stamp(s.instant()), id)
		if err != nil {
			return err
		}
		if n, err := out.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, fmt.Errorf("run %d is not at work", id))
		}
		return nil
	})
}

// Recover marks every run that is at work as interrupted, and returns them. The
// caller holds [Lock], so that their processes are gone.
func (s *Store) Recover(ctx context.Context) ([]Run, error) {
	var dead []Run
	err := s.transact(ctx, func(tx *sql.Tx) error {
		var err error
		if dead, err = list(ctx, tx, "WHERE state = 'started' ORDER BY id"); err != nil {
			return err
		}
		ended := s.instant()
		for i := range dead {
			dead[i].State, dead[i].Ended = Interrupted, ended
		}
		_, err = tx.ExecContext(ctx, "UPDATE run SET state = 'interrupted', ended = ? WHERE state = 'started'", stamp(ended))
		return err
	})
	if err != nil {
		return nil, err
	}
	return dead, nil
}

// List returns the newest runs of a dataset, of all datasets if it is "", newest
// first, at most limit.
func (s *Store) List(ctx context.Context, dataset string, limit int) ([]Run, error) {
	out, err := list(ctx, s.db, "WHERE ? IN ('', dataset) ORDER BY id DESC LIMIT ?", dataset, limit)
	return out, wrap(err)
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func list(ctx context.Context, q querier, where string, args ...any) (out []Run, err error) {
	rows, err := q.QueryContext(ctx, "SELECT id, dataset, kind, trigger, occurrence, attempt, state, outcome, version, sequence, started, ended FROM run "+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r Run
		var started, ended string
		if err := rows.Scan(&r.ID, &r.Dataset, &r.Kind, &r.Trigger, &r.Occurrence, &r.Attempt, &r.State,
			&r.Result.Outcome, &r.Result.Version, &r.Result.Sequence, &started, &ended); err != nil {
			return nil, err
		}
		if r.Started, err = time.Parse(time.RFC3339, started); err != nil {
			return nil, err
		}
		if ended != "" {
			if r.Ended, err = time.Parse(time.RFC3339, ended); err != nil {
				return nil, err
			}
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (s *Store) instant() time.Time { return s.now().UTC().Truncate(time.Second) }

func stamp(t time.Time) string { return t.Format(time.RFC3339) }

func checkOccurrence(o string) error {
	if _, err := time.Parse(OccurrenceLayout, o); err != nil {
		return fmt.Errorf("runs: %q is no occurrence (want %s)", o, OccurrenceLayout)
	}
	return nil
}

// transact runs f in one IMMEDIATE transaction.
func (s *Store) transact(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return wrap(err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return wrap(err)
	}
	return wrap(tx.Commit())
}

func wrap(err error) error {
	if err == nil || errors.Is(err, ErrBusy) || errors.Is(err, ErrDone) {
		return err
	}
	return fmt.Errorf("runs: %w", err)
}
