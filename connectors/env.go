package connectors

import (
	"context"
	"crypto/x509"
	"regexp"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Env is what a source may use of the world. A connector reads no environment
// variable, no wall clock and no working directory but through it.
type Env struct {
	Dir     string   // base of relative paths: --data, or the folder of halftone.yaml
	Columns []string // the allow-list: the columns that the configuration maps, each once
	// Match adds the columns whose whole name it matches, for `unpivot`; nil: none.
	// Formats with a header only. Columns and Match are not both empty.
	Match   *regexp.Regexp
	Hosts   []string // `hosts:` of the source: host, host:port or IP; empty: the host of the URL and public addresses only
	Layout  Layout   // `read:` of the source
	Limits  Limits   // zero fields take the default
	Clock   Clock    // for waits between attempts and dates in Retry-After; required by network kinds
	Secret  Secret   // resolves references; nil: none resolves
	RootCAs *x509.CertPool
	Alloc   memory.Allocator // nil: Arrow's default
}

// Secret resolves a reference such as env:NAME or file:PATH to its value. See
// Secrets. Its error may name the reference, never the value.
type Secret func(ctx context.Context, reference string) (string, error)

// A Clock tells and waits. Sleep returns early with ctx's error.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// WallClock is the real one. It is for main to pass in; nothing else makes one.
type WallClock struct{}

var _ Clock = WallClock{}

// Now is time.Now.
func (WallClock) Now() time.Time { return time.Now() }

// Sleep waits for d or for ctx, whichever ends first.
func (WallClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Limits bound what one pull may cost whatever the source sends. A zero field
// takes its default (DefaultLimits); there is no "unlimited".
type Limits struct {
	Bytes   int64         // of one item, decompressed
	Body    int64         // of one reply as it is held in memory, compressed or not
	Ratio   int64         // decompressed to compressed
	Items   int           // files of a pull
	Rows    int64         // of a pull
	Columns int           // of an item, mapped or not
	Field   int           // bytes of one value; a whole record may have 16 times that
	Depth   int           // nesting of JSON
	Time    time.Duration // of a pull, waits between attempts included
}

// DefaultLimits are far above any agency file seen and far below what harms a
// small machine.
func DefaultLimits() Limits {
	return Limits{
		Bytes: 64 << 30, Body: 256 << 20, Ratio: 200, Items: 10_000, Rows: 1 << 31,
		Columns: 4096, Field: 64 << 10, Depth: 64, Time: 2 * time.Hour,
	}
}

// RecordBytes is the most that one record may take.
func (l Limits) RecordBytes() int { return 16 * l.Field }

func (l Limits) filled() Limits {
	d := DefaultLimits()
	fill(&l.Bytes, d.Bytes)
	fill(&l.Body, d.Body)
	fill(&l.Ratio, d.Ratio)
	fill(&l.Items, d.Items)
	fill(&l.Rows, d.Rows)
	fill(&l.Columns, d.Columns)
	fill(&l.Field, d.Field)
	fill(&l.Depth, d.Depth)
	fill(&l.Time, d.Time)
	return l
}

func fill[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// whole makes re match whole names only: a pattern that was not anchored must
// not let more columns in than it was meant to.
func whole(re *regexp.Regexp) *regexp.Regexp {
	if re == nil {
		return nil
	}
	return regexp.MustCompile(`\A(?:` + re.String() + `)\z`)
}

// checked fills defaults and refuses an Env that would read everything or
// nothing by accident.
func (e Env) checked() (Env, error) {
	if len(e.Columns) == 0 && e.Match == nil {
		return e, &SettingError{Key: "map", What: "no column of the source is mapped", Do: "map at least one column: nothing else is read"}
	}
	seen := map[string]bool{}
	for _, c := range e.Columns {
		if seen[c] {
			return e, &SettingError{Key: "map", What: "a column stands twice in the allow-list", Do: "list each column once"}
		}
		seen[c] = true
	}
	e.Limits, e.Match = e.Limits.filled(), whole(e.Match)
	if e.Alloc == nil {
		e.Alloc = memory.DefaultAllocator
	}
	return e, nil
}
