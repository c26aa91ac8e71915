package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"halftone/pipeline"
	"halftone/privacy/ledger"
)

// A finding is one thing that doctor looked at.
type finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "check what this project runs on: stores, clock, zones, permissions, disk", Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.each(func(l pipeline.Line) error {
				a.heading()
				found := a.examine(c.Context(), l)
				ok := true
				for _, f := range found {
					ok = ok && f.OK
				}
				if a.json {
					if err := a.object(map[string]any{"ok": ok, "checks": found}); err != nil {
						return err
					}
				} else {
					a.printFindings(found, ok)
				}
				if !ok {
					return &exitError{1, nil}
				}
				return nil
			})
		},
	}
}

func (a *app) printFindings(found []finding, ok bool) {
	for _, f := range found {
		word := "ok  "
		if !f.OK {
			word = "FAIL"
		}
		a.print("%s  %-12s %s\n", word, f.Name, f.Detail)
		if f.Fix != "" {
			a.print("                   What to do: %s\n", f.Fix)
		}
	}
	if ok {
		a.print("Next: halftone plan\n")
	}
}

func (a *app) examine(ctx context.Context, l pipeline.Line) []finding {
	return []finding{stateFolder(l), a.storeWorks(ctx, l), a.clockWorks(ctx, l), zones(l), publicFolder(l), disk(l)}
}

func report(name, detail string, err error, fix string) finding {
	if err != nil {
		return finding{name, false, err.Error(), fix}
	}
	return finding{name, true, detail, ""}
}

func stateFolder(l pipeline.Line) finding {
	const name = "permissions"
	err := pipeline.CheckState(l.State, l.Public)
	if errors.Is(err, fs.ErrNotExist) {
		return finding{name, true, "no state folder yet: the first pull or run makes it, for you alone", ""}
	}
	return report(name, "the state folder is yours alone", err, "chmod -R go= the state folder, and move it out of the public folder")
}

// storeWorks opens the ledger, whose opening asserts durability and checks the
// whole chain, or a new one in a folder of its own on the same disk.
func (a *app) storeWorks(ctx context.Context, l pipeline.Line) finding {
	const name = "store"
	if l.StoreName() == "postgres" {
		return postgresWorks(ctx, l)
	}
	fix := "put the state folder on a local disk; network file systems do not keep SQLite's promises"
	dir, kind := l.State, "the ledger opens, its chain is whole"
	if _, err := os.Stat(filepath.Join(dir, "ledger.db")); errors.Is(err, fs.ErrNotExist) {
		tmp, err := os.MkdirTemp(filepath.Dir(l.State), ".doctor-*") // 0700
		if err != nil {
			return report(name, "", err, "make the project's folder writable")
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		dir, kind = tmp, "no ledger yet; a trial one opens"
	}
	led, err := ledger.Open(ctx, dir, a.clock.Now)
	if err == nil {
		err = led.Close()
	}
	return report(name, kind+", writes are synced (WAL, synchronous FULL)", err, fix)
}

// postgresWorks asks the server what its promise to keep a commit rests on, and opens
// the ledger if there is one.
func postgresWorks(ctx context.Context, l pipeline.Line) finding {
	const name, fix = "store", "mend what the line above names; docs/operations.md, Several replicas"
	p, err := l.ProbeStore(ctx)
	if err != nil {
		return report(name, "", err, fix)
	}
	kind := "no ledger yet, the first run makes it"
	if p.Exists {
		kind, err = "the ledger opens, its chain is whole", l.CheckLedger(ctx)
	}
	for _, s := range l.Dataset.Sources {
		if s.Delivers != "whole" { // what one replica took no other gets again
			kind += fmt.Sprintf("; source %s delivers %s, so replicas must share the state folder", s.Name, s.Delivers)
		}
	}
	return report(name, fmt.Sprintf("Postgres %s, no standby; %s, writes are synced (fsync, full_page_writes, synchronous_commit)", p.Version, kind), err, fix)
}

// clockWorks compares the clock with what was published last: a clock that is
// behind it was set back.
func (a *app) clockWorks(ctx context.Context, l pipeline.Line) finding {
	now := a.clock.Now().UTC()
	detail := now.Format("2006-01-02 15:04") + " UTC"
	if now.Year() < 2025 {
		return finding{"clock", false, detail + " cannot be right", "set the clock"}
	}
	if info, err := os.Stat(filepath.Join(l.State, "ledger.db")); err == nil && info.ModTime().After(now.Add(time.Minute)) {
		return finding{"clock", false, detail + " is before the last write of the ledger", "set the clock"}
	}
	if l.StoreName() == "postgres" {
		if p, err := l.ProbeStore(ctx); err == nil && p.Now.Sub(now).Abs() > time.Minute { // an error is the store's
			return finding{"clock", false, detail + " is not what the Postgres server's clock says", "set the clock, here or there"}
		}
	}
	return finding{"clock", true, detail, ""}
}

func zones(l pipeline.Line) finding {
	zone := "Africa/Ndjamena"
	if l.Dataset.Schedule != nil {
		zone = l.Dataset.Schedule.Timezone
	}
	_, err := time.LoadLocation(zone)
	return report("time zones", "time zones are there, "+zone+" among them", err, "install tzdata")
}

// publicFolder says whether a web server could read what is published.
func publicFolder(l pipeline.Line) finding {
	const name = "public"
	info, err := os.Stat(l.Public)
	if errors.Is(err, fs.ErrNotExist) {
		return finding{name, true, "no public folder yet: the first run makes it", ""}
	}
	if err == nil && info.Mode().Perm()&0o005 != 0o005 {
		err = fmt.Errorf("others cannot read the public folder (mode %04o)", info.Mode().Perm())
	}
	return report(name, "the public folder can be read by all", err, "chmod 755 the public folder")
}

// enough is what a version and its staging take many times over.
const enough = 1 << 30

func disk(l pipeline.Line) finding {
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(l.State), &st); err != nil {
		return report("disk", "", err, "make the project's folder readable")
	}
	free := st.Bavail * uint64(st.Bsize)
	detail := fmt.Sprintf("%.1f GiB free", float64(free)/(1<<30))
	if free < enough {
		return finding{"disk", false, detail, "free at least 1 GiB"}
	}
	return finding{"disk", true, detail, ""}
}
