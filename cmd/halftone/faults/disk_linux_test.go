package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mounted mounts a file system in memory over a folder of the project, which is
// moved into it. It skips the test where that is not allowed.
func (p *project) mounted(t testing.TB, folder string, mode os.FileMode) (options func(string)) {
	t.Helper()
	dir := p.path(folder)
	before := filepath.Join(scratch(t), "before")
	if _, err := os.Stat(dir); err == nil {
		copyTree(t, dir, before)
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("skipped: only root can mount a small disk")
	}
	data := fmt.Sprintf("size=8m,mode=%o", mode.Perm())
	if err := unix.Mount("none", dir, "tmpfs", 0, data); err != nil {
		t.Skipf("skipped: no disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if _, err := os.Stat(before); err == nil {
		copyTree(t, before, dir)
	}
	return func(option string) {
		t.Helper()
		flags, data := uintptr(unix.MS_REMOUNT), ""
		switch option {
		case "ro":
			flags |= unix.MS_RDONLY
		case "rw":
		default:
			data = option
		}
		if err := unix.Mount("none", dir, "tmpfs", flags, data); err != nil {
			t.Fatalf("%s: %v", option, err)
		}
	}
}

// used is how many bytes of a mounted disk are taken.
func used(t testing.TB, dir string) uint64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return (s.Blocks - s.Bfree) * uint64(s.Bsize)
}

// The disk is full at one write after the other: the run says what to do, nothing
// half made is in the public folder, and with room the next run finishes on the
// same charges.
func TestFullDisk(t *testing.T) {
	for _, c := range []struct {
		folder string
		mode   os.FileMode
		step   uint64 // bytes between the sizes that are tried
		sample int    // every nth of them in the short form
		from   func(t testing.TB) *project
		ends   int // releases
	}{
		{".halftone", 0o700, 4096, 3, func(t testing.TB) *project { return starter(t) }, 4},
		{".halftone", 0o700, 4096, 5, revised, 8},
		{"public", 0o755, 4096, 4, func(t testing.TB) *project { return starter(t) }, 4},
	} {
		t.Run(fmt.Sprint(strings.TrimPrefix(c.folder, "."), " ", c.ends), func(t *testing.T) {
			t.Parallel()
			base := c.from(t)
			p := base.clone(t)
			disk := p.mounted(t, c.folder, c.mode)
			empty := p.clone(t) // without the mount
			base.finished(t, c.ends)
			failed, after := 0, map[string]int{}
			for room := uint64(4096); ; room += c.step * uint64(pick(c.sample, 1)) {
				replaceIn(t, p.path(c.folder), empty.path(c.folder))
				for _, other := range []string{".halftone", "public"} {
					if other != c.folder {
						replace(t, p.path(other), at(empty.path(other)))
					}
				}
				p.seen = newHistory()
				before := p.look(t)
				disk(fmt.Sprint("size=", used(t, p.path(c.folder))+room))
				r := p.run(t, "run")
				now := p.whole(t)
				disk("size=8m")
				if r.code == 0 {
					p.finished(t, c.ends)
					break
				}
				failed++
				after[fullAt(before, now)]++
				if r.code != 1 || !strings.Contains(r.err, "What to do: the disk is full: make room") {
					t.Fatalf("%d bytes of room: %s", room, r)
				}
				p.finished(t, c.ends)
			}
			t.Logf("%d sizes failed: %v", failed, after)
			if failed < 8 {
				t.Errorf("only %d runs met a full disk", failed)
			}
		})
	}
}

// fullAt says how far a run came.
func fullAt(before, now sight) string {
	switch {
	case now.reserved() > 0:
		return unsealed
	case len(now.charges) == len(before.charges):
		return beforeCharge
	}
	return "after a seal"
}

// at is a folder, "" if it is not there.
func at(dir string) string {
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// replaceIn replaces what is in a folder that cannot itself be replaced.
func replaceIn(t testing.TB, dir, by string) {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := os.RemoveAll(filepath.Join(dir, n.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if at(by) != "" {
		copyTree(t, by, dir)
	}
}

// A folder is read-only: nothing is charged that cannot be published, and when it
// can be written again the next run finishes.
func TestReadOnly(t *testing.T) {
	for _, c := range []struct {
		name, folder string
		mode         os.FileMode
		ran          bool // the project has run before
	}{
		{"state, new", ".halftone", 0o700, false},
		{"public, new", "public", 0o755, false},
		{"state", ".halftone", 0o700, true},
		{"public", "public", 0o755, true},
		{"dataset", "public/datasets/my-dataset", 0o755, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := starter(t)
			if c.ran {
				p.must(t, 0, "run", "--periods", "2024-Q1..2024-Q2")
			}
			disk := p.mounted(t, c.folder, c.mode)
			before := p.look(t)
			disk("ro")
			r := p.run(t, "run")
			if r.code != 1 || !strings.Contains(r.err, "What to do: the state folder or the public folder cannot be written") {
				t.Error(r)
			}
			if s := p.whole(t); len(s.links) != len(before.links) {
				t.Errorf("%d entries were added", len(s.links)-len(before.links))
			}
			disk("rw")
			p.finished(t, 4)
		})
	}
}
