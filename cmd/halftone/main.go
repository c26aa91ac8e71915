// Command halftone takes case counts from agencies to a published dataset with
// differential privacy.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"syscall"
	_ "time/tzdata" // schedules name zones; a small machine has no list of them

	"golang.org/x/term"

	"halftone/connectors"
)

func main() { os.Exit(process()) }

// process runs the program until it ends or a signal asks it to.
func process() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// run is the program. It returns the exit code: 0 done or nothing due, 1 failed,
// 2 usage or configuration, 3 refused or waiting, 4 a source stopped, 5 ledger
// locked, 6 verification found a difference.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	syscall.Umask(0o077) // publish opens up what it writes; nothing else should
	a := &app{in: stdin, out: stdout, err: stderr, clock: connectors.WallClock{}, lookupEnv: os.LookupEnv, by: "unknown"}
	if u, err := user.Current(); err == nil {
		a.by = u.Username
	}
	a.holder = fmt.Sprintf("%s, process %d", a.by, os.Getpid())
	if host, err := os.Hostname(); err == nil {
		a.holder = fmt.Sprintf("%s on %s, process %d", a.by, host, os.Getpid())
	}
	if f, ok := stderr.(*os.File); ok {
		a.terminal = term.IsTerminal(int(f.Fd()))
	}
	if f, ok := stdout.(*os.File); ok {
		a.screen = term.IsTerminal(int(f.Fd()))
	}
	return a.execute(ctx, args)
}
