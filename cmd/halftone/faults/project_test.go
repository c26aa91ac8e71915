package faults_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A project is a folder that the program runs in, and what has been seen of it.
type project struct {
	dir      string
	datasets []string // folders below, of an instance; a single "." else
	seen     *history
}

func (p *project) state() string              { return filepath.Join(p.dir, ".halftone") }
func (p *project) public() string             { return filepath.Join(p.dir, "public") }
func (p *project) path(name string) string    { return filepath.Join(p.dir, filepath.FromSlash(name)) }
func (p *project) names() []string            { return published(p.public()) }
func (p *project) dataset(name string) string { return filepath.Join("public", "datasets", name) }

// published are the names of the datasets of a public folder.
func published(public string) (out []string) {
	dirs, _ := filepath.Glob(filepath.Join(public, "datasets", "*"))
	for _, d := range dirs {
		out = append(out, filepath.Base(d))
	}
	return out
}

// run calls the program in the project.
func (p *project) run(t testing.TB, args ...string) result {
	t.Helper()
	return call(t, 0, command(context.Background(), built(t).program, p.dir, args...), args)
}

// must calls the program, which must end with the given code.
func (p *project) must(t testing.TB, code int, args ...string) result {
	t.Helper()
	r := p.run(t, args...)
	if r.code != code || r.killed {
		t.Fatalf("want exit %d: %s", code, r)
	}
	return r
}

// at calls the program with a clock that is off.
func (p *project) at(t testing.TB, off time.Duration, args ...string) result {
	t.Helper()
	cmd := command(context.Background(), built(t).clocked, p.dir, args...)
	cmd.Env = append(os.Environ(), clockFile+"="+p.setClock(t, off))
	return call(t, 0, cmd, args)
}

// setClock writes the file that a clocked program's clock is set by, in one step.
func (p *project) setClock(t testing.TB, off time.Duration) (file string) {
	t.Helper()
	file = p.path("data/.clock")
	put(t, file+".new", off.String())
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	return file
}

// scratch is an empty folder, in memory where there is room for it: what a kill
// or a torn file does is no matter of how fast the disk is.
func scratch(t testing.TB) string {
	t.Helper()
	const memory = "/dev/shm"
	var s unix.Statfs_t
	if err := unix.Statfs(memory, &s); err != nil || s.Bavail*uint64(s.Bsize) < 256<<20 {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "halftone-faults-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// starter makes the small project of `halftone init`: four quarters, all due.
func starter(t testing.TB, edits ...string) *project {
	t.Helper()
	dir := filepath.Join(scratch(t), "p")
	p := &project{dir: dir, datasets: []string{"."}, seen: newHistory()}
	if r := call(t, 0, command(context.Background(), built(t).program, "", "init", dir), []string{"init"}); r.code != 0 {
		t.Fatal(r)
	}
	p.edit(t, "halftone.yaml", edits...)
	return p
}

// instance makes two such projects that share a ledger.
func instance(t testing.TB) *project {
	t.Helper()
	p := &project{dir: scratch(t), datasets: []string{"one", "two"}, seen: newHistory()}
	for _, name := range p.datasets {
		if r := call(t, 0, command(context.Background(), built(t).program, p.dir, "init", name), []string{"init"}); r.code != 0 {
			t.Fatal(r)
		}
		p.edit(t, name+"/halftone.yaml", "dataset: my-dataset", "dataset: "+name)
	}
	put(t, p.path("instance.yaml"), "")
	return p
}

// edit replaces texts in a file, each of which must stand there once.
func (p *project) edit(t testing.TB, name string, oldnew ...string) {
	t.Helper()
	b, err := os.ReadFile(p.path(name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(oldnew); i += 2 {
		if strings.Count(text, oldnew[i]) != 1 {
			t.Fatalf("%s: %q does not stand there once", name, oldnew[i])
		}
		text = strings.Replace(text, oldnew[i], oldnew[i+1], 1)
	}
	put(t, p.path(name), text)
}

func put(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clone copies a project as it stands, and forgets nothing that was seen of it.
func (p *project) clone(t testing.TB) *project {
	t.Helper()
	c := *p
	c.dir, c.seen = filepath.Join(scratch(t), "p"), p.seen.clone()
	copyTree(t, p.dir, c.dir)
	return &c
}

// copyTree copies files, folders, links and their modes.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return errors.Join(os.MkdirAll(at, 0o700), os.Chmod(at, info.Mode().Perm()))
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			return errors.Join(err, os.Symlink(target, at))
		}
		b, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(at, b, 0o600), os.Chmod(at, info.Mode().Perm()))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// replace puts a copy of another folder in a folder's place.
func replace(t testing.TB, dir, by string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if by != "" {
		copyTree(t, by, dir)
	}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// treeSum is a digest over the names and bytes below a folder.
func treeSum(dir string) (string, error) {
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		lines = append(lines, strings.TrimPrefix(path, dir)+" "+sum(b))
		return err
	})
	slices.Sort(lines)
	return sum([]byte(strings.Join(lines, "\n"))), err
}

// leftBehind are files that a finished run should have taken away or never made.
func (p *project) leftBehind(t testing.TB) (out []string) {
	t.Helper()
	for _, root := range []string{p.state(), p.public()} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(d.Name(), ".") && path != root && d.Name() != ".pins" && d.Name() != ".reports" {
				out = append(out, strings.TrimPrefix(path, p.dir))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func count(text, sub string) int { return strings.Count(text, sub) }
