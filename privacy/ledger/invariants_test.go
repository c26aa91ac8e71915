package ledger_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/ledgertest"
)

// No clock gives budget back: years later, years earlier, and after a new start
// a spent period stays spent.
func TestInvariant5WallTimeGivesNothingBack(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	first := ledgertest.Charge(ledgertest.Key("d", "2024", 1), 500) // the period's whole share
	for i, years := range []int{0, 50, -30, 0} {
		now := at.AddDate(years, 0, 0)
		l, err := ledger.Open(t.Context(), dir, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		ledger.Unfenced(l)
		if i == 0 {
			if err := l.Reserve(t.Context(), first); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Reserve(t.Context(), ledgertest.Charge(ledgertest.Key("d", "2024", 2), 1)); !errors.Is(err, privacy.ErrBudget) {
			t.Errorf("%+d years: %v", years, err)
		}
		if a, err := l.Account(t.Context(), "d"); err != nil || a.PersonCost != 500 || a.Periods[0].Left != 0 {
			t.Errorf("%+d years: %+v, %v", years, a, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
