package connectors

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Retryable marks a failure that may pass: the network, 408, 429 or 5xx.
// Anything else fails at once.
type Retryable struct {
	Err   error
	After time.Duration // what the server asked for; 0: nothing
}

var _ error = (*Retryable)(nil)

// Error is that of the cause.
func (r *Retryable) Error() string { return r.Err.Error() }

// Unwrap gives the cause.
func (r *Retryable) Unwrap() error { return r.Err }

// Attempts is how often an operation is tried in all.
const Attempts = 6

// Retry calls op until it succeeds, fails for good or has been tried Attempts
// times, with exponential waits and full jitter, never shorter than what the
// server asks for, and gives the last failure without its Retryable mark. It
// does not begin a wait that would outlast budget, measured on clock.
//
// op must be a whole: what an attempt has received is thrown away when it
// fails, so nothing may have been handed on before it returns. The waits are
// of cenkalti/backoff; the loop is ours because its own reads the wall clock.
func Retry[T any](ctx context.Context, clock Clock, budget time.Duration, op func(context.Context) (T, error)) (T, error) {
	// The library's factor 1 spreads over [0, 2×interval]: full jitter of one second at first.
	wait := backoff.ExponentialBackOff{InitialInterval: time.Second / 2, RandomizationFactor: 1, Multiplier: 2, MaxInterval: 30 * time.Second}
	end := clock.Now().Add(budget)
	for n := 1; ; n++ {
		v, err := op(ctx)
		if err == nil {
			return v, nil
		}
		var again *Retryable
		if !errors.As(err, &again) {
			return v, err
		}
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		d := max(wait.NextBackOff(), again.After)
		if n == Attempts || clock.Now().Add(d).After(end) {
			return v, again.Err
		}
		if err := clock.Sleep(ctx, d); err != nil {
			return v, err
		}
	}
}
