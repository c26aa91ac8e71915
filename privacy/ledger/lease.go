package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Of leases.
var (
	// ErrHeld says that another worker holds the lease.
	ErrHeld = errors.New("ledger: another worker holds the lease")
	// ErrFenced says that a worker may not write: it holds no lease, or another has
	// taken over since. Nothing was written.
	ErrFenced = errors.New("ledger: another worker has taken over")
)

// A lease says who may write. Its epoch rises by one with every holder, and is what
// each transaction asks for: a worker that was thought dead and wakes up has an old
// one.
type lease struct {
	epoch  int64 // 0: never taken
	holder string
	until  time.Time // by the store's clock; from then on another may take it
}

// anyEpoch is that of a worker who has a store to itself.
const anyEpoch = -1

func (l lease) admits(epoch int64) error {
	if epoch != anyEpoch && l.epoch != epoch {
		return fmt.Errorf("%w: %s, epoch %d after %d", ErrFenced, l.holder, l.epoch, epoch)
	}
	return nil
}

// Take takes the lease for a while, after which another may take it, unless it is
// renewed. It fails with [ErrHeld] while another worker has it. sure says that no
// other can be alive, as the lock of a state folder shows: then it is taken from
// whoever has it. It is renewed only by [Ledger.Renew]; writing does not.
func (l *Ledger) Take(ctx context.Context, holder string, ttl time.Duration, sure bool) error {
	return l.hold(ctx, take(holder, ttl, sure))
}

// TakeToWrite takes the lease from whoever has it, with the first thing that is
// written: a worker that writes nothing leaves the ledger as it was, byte for byte.
// The caller is sure that no other can be alive, as with [Ledger.Take].
func (l *Ledger) TakeToWrite(holder string, ttl time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first = take(holder, ttl, true)
}

// A taker makes one lease of another.
type taker func(now time.Time, old lease) (lease, error)

func take(holder string, ttl time.Duration, sure bool) taker {
	return func(now time.Time, old lease) (lease, error) {
		if !sure && old.holder != "" && now.Before(old.until) {
			return old, fmt.Errorf("%w: %s, until %s", ErrHeld, old.holder, old.until.UTC().Format(time.RFC3339))
		}
		return lease{old.epoch + 1, holder, now.Add(ttl)}, nil
	}
}

// Renew keeps the lease for another while. It fails with [ErrFenced] once another
// worker has it.
func (l *Ledger) Renew(ctx context.Context, ttl time.Duration) error {
	return l.hold(ctx, func(now time.Time, old lease) (lease, error) {
		if l.epoch == 0 && l.first != nil {
			return l.first(now, old)
		}
		if l.epoch == 0 || old.epoch != l.epoch {
			return old, fmt.Errorf("%w: %s", ErrFenced, old.holder)
		}
		return lease{old.epoch, old.holder, now.Add(ttl)}, nil
	})
}

// Give lets go of the lease, so that another worker need not wait. Nothing can be
// written with l from then on. Without a lease, or one that another has taken, it
// does nothing.
func (l *Ledger) Give(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first = nil
	if l.epoch == 0 || l.lost != nil { // after the disk has failed nothing is written any more; the lease runs out
		return nil
	}
	err := l.leases(ctx, func(_ time.Time, old lease) (lease, error) {
		if l.epoch <= 0 || old.epoch != l.epoch {
			return old, ErrFenced
		}
		return lease{epoch: old.epoch}, nil
	})
	l.epoch = 0
	if errors.Is(err, ErrFenced) {
		return nil
	}
	return err
}

func (l *Ledger) hold(ctx context.Context, decide taker) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	return l.leases(ctx, decide)
}

// leases replaces the lease; l.mu is held.
func (l *Ledger) leases(ctx context.Context, decide taker) error {
	var taken lease
	err := l.note(l.store.lease(ctx, func(now time.Time, old lease) (lease, error) {
		var err error
		taken, err = decide(now, old)
		return taken, err
	}))
	if err == nil {
		l.epoch = taken.epoch
	}
	return err
}
