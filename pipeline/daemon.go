package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"halftone/pipeline/runs"
	"halftone/pipeline/schedule"
	"halftone/privacy/ledger"
)

// tick is how often the daemon looks at the clock: far below a minute, the
// finest that a cron line can say.
const tick = 20 * time.Second

// A Daemon runs a line at the occurrences of its schedule.
//
// What it has handled is in runs.db, so that a restart fires nothing twice and
// goes on with what a crash interrupted. It decides when; [Line.Run] decides
// what is due and charges it once.
type Daemon struct {
	line     Line
	calendar schedule.Calendar
	say      func(format string, args ...any)
	seen     atomic.Int64 // unix time of the last tick
	atWork   atomic.Bool
	turn     chan struct{} // held by the one of an instance that is at work; nil: alone
}

// NewDaemon checks the schedule.
func NewDaemon(l Line, say func(string, ...any)) (*Daemon, error) {
	s := l.Dataset.Schedule
	if s == nil {
		return nil, usage("halftone.yaml has no schedule; give it `schedule: {cron: …, timezone: …}`, or run by hand: halftone run")
	}
	c, err := schedule.Parse(s.Cron, s.Timezone)
	if err != nil {
		return nil, err
	}
	return &Daemon{line: l, calendar: c, say: say}, nil
}

// Together lets daemons of one instance run one after the other. Without it, one
// that finds the state folder in use tries again at its next tick, and with
// `missed: skip` gives up when the other's run takes long.
func Together(ds []*Daemon) {
	turn := make(chan struct{}, 1)
	for _, d := range ds {
		d.turn = turn
	}
}

// Next is the next occurrence of the schedule.
func (d *Daemon) Next() (schedule.Occurrence, bool) { return d.calendar.Next(d.line.Clock.Now()) }

// Dataset is the name of the dataset that it runs.
func (d *Daemon) Dataset() string { return d.line.Dataset.Name }

// Zone is the time zone of the schedule, as declared.
func (d *Daemon) Zone() string { return d.line.Dataset.Schedule.Timezone }

// Health reports whether the daemon has looked at the clock lately, or is at work.
func (d *Daemon) Health() error {
	if d.atWork.Load() {
		return nil
	}
	if at := d.seen.Load(); at == 0 || d.line.Clock.Now().Unix()-at > int64(10*tick/time.Second) {
		return errors.New("no tick")
	}
	return nil
}

// Run ticks until ctx ends, with ctx's error, or until the ledger is locked.
func (d *Daemon) Run(ctx context.Context) error {
	for {
		d.seen.Store(d.line.Clock.Now().Unix())
		if err := d.Tick(ctx); err != nil {
			return err
		}
		if err := d.line.Clock.Sleep(ctx, tick); err != nil {
			return err
		}
	}
}

// Tick fires the newest occurrence that is past and not handled yet; older ones
// are skipped and recorded as missed, because one run takes all that is due.
// An error of the line is recorded and said; the next occurrence tries again.
func (d *Daemon) Tick(ctx context.Context) error {
	if err := d.line.prepare(); err != nil {
		return err
	}
	store, err := runs.Open(ctx, d.line.State, d.line.Clock.Now)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	name := d.line.Dataset.Name
	cursor, err := store.Cursor(ctx, name)
	if err != nil {
		return err
	}
	if cursor == "" { // the first start ever: nothing before it was missed
		cursor = d.line.Clock.Now().In(d.calendar.Zone()).Format(runs.OccurrenceLayout)
		return store.Advance(ctx, name, cursor)
	}
	fire, missed, ok := d.past(cursor)
	if !ok {
		return nil
	}
	if d.line.Dataset.Schedule.Missed == "skip" && d.line.Clock.Now().Sub(fire.At) > late {
		missed = append(missed, runs.Skip{Occurrence: fire.Local, Reason: "missed"})
		d.say("skipped %s: it was missed, and the schedule says skip", fire.Local)
		return store.Advance(ctx, name, fire.Local, missed...)
	}
	switch err := d.fire(ctx, fire); {
	case errors.Is(err, runs.ErrBusy), errors.Is(err, ledger.ErrHeld), errors.Is(err, ledger.ErrFenced):
		d.say("another halftone is at work; %s waits for it", fire.Local)
		return nil // the cursor stays: the next tick tries again
	case errors.Is(err, ledger.ErrPostgres):
		d.say("%s waits: %v", fire.Local, err)
		return nil // it will be back
	case err != nil:
		return err
	}
	return store.Advance(ctx, name, fire.Local, missed...)
}

// late is after how long an occurrence counts as missed.
const late = 10 * time.Minute

// past returns the newest occurrence after the cursor whose instant has come.
func (d *Daemon) past(cursor string) (fire schedule.Occurrence, missed []runs.Skip, ok bool) {
	now := d.line.Clock.Now()
	for at := cursor; ; at = fire.Local {
		next, err := d.calendar.After(at)
		if err != nil || next.At.After(now) {
			return fire, missed, ok
		}
		if ok {
			missed = append(missed, runs.Skip{Occurrence: fire.Local, Reason: "missed"})
		}
		fire, ok = next, true
	}
}

// fire runs the line. Only what no later occurrence can mend is an error.
func (d *Daemon) fire(ctx context.Context, o schedule.Occurrence) error {
	d.atWork.Store(true) // however long it takes
	defer func() {
		d.seen.Store(d.line.Clock.Now().Unix())
		d.atWork.Store(false)
	}()
	if err := d.take(ctx, o); err != nil {
		return err
	}
	defer d.give()
	d.say("run of %s begins", o.Local)
	res, err := d.line.Run(ctx, RunOptions{Occurrence: o.Local})
	for _, r := range res.Retention.Sources {
		if len(r.Destroyed) > 0 {
			d.say("run %d destroyed the rows of %v of %s: keep_rows is over", res.ID, r.Destroyed, r.Name)
		}
	}
	switch {
	case err == nil && res.State == StatePublished:
		d.say("run %d published %s", res.ID, res.Version.Name)
	case err == nil:
		d.say("run %d: nothing is due", res.ID)
	case errors.Is(err, runs.ErrDone):
		d.say("%s was handled before", o.Local)
	case ctx.Err() != nil:
		return ctx.Err()
	case Outcome(err) == outcomeLocked, errors.Is(err, runs.ErrBusy), errors.Is(err, ledger.ErrHeld), errors.Is(err, ledger.ErrFenced), errors.Is(err, ledger.ErrPostgres):
		return err
	default:
		d.say("run %d of %s failed (%s): %v", res.ID, o.Local, Outcome(err), err)
	}
	return nil
}

// take waits until no other daemon of the instance is at work.
func (d *Daemon) take(ctx context.Context, o schedule.Occurrence) error {
	if d.turn == nil {
		return nil
	}
	select {
	case d.turn <- struct{}{}:
		return nil
	default:
		d.say("%s waits until another dataset's run has ended", o.Local)
	}
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Daemon) give() {
	if d.turn != nil {
		<-d.turn
	}
}
