package runs

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A Floor is what is known of a dataset's versions elsewhere, in its public
// folder and in the ledger: runs.db may have been deleted.
type Floor struct {
	Number   int // the largest N of a name month-N, of the month that is asked for
	Sequence int // the largest sequence
}

// TakeVersion returns a name that no version of the dataset has had or will
// have, and a sequence above all others, whether or not it is published.
// month is the month of the version, as 2026.11, in the zone of the dataset;
// the name is 2026.11-N.
func (s *Store) TakeVersion(ctx context.Context, dataset, month string, floor Floor) (name string, sequence int, err error) {
	if dataset == "" || floor.Number < 0 || floor.Sequence < 0 {
		return "", 0, fmt.Errorf("runs: a version needs a dataset and floors from 0")
	}
	if _, err := time.Parse("2006.01", month); err != nil {
		return "", 0, fmt.Errorf("runs: %q is no month of a version (want 2026.11)", month)
	}
	err = s.transact(ctx, func(tx *sql.Tx) error {
		var number int
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(number) FILTER (WHERE month = ?), 0), coalesce(max(sequence), 0) FROM version WHERE dataset = ?",
			month, dataset).Scan(&number, &sequence); err != nil {
			return err
		}
		number, sequence = max(number, floor.Number)+1, max(sequence, floor.Sequence)+1
		name = fmt.Sprintf("%s-%d", month, number)
		_, err := tx.ExecContext(ctx, "INSERT INTO version (dataset, month, number, sequence) VALUES (?, ?, ?, ?)", dataset, month, number, sequence)
		return err
	})
	if err != nil {
		return "", 0, err
	}
	return name, sequence, nil
}
