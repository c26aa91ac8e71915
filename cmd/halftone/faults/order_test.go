package faults_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A power cut takes what was not synced. No test here cuts the power; this one
// reads from the system calls that nothing would be missing. A file gets its final
// name when its bytes are synced, and with a folder everything in it; a sealed file
// and its name are synced before the ledger records them; at the end every name
// and every byte is.
func TestSyncedBeforeItCounts(t *testing.T) {
	needStrace(t)
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.set(t)
			r, lines := p.traced(t, nil, s.args(p)...)
			if r.code != 0 {
				t.Fatal(r)
			}
			d := disk{at: p.dir, dirty: map[string]string{}}
			for _, l := range lines {
				if err := d.take(l); err != nil {
					t.Errorf("%v\n%s", err, l.text)
				}
			}
			if err := d.clean(p.dir); err != nil {
				t.Errorf("at the end: %v", err)
			}
			if d.named == 0 || d.synced < 4 {
				t.Errorf("%d renames and links, and %d syncs were seen", d.named, d.synced)
			}
		})
	}
}

// A disk knows which files of a project, and which names, are not synced, and
// since which call.
type disk struct {
	at            string
	dirty         map[string]string // by path; that of a name ends with [name]
	named, synced int
}

// name marks the name of a file or folder apart from what is in it.
const name = " (its name)"

var renamePaths = regexp.MustCompile(`(?:AT_FDCWD|\d+)<([^>]*)>, "([^"]*)"`)

// ours are the files that must be synced by the program; SQLite cares for its own,
// the lock is empty, and copies for a backup are of no use after a power cut.
func (d *disk) ours(path string) bool {
	rel, in := strings.CutPrefix(path, d.at+"/")
	return in && !strings.Contains(rel, ".db") && rel != ".halftone/lock" && !strings.HasPrefix(rel, ".halftone/tmp") && !strings.HasPrefix(rel, "data/")
}

// clean fails when something below a folder, or the folder, is not synced.
func (d *disk) clean(dir string) error {
	for _, path := range slices.Sorted(maps.Keys(d.dirty)) {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return fmt.Errorf("%s is not synced after %s", strings.TrimPrefix(path, d.at), d.dirty[path])
		}
	}
	return nil
}

func (d *disk) take(l syscallLine) error {
	if l.failed || strings.Contains(l.text, ") = -1 ") {
		return nil
	}
	switch l.name {
	case "write", "pwrite64", "ftruncate":
		if d.ours(l.path) {
			d.dirty[l.path] = l.name
		}
	case "openat", "mkdir", "mkdirat", "symlink", "symlinkat":
		if d.ours(l.path) && (l.name != "openat" || strings.Contains(l.text, "O_CREAT")) {
			d.dirty[l.path+name] = l.name
		}
	case "fsync", "fdatasync":
		d.synced++
		delete(d.dirty, l.path)
		maps.DeleteFunc(d.dirty, func(path, _ string) bool { return strings.HasSuffix(path, name) && filepath.Dir(path) == l.path })
		if strings.HasSuffix(l.path, "/ledger.db-wal") {
			return d.clean(filepath.Join(d.at, ".halftone", "sealed"))
		}
	case "unlink", "unlinkat":
		delete(d.dirty, l.path)
		delete(d.dirty, l.path+name)
	case "rename", "renameat", "renameat2", "link", "linkat":
		m := renamePaths.FindAllStringSubmatch(l.text, 2)
		if len(m) < 2 {
			return nil
		}
		d.named++
		from, to := absolute(m[0]), absolute(m[1])
		err := d.clean(from)
		if strings.HasPrefix(l.name, "rename") {
			delete(d.dirty, from+name)
		}
		if d.ours(to) {
			d.dirty[to+name] = l.name
		}
		return err
	}
	return nil
}

func absolute(m []string) string {
	if filepath.IsAbs(m[2]) {
		return m[2]
	}
	return filepath.Join(m[1], m[2])
}
