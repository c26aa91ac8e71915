package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"halftone/outputs/publish"
	"halftone/pipeline/backup"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/durable"
)

// Where the ledger is: ledger.db in the state folder, or a Postgres database that
// several replicas share. What a replica has seen of a shared one it remembers.

// StoreName is the kind of the store that the ledger is in.
func (l Line) StoreName() string {
	if l.shared() {
		return "postgres"
	}
	return "sqlite"
}

// shared reports whether other replicas may use the ledger, too.
func (l Line) shared() bool { return l.Store != "" && l.Store != "sqlite" }

// dsn is the connection string of the Postgres store. It is a secret.
func (l Line) dsn(ctx context.Context) (string, error) {
	dsn, err := l.Secret(ctx, l.Store)
	if err != nil {
		return "", usage("store %s in instance.yaml: %v", l.Store, err)
	}
	return dsn, nil
}

// openLedger opens the ledger wherever it is.
func (l Line) openLedger(ctx context.Context) (*ledger.Ledger, error) {
	if !l.shared() {
		return ledger.Open(ctx, l.State, l.Clock.Now)
	}
	dsn, err := l.dsn(ctx)
	if err != nil {
		return nil, err
	}
	return ledger.OpenPostgres(ctx, dsn, l.Clock.Now)
}

// hasLedger reports whether there is a ledger. It makes none.
func (l Line) hasLedger(ctx context.Context) (bool, error) {
	if l.shared() {
		p, err := l.ProbeStore(ctx)
		return p.Exists, err
	}
	_, err := os.Stat(filepath.Join(l.State, backup.LedgerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, nil // what else is wrong with it, opening says
}

// ProbeStore looks whether the Postgres store may keep a ledger, and has one.
func (l Line) ProbeStore(ctx context.Context) (ledger.Probe, error) {
	dsn, err := l.dsn(ctx)
	if err != nil {
		return ledger.Probe{}, err
	}
	return ledger.ProbePostgres(ctx, dsn)
}

// CheckLedger opens the ledger, which checks its chain and its store.
func (l Line) CheckLedger(ctx context.Context) error {
	led, err := l.openLedger(ctx)
	if err != nil {
		return err
	}
	err = led.CheckWitness(ctx, nil) // a sealed file without a charge
	return errors.Join(err, led.Close())
}

// oneLedger refuses what would give a dataset its whole budget again: a second
// ledger, that does not know what the first has spent.
func (l Line) oneLedger() error {
	own := filepath.Join(l.Dataset.Dir, OwnState, backup.LedgerFile)
	used := filepath.Join(l.State, backup.LedgerFile)
	if l.shared() {
		for _, file := range []string{used, own} {
			if _, err := os.Lstat(file); err == nil {
				return fmt.Errorf("%w: there is a ledger.db of %s, and the Postgres store would give it its whole budget again. Take it along: with `store: sqlite` once more, "+
					"halftone backup FILE; then move ledger.db and sealed away, set `store`, and halftone restore FILE", ErrRefused, l.Dataset.Name)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("state folder: %w", err)
			}
		}
		return nil
	}
	if _, err := os.Lstat(filepath.Join(l.State, memoryFile)); err == nil {
		return fmt.Errorf("%w: this state folder goes with a ledger in Postgres, and another one would give %s its whole budget again. "+
			"Name it in instance.yaml (`store`); to bring it back here: halftone backup FILE, then halftone restore FILE into an empty state folder", ErrRefused, l.Dataset.Name)
	}
	mine, err := os.Stat(own)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if it, err := os.Stat(used); err == nil && os.SameFile(mine, it) {
		return nil
	}
	return fmt.Errorf("%w: %s has a ledger of its own in its folder, and the instance's would give it its whole budget again. "+
		"Name that state folder as the instance's (state in instance.yaml), or take the dataset out of the instance's list", ErrRefused, l.Dataset.Name)
}

// leased is how long a lease lasts that nobody renews.
const leased = time.Minute

// hold takes the ledger's lease and keeps it until release is called. The context
// that it returns ends, with [ledger.ErrFenced] as its cause, when another replica
// has taken over.
//
// The caller holds the lock of the state folder: with a ledger in it nobody else can
// be alive, and the lease is taken when something is written. A shared one is taken only when its holder has let go, or is late.
func (l Line) hold(ctx context.Context, led *ledger.Ledger) (held context.Context, release func(), err error) {
	holder := l.Holder
	if holder == "" {
		holder = l.By
	}
	give := func() { _ = led.Give(context.WithoutCancel(ctx)) } // or it runs out
	if !l.shared() {
		led.TakeToWrite(holder, leased)
		return ctx, give, nil
	}
	if err := led.Take(ctx, holder, leased, false); err != nil {
		if errors.Is(err, ledger.ErrHeld) {
			err = fmt.Errorf("%w. Nothing was done here. When it has ended, or after that time if it was killed: run again", err)
		}
		return nil, nil, err
	}
	held, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for l.Clock.Sleep(held, leased/3) == nil {
			// What else fails is tried again: another cannot take over unnoticed.
			if err := led.Renew(held, leased); errors.Is(err, ledger.ErrFenced) {
				cancel(err)
				return
			}
		}
	}()
	return held, func() { cancel(nil); <-ended; give() }, nil
}

// fenced says what it means that another replica has taken over, which may show as
// the end of the context.
func fenced(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ledger.ErrFenced) && !errors.Is(err, ledger.ErrFenced) {
		err = cause
	}
	if errors.Is(err, ledger.ErrFenced) {
		return fmt.Errorf("%w. This run was late, has stopped, and writes nothing more; what it had charged stays charged once. See: halftone status", err)
	}
	return err
}

// elsewhere says where else the rows of a charged release may be.
func (l Line) elsewhere() string {
	if !l.shared() {
		return ""
	}
	return "Another replica may have charged it: halftone run there, where its rows are, finishes it. "
}

// memoryFile is where a replica keeps what it has seen of a shared ledger. A database
// that was restored, or one that took over without the newest commits, does not know it.
const memoryFile = "ledger.seen"

type memory struct {
	Head string `json:"head"`
}

// remember records the head of a shared ledger in the state folder.
func (l Line) remember(ctx context.Context, led *ledger.Ledger) error {
	if !l.shared() {
		return nil
	}
	head, err := led.Head(ctx)
	if err != nil {
		return err
	}
	old, err := l.remembered()
	if err != nil || old == head {
		return err
	}
	b, err := json.Marshal(memory{head})
	if err != nil {
		return err
	}
	name := filepath.Join(l.State, memoryFile)
	f, err := os.CreateTemp(l.State, "."+memoryFile+".*.tmp") // 0600
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return durable.SyncFolder(l.State)
}

// remembered is the newest head of a shared ledger that this replica has seen, "" if
// none.
func (l Line) remembered() (string, error) {
	if !l.shared() {
		return "", nil
	}
	b, err := os.ReadFile(filepath.Join(l.State, memoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return "", fmt.Errorf("state folder: %s cannot be read; it may be deleted if you know that Postgres has the newest ledger", memoryFile)
	}
	return m.Head, nil
}

// witnesses are the heads that the ledger must know: of what has been published, and
// the one that this replica has seen.
func (l Line) witnesses(heads []publish.Witness) ([]ledger.Witness, error) {
	out := witnesses(heads)
	seen, err := l.remembered()
	if seen != "" {
		out = append(out, ledger.Witness{Where: memoryFile + " in the state folder", Head: seen})
	}
	return out, err
}
