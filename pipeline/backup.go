package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"halftone/outputs/publish"
	"halftone/pipeline/backup"
	"halftone/pipeline/runs"
	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/durable"
)

// Backup writes an encrypted copy of what the instance must not lose into a new
// file: the ledger as it stands, the sealed files that it knows, the signing key.
// A run may be at work meanwhile. It fails with [privacy.ErrLocked], and writes
// nothing, when the public folder knows more than the ledger: such a copy is not
// what anybody looks for in a backup.
func (l Line) Backup(ctx context.Context, file string, to ...age.Recipient) (m backup.Manifest, err error) {
	// 1. The place, and something to copy.
	if has, err := l.hasLedger(ctx); err != nil {
		return m, err
	} else if !has {
		return m, fmt.Errorf("%w: there is no ledger yet, so there is nothing to back up; it begins with the first release: halftone run", ErrRefused)
	}
	if err := l.ready(); err != nil {
		return m, err
	}
	if err := l.outside(file); err != nil {
		return m, err
	}
	// 2. The ledger of this moment, checked.
	led, err := l.witnessed(ctx)
	if err != nil {
		return m, err
	}
	defer func() { _ = led.Close() }() // nothing was written
	copied, release, err := workspace(l.State)
	if err != nil {
		return m, err
	}
	defer release()
	if err := led.Snapshot(ctx, filepath.Join(copied, backup.LedgerFile)); err != nil {
		return m, err
	}
	m = backup.Manifest{Made: l.Clock.Now().UTC(), Tool: l.Tool}
	sealed, err := l.describe(ctx, copied, &m)
	if err != nil {
		return m, err
	}
	// 3. Everything that it names, from the live store: a sealed file never changes.
	keys := map[string][]byte{}
	read := func(f backup.File) ([]byte, error) {
		if k, ok := sealed[f.Path]; ok {
			return led.Sealed(ctx, k)
		}
		if b, ok := keys[f.Path]; ok {
			return b, nil
		}
		return os.ReadFile(filepath.Join(copied, backup.LedgerFile))
	}
	// The secret part first: a rotation lists the public part before it.
	for _, name := range []string{backup.SigningFile, backup.PublicFile} {
		b, err := os.ReadFile(filepath.Join(l.State, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return m, fmt.Errorf("backup: %w", err)
		}
		keys[name] = b
		m.Files = append(m.Files, backup.NewFile(name, b))
	}
	files := m.Files
	m.Files = nil
	for _, f := range files {
		k, ok := sealed[f.Path]
		if !ok {
			m.Files = append(m.Files, f)
			continue
		}
		b, err := read(f)
		if err != nil {
			if gone, perr := past(ctx, led, k, err); perr != nil || !gone {
				return m, errors.Join(err, perr)
			}
			continue
		}
		m.Files = append(m.Files, backup.NewFile(f.Path, b))
	}
	return m, create(file, func(f *os.File) error { return backup.Write(f, m, read, to...) })
}

// witnessed opens the ledger and holds it against what has been published.
func (l Line) witnessed(ctx context.Context) (*ledger.Ledger, error) {
	heads, err := l.heads(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := l.witnesses(heads)
	if err != nil {
		return nil, err
	}
	led, err := l.openLedger(ctx)
	if err != nil {
		return nil, err
	}
	if err := led.CheckWitness(ctx, seen); err != nil {
		return nil, errors.Join(err, led.Close())
	}
	return led, nil
}

// heads are what the published manifests witness, none without a public folder.
func (l Line) heads(ctx context.Context) ([]publish.Witness, error) {
	if _, err := os.Stat(l.Public); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	pub, err := publish.Open(l.Public)
	if err != nil {
		return nil, err
	}
	defer func() { _ = pub.Close() }()
	return pub.Heads(ctx)
}

func witnesses(heads []publish.Witness) (out []ledger.Witness) {
	for _, h := range heads {
		w := ledger.Witness{Where: h.Path, Head: h.Head}
		for _, r := range h.Withdrawn {
			w.Withdrawn = append(w.Withdrawn, r.Key)
		}
		out = append(out, w)
	}
	return out
}

// describe opens the copy of the ledger, which checks it whole, and says in m what
// it holds. It returns the releases that it has sealed, by path.
func (l Line) describe(ctx context.Context, dir string, m *backup.Manifest) (map[string]privacy.Key, error) {
	led, err := ledger.Open(ctx, dir, l.Clock.Now)
	if err != nil {
		return nil, fmt.Errorf("backup: the copy of the ledger: %w", err)
	}
	keys, err := l.contents(ctx, led, m)
	if err := errors.Join(err, led.Close()); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, backup.LedgerFile)) // after Close: without a log beside it
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	m.Files = append(m.Files, backup.NewFile(backup.LedgerFile, b))
	sealed := map[string]privacy.Key{}
	for _, k := range keys {
		sealed[ledger.SealedName(k)] = k
		m.Files = append(m.Files, backup.File{Path: ledger.SealedName(k)})
	}
	return sealed, nil
}

// contents are head and length of a ledger, and the releases that it has sealed.
func (l Line) contents(ctx context.Context, led *ledger.Ledger, m *backup.Manifest) ([]privacy.Key, error) {
	links, err := led.Chain(ctx)
	if err != nil {
		return nil, err
	}
	m.Head, m.Entries = "", len(links)
	if len(links) > 0 {
		m.Head = links[len(links)-1].Hash
	}
	names, err := led.Datasets(ctx)
	if err != nil {
		return nil, err
	}
	var keys []privacy.Key
	for _, name := range names {
		charges, err := led.Charges(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, c := range charges {
			if c.Sealed != "" {
				keys = append(keys, c.Key)
			}
		}
	}
	return keys, nil
}

// workspace is a folder for plain copies in the state folder. One backup at a time
// has it; what a killed one left there goes first.
func workspace(state string) (dir string, release func(), err error) {
	dir = filepath.Join(state, "tmp")
	if err := durable.Folder(dir); err != nil {
		return "", nil, fmt.Errorf("backup: %w", err)
	}
	held, err := os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("backup: %w", err)
	}
	if err := unix.Flock(int(held.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w: another backup is being made; wait until it has ended", runs.ErrBusy)
		}
		return "", nil, errors.Join(err, held.Close())
	}
	dir = filepath.Join(dir, "backup")
	if err := os.RemoveAll(dir); err != nil {
		return "", nil, errors.Join(fmt.Errorf("backup: %w", err), held.Close())
	}
	if err := durable.Folder(dir); err != nil {
		return "", nil, errors.Join(fmt.Errorf("backup: %w", err), held.Close())
	}
	return dir, func() { _ = os.RemoveAll(dir); _ = held.Close() }, nil
}

// outside refuses a name for a backup that is taken, or that lies where it would be
// published, or lost together with what it is a copy of.
func (l Line) outside(file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%w: there is a file of that name already, and it is never replaced: give a new name", ErrRefused)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return usage("the folder of the backup cannot be used: %v", err)
	}
	for _, in := range []struct{ folder, why string }{
		{l.State, "the backup would lie in the state folder, and be lost with it: put it on another disk"},
		{l.Public, "the backup would lie in the public folder, where anyone may read it: put it on another disk"},
	} {
		folder, err := real(in.folder)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		if within(folder, dir) {
			return usage("%s", in.why)
		}
	}
	return nil
}

// create makes a new file with mode 0600, whole and durable or not at all.
func create(file string, write func(*os.File) error) error {
	t, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*.tmp") // 0600
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() { _ = os.Remove(t.Name()) }()
	err = write(t)
	if err == nil {
		err = t.Sync()
	}
	if err := errors.Join(err, t.Close()); err != nil {
		return err
	}
	// A link fails where the name is taken meanwhile; a rename would not.
	err = os.Link(t.Name(), file)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: there is a file of that name already, and it is never replaced: give a new name", ErrRefused)
	}
	if err != nil { // a disk without links, such as a memory stick
		if err := os.Rename(t.Name(), file); err != nil {
			return fmt.Errorf("backup: %w", err)
		}
	}
	return durable.SyncFolder(filepath.Dir(file))
}
