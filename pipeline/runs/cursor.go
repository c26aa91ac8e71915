package runs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// A Skip is an occurrence that was passed over, and why.
type Skip struct {
	Occurrence string
	Reason     string // a kind: missed, overlap …
}

// Cursor returns the last handled occurrence of a dataset's schedule, "" if
// there is none yet.
func (s *Store) Cursor(ctx context.Context, dataset string) (string, error) {
	var o string
	err := s.db.QueryRowContext(ctx, "SELECT occurrence FROM cursor WHERE dataset = ?", dataset).Scan(&o)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return o, wrap(err)
}

// Advance moves the cursor of a dataset to an occurrence that was handled, and
// records those before it that were passed over, in one transaction. The cursor
// never moves back, so that a clock that is set back fires nothing again.
// Advancing to where it stands succeeds.
func (s *Store) Advance(ctx context.Context, dataset, occurrence string, skipped ...Skip) error {
	if dataset == "" {
		return errors.New("runs: a cursor needs a dataset")
	}
	if err := checkOccurrence(occurrence); err != nil {
		return err
	}
	for _, k := range skipped {
		if err := checkOccurrence(k.Occurrence); err != nil {
			return err
		}
		if k.Occurrence > occurrence || k.Reason == "" {
			return fmt.Errorf("runs: the skip of %s needs a reason and lies not after %s", k.Occurrence, occurrence)
		}
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		var at string
		err := tx.QueryRowContext(ctx, "SELECT occurrence FROM cursor WHERE dataset = ?", dataset).Scan(&at)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if occurrence < at {
			return fmt.Errorf("%w: the schedule of %s stands at %s, after %s", ErrDone, dataset, at, occurrence)
		}
		for _, k := range skipped {
			if _, err := tx.ExecContext(ctx, "INSERT INTO skip (dataset, occurrence, reason) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", dataset, k.Occurrence, k.Reason); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO cursor (dataset, occurrence) VALUES (?, ?) ON CONFLICT (dataset) DO UPDATE SET occurrence = excluded.occurrence", dataset, occurrence)
		return err
	})
}

// Skips returns what was passed over of a dataset's schedule, oldest first.
func (s *Store) Skips(ctx context.Context, dataset string) (out []Skip, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT occurrence, reason FROM skip WHERE dataset = ? ORDER BY occurrence", dataset)
	if err != nil {
		return nil, wrap(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k Skip
		if err := rows.Scan(&k.Occurrence, &k.Reason); err != nil {
			return nil, wrap(err)
		}
		out = append(out, k)
	}
	return out, wrap(rows.Err())
}
