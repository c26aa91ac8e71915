package ledger

import (
	"time"

	"halftone/privacy"
)

// Unfenced lets l write without a lease: what a test shows of it then does not rest
// on there being one worker.
func Unfenced(l *Ledger) *Ledger {
	l.epoch = anyEpoch
	return l
}

// disk is the store of a ledger in a state folder.
func disk(l *Ledger) *database { return l.store.(*database) }

// Shared is a store in memory that several workers open, one at a time.
func Shared(now func() time.Time) func() *Ledger {
	m := &memory{files: map[privacy.Key][]byte{}, now: now}
	return func() *Ledger { return newLedger(m, now) }
}
