// Command halftone-compare measures how far published counts are from the truth:
// the residual planner and Laplace noise, both drawn by the real
// [privacy.Measure], beside what else could be done with the same budget:
// discrete Gaussian noise on every table, alone and with least squares after it.
//
// It runs on data whose true counts are public: the demonstration dataset
// (examples/us-offences, eight years) and a made-up cube. Never point such a
// comparison at protected data: errors of `value` depend on exact counts.
//
// # CSV
//
// -csv FILE writes one line for each comparison, mechanism, quantity and table.
// The columns are stable:
//
//	comparison      us-offences-1e-6, us-offences-1e-9 or cube
//	epsilon, delta  what everything released of a period tells about one person, at most
//	rho             the same in zCDP: what planner, gaussian and least_squares spend; laplace spends epsilon
//	mechanism       planner, laplace, gaussian or least_squares
//	quantity        estimate (unbiased), or value or clamped (whole and not negative, planner and laplace)
//	scope           table; cells: all cells of all tables alike; tables: the mean over tables, each table alike; size: cells by their true count
//	table           name of the table, or the range of true counts; empty for the other scopes
//	cells           cells of the table, or of all tables
//	releases        releases that rmse_simulated is the mean of
//	rmse_exact      root of the mean variance by formula or linear algebra; empty for value, which has none
//	rmse_simulated  root of the mean squared error of the releases
//	bias_simulated  mean error of the releases, by true count; empty for the other scopes
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() { os.Exit(process()) }

func process() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr, time.Now)
}

const usage = `halftone-compare [-n N] [-seed N] [-csv FILE]

Root mean squared error of published counts at equal (epsilon, delta) for one
person: the residual planner, Laplace noise, discrete Gaussian noise on every
table, and the same Gaussian noise with least squares after it. On the
demonstration dataset, whose true counts are public, and on a made-up cube.

  -n N       repetitions of every release of every year (default 50)
  -seed N    seed of the made-up cube's counts (default 1); noise has no seed
  -csv FILE  write the figures to FILE as well, one line for each comparison,
             mechanism, quantity and table. Columns:
               comparison      us-offences-1e-6, us-offences-1e-9, cube
               epsilon, delta  what a person's budget is
               rho             the same in zCDP (laplace spends epsilon)
               mechanism       planner, laplace, gaussian, least_squares
               quantity        estimate, or value or clamped (planner and
                               laplace)
               scope           table; cells: all cells alike; tables: all
                               tables alike; size: cells by true count
               table           its name, or the range of true counts; empty
                               for the other scopes
               cells           cells in it
               releases        releases that were simulated
               rmse_exact      by formula or linear algebra; empty for value
               rmse_simulated  of the releases
               bias_simulated  of the releases, by true count
`

// most repetitions: beyond, a day would not do.
const most = 1_000_000

// run is the program. It returns the exit code: 0 done, 1 failed, 2 usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, now func() time.Time) int {
	f := flag.NewFlagSet("halftone-compare", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	n := f.Int("n", 50, "")
	seed := f.Uint64("seed", 1, "")
	path := f.String("csv", "", "")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err == nil && f.NArg() > 0:
		err = fmt.Errorf("no argument %q is known", f.Arg(0))
		fallthrough
	case err != nil:
		fmt.Fprintf(stderr, "halftone-compare: %v; see: halftone-compare -h\n", err)
		return 2
	case *n < 1 || *n > most:
		fmt.Fprintf(stderr, "halftone-compare: -n must be from 1 to %d\n", most)
		return 2
	}
	if err := compare(ctx, *n, *seed, *path, stdout, now); err != nil {
		fmt.Fprintf(stderr, "halftone-compare: %v\n", err)
		return 1
	}
	return 0
}

func compare(ctx context.Context, n int, seed uint64, path string, out io.Writer, now func() time.Time) error {
	if path != "" { // a place that cannot be is found before the work
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("csv: %w", err)
		}
	}
	all, err := comparisons(ctx, seed)
	if err != nil {
		return err
	}
	var done []outcome
	for _, c := range all {
		o, err := c.run(ctx, n, now)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		printOutcome(out, o)
		done = append(done, o)
	}
	printNotes(out, done)
	if path == "" {
		return nil
	}
	b, err := encodeCSV(done)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	fmt.Fprintf(out, "\nThe figures are in %s as well.\n", path)
	return nil
}
