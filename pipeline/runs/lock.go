package runs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"halftone/privacy/ledger/durable"
)

// Lock lets one process at a time run the line of the instance whose state
// folder is dir; another gets [ErrBusy] at once. The system lets go when the
// process ends, however it ends. unlock may be called more than once.
func Lock(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, "lock")
	if err := durable.Folder(dir); err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	if err := durable.File(path); err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case err == nil:
		return sync.OnceFunc(func() { _ = f.Close() }), nil // nothing was written
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("%w: another halftone uses this state folder; wait until it has ended", ErrBusy), f.Close())
	default:
		return nil, errors.Join(fmt.Errorf("runs: lock: %w", err), f.Close())
	}
}
