package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"halftone/pipeline/backup"
	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/durable"
)

// A Restored says what was brought back, and what the public folder knows of it.
type Restored struct {
	backup.Manifest
	Witnesses int   // published manifests whose head the ledger knows
	Seen      int   // entries that the newest of them has seen; of Manifest.Entries
	Locked    error // a published manifest knows more: the ledger is locked
}

// restoring is where a backup is unpacked and checked before it is put in place.
const restoring = ".restoring"

// Restore brings a backup back into a state folder that is absent or empty. The
// backup is checked whole before anything of it is in place: digests, chain, and
// every sealed file against its seal. A backup that is older than what has been
// published is restored, too; the ledger is locked then, which Restored says.
func (l Line) Restore(ctx context.Context, file string, with ...age.Identity) (out Restored, err error) {
	// 1. The right key, a sound manifest.
	f, err := os.Open(file)
	if err != nil {
		return out, usage("the backup cannot be read: %v", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	r, err := backup.Open(f, with...)
	if err != nil {
		return out, err
	}
	out.Manifest = r.Manifest
	if l.shared() {
		return out, l.Locked(func() error { return l.restoreShared(ctx, r, &out) })
	}
	// 2. An empty place that nobody else uses.
	if err := l.vacant(); err != nil {
		return out, err
	}
	return out, l.Locked(func() error {
		if err := l.vacant(); err != nil { // again, with the lock
			return err
		}
		// 3. Unpack beside the final place, check, put in place.
		dir, done, err := l.unpacked(ctx, r)
		defer done()
		if err != nil {
			return err
		}
		if err := place(dir, l.State, "sealed", backup.LedgerFile, "keys"); err != nil {
			return err
		}
		// 4. What the world has seen.
		return l.seen(ctx, &out)
	})
}

// unpacked is the folder into which a backup was unpacked and checked; done takes it
// away.
func (l Line) unpacked(ctx context.Context, r *backup.Reader) (dir string, done func(), err error) {
	dir = filepath.Join(l.State, restoring)
	done = func() { _ = os.RemoveAll(dir) }
	if err := os.RemoveAll(dir); err != nil { // of a killed one
		return dir, done, fmt.Errorf("restore: %w", err)
	}
	if err := unpack(r, dir); err != nil {
		return dir, done, err
	}
	return dir, done, l.sound(ctx, dir, r.Manifest)
}

// vacant refuses a state folder that holds anything.
func (l Line) vacant() error {
	entries, err := os.ReadDir(l.State)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restore: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "lock" && e.Name() != restoring {
			return fmt.Errorf("%w: the state folder is not empty, and a backup is never mixed with what is there. "+
				"Nothing was restored: move the folder away first, and keep it until you know that you do not need it", ErrRefused)
		}
	}
	return nil
}

// unpack writes the files of a backup below dir, durably.
func unpack(r *backup.Reader, dir string) error {
	made := map[string]bool{}
	folders := func(name string) error { // of name below dir, outermost first
		if err := durable.Folder(dir); err != nil {
			return err
		}
		parent := path.Dir(name)
		for i := range parent {
			if parent[i] == '/' {
				if err := durable.Folder(filepath.Join(dir, filepath.FromSlash(parent[:i]))); err != nil {
					return err
				}
			}
		}
		made[parent] = true
		return durable.Folder(filepath.Join(dir, filepath.FromSlash(parent)))
	}
	err := r.Files(func(f backup.File, content []byte) error {
		if err := folders(f.Path); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		w, err := os.OpenFile(filepath.Join(dir, filepath.FromSlash(f.Path)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		_, err = w.Write(content)
		if err == nil {
			err = w.Sync()
		}
		if err := errors.Join(err, w.Close()); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name := range made {
		if err := durable.SyncFolder(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	return nil
}

// sound checks an unpacked backup: the chain whole and as long as the manifest
// says, every seal with its file, no file without its seal, no dataset of another
// project.
func (l Line) sound(ctx context.Context, dir string, m backup.Manifest) (err error) {
	led, err := ledger.Open(ctx, dir, l.Clock.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, led.Close()) }()
	if err := led.CheckWitness(ctx, nil); err != nil { // a file without a charge
		return err
	}
	if err := (&session{l: l, led: led}).alone(ctx); err != nil {
		return err
	}
	var got backup.Manifest
	keys, err := l.contents(ctx, led, &got)
	if err != nil {
		return err
	}
	there := 0
	for _, k := range keys {
		if _, err := led.Sealed(ctx, k); err == nil {
			there++
		} else if gone, perr := past(ctx, led, k, err); perr != nil || !gone {
			return errors.Join(err, perr)
		}
	}
	if got.Head != m.Head || got.Entries != m.Entries || there != m.Sealed() {
		return fmt.Errorf("%w: its ledger is not the one that its manifest names", backup.ErrDamaged)
	}
	return nil
}

// restoreShared brings the ledger of a backup into an empty Postgres database, and the
// signing key into the state folder if it has none. Rows and their keys that the
// folder may hold stay: they go with this ledger, too.
func (l Line) restoreShared(ctx context.Context, r *backup.Reader, out *Restored) (err error) {
	led, err := l.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, led.Close()) }()
	ctx, give, err := l.hold(ctx, led)
	if err != nil {
		return err
	}
	defer give()
	defer func() { err = fenced(ctx, err) }()
	if links, err := led.Chain(ctx); err != nil {
		return err
	} else if len(links) > 0 {
		return fmt.Errorf("%w: the Postgres store has a ledger already, and a backup is never mixed with what is there. "+
			"Nothing was restored: make a new database, name it in the connection string, and keep the old one until you know that you do not need it", ErrRefused)
	}
	dir, done, err := l.unpacked(ctx, r)
	defer done()
	if err != nil {
		return err
	}
	if err := l.copyLedger(ctx, dir, led); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(l.State, filepath.FromSlash(backup.SigningFile))); errors.Is(err, os.ErrNotExist) && r.Manifest.Signing() {
		if err := durable.Folder(filepath.Join(l.State, "keys")); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		if err := place(dir, l.State, backup.SigningFile, backup.PublicFile); err != nil {
			return err
		}
	}
	if err := l.seen(ctx, out); err != nil || out.Locked != nil {
		return err
	}
	return l.remember(ctx, led)
}

// copyLedger takes an unpacked ledger, sealed files and all, into another one.
func (l Line) copyLedger(ctx context.Context, dir string, to *ledger.Ledger) (err error) {
	from, err := ledger.Open(ctx, dir, l.Clock.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	links, err := from.Chain(ctx)
	if err != nil {
		return err
	}
	var m backup.Manifest
	keys, err := l.contents(ctx, from, &m)
	if err != nil {
		return err
	}
	sealed := map[privacy.Key][]byte{}
	for _, k := range keys {
		if sealed[k], err = from.Sealed(ctx, k); err != nil {
			return err
		}
	}
	return to.Restore(ctx, links, sealed)
}

// place moves what was checked into the state folder. The sealed files come first:
// after a crash before the ledger is there, they lock the one that is made anew.
func place(from, to string, names ...string) error {
	for _, name := range names {
		err := os.Rename(filepath.Join(from, name), filepath.Join(to, name))
		if err != nil && (!strings.HasPrefix(name, "keys") || !errors.Is(err, os.ErrNotExist)) {
			return fmt.Errorf("restore: %w", err)
		}
		if err := durable.SyncFolder(filepath.Dir(filepath.Join(to, name))); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	return nil
}

// seen holds the restored ledger against what has been published.
func (l Line) seen(ctx context.Context, out *Restored) error {
	heads, err := l.heads(ctx)
	if err != nil {
		return fmt.Errorf("restored; the public folder cannot be held against it: %w", err)
	}
	witnesses, err := l.witnesses(heads)
	if err != nil {
		return err
	}
	led, err := l.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = led.Close() }() // nothing was written
	links, err := led.Chain(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, link := range links {
		known[link.Hash] = true
	}
	for _, h := range heads {
		if known[h.Head] {
			out.Witnesses, out.Seen = out.Witnesses+1, max(out.Seen, h.Entries)
		}
	}
	if err := led.CheckWitness(ctx, witnesses); errors.Is(err, privacy.ErrLocked) {
		out.Locked = err
		return nil
	} else if err != nil {
		return err
	}
	return nil
}
