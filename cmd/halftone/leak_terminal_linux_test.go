package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLeaksOnTerminal looks at what progress bars write: they are there on a
// terminal only.
func TestLeaksOnTerminal(t *testing.T) {
	w := newLeakWorld(t, newLeakSite(t), "planner")
	w.site.set(w.canaries.web(), nil)
	shown := false
	for _, command := range []string{"pull", "run"} {
		master, slave := openTerminal(t)
		cmd := program(t, "-C", w.dir, "--data", w.data, command)
		var out bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, &out, slave
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		slave.Close()
		screen, _ := io.ReadAll(master) // it ends with an error when nobody has the terminal open
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s%s", command, err, out.Bytes(), screen)
		}
		shown = shown || bytes.Contains(screen, []byte("\x1b["))
		w.noLeak(t, command+" on a terminal", append(screen, out.Bytes()...))
	}
	if !shown { // a bar is drawn when a step takes its time, as composing does
		t.Error("no progress was shown: nothing was checked")
	}
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminal can be had here: ", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
