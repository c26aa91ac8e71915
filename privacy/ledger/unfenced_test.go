package ledger

// Unfenced lets l write without a lease: what a test shows of it then does not rest
// on there being one worker.
func Unfenced(l *Ledger) *Ledger {
	l.epoch = anyEpoch
	return l
}

// disk is the store of a ledger in a state folder.
func disk(l *Ledger) *database { return l.store.(*database) }
