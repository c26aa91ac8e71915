// Package connectortest holds what every connector has to pass: Run, and for
// those that speak HTTP also RunHostile.
package connectortest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
)

// Canary stands in cells and in the name of a column that nobody mapped. It
// may turn up in no error, and from an unmapped column nowhere at all.
const Canary = "Zq7canary"

// Wanted are the columns of the tables of the suite that are mapped.
var Wanted = []string{"period", "value"}

// Settings makes a Decode that gives s.
func Settings[C any](s C) connectors.Decode {
	return func(into any) error {
		p, ok := into.(*C)
		if !ok {
			return fmt.Errorf("settings are a %T", into)
		}
		*p = s
		return nil
	}
}

// A Setup is an opened-to-be source. Run fills Columns, Alloc and a Clock.
type Setup struct {
	Env    connectors.Env
	Decode connectors.Decode
}

// A Harness knows how to put a table where one kind of connector reads it.
type Harness struct {
	Kind  connectors.Kind
	Serve func(*testing.T, Table) Setup
	// Broken serves the table such that reading fails somewhere after its last row.
	Broken   func(*testing.T, Table) Setup
	FirstRow int64 // Origin.Row of the first row: 2 where a header is line 1
}

const rows = 17_000 // more than one page of every decoder here

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("rows come whole and numbered", h.whole)
	t.Run("reading again gives the same", h.again)
	t.Run("no rows", h.none)
	t.Run("only mapped columns come out", h.allowList)
	t.Run("a missing column stops it", h.missingColumn)
	t.Run("cancel ends it", h.cancel)
	t.Run("leaving early leaks nothing", h.leave)
	t.Run("a failing read ends with one error", h.broken)
	t.Run("row limit", h.rowLimit)
}

// open opens and returns a check that nothing leaked.
func (h Harness) open(t *testing.T, s Setup, columns []string) connectors.Source {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	s.Env.Columns, s.Env.Alloc, s.Env.Clock = columns, alloc, NewClock()
	src, err := h.Kind.Open(t.Context(), s.Env, s.Decode)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		alloc.AssertSize(t, 0)
		// Connections close on their own time; a leak stays.
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(end) {
				t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
				return
			}
		}
	})
	return src
}

// A seen row is a row and where it is said to be.
type seen struct {
	origin connectors.Origin
	item   connectors.Item
	cells  string
}

func read(t *testing.T, src connectors.Source) (all []seen, errs []error) {
	t.Helper()
	for p, err := range src.Read(t.Context(), "") {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if len(errs) > 0 {
			t.Error("a page after the error")
		}
		for i := range int(p.Records.NumRows()) {
			var cells []string
			for c := range int(p.Records.NumCols()) {
				cells = append(cells, p.Records.Column(c).(*array.String).Value(i))
			}
			all = append(all, seen{connectors.Origin{File: p.Origin.File, Row: p.Row(i)}, p.Item, strings.Join(cells, "\t")})
		}
		p.Records.Release()
	}
	return all, errs
}

func (h Harness) whole(t *testing.T) {
	table := MakeTable(rows)
	got, errs := read(t, h.open(t, h.Serve(t, table), Wanted))
	if len(errs) > 0 || len(got) != rows {
		t.Fatalf("%d rows, errors %v", len(got), errs)
	}
	for i, r := range got {
		if want := table.Rows[i][0] + "\t" + table.Rows[i][2]; r.cells != want {
			t.Fatalf("row %d is %q, want %q", i, r.cells, want)
		}
		if r.origin.Row != h.FirstRow+int64(i) || r.origin.File == "" || r.item.Name == "" || len(r.item.Digest) != 64 {
			t.Fatalf("row %d is at %+v of %+v", i, r.origin, r.item)
		}
	}
}

func (h Harness) again(t *testing.T) {
	src := h.open(t, h.Serve(t, MakeTable(rows)), Wanted)
	first, _ := read(t, src)
	second, errs := read(t, src)
	if len(errs) > 0 || len(first) != len(second) {
		t.Fatalf("%d rows, then %d, errors %v", len(first), len(second), errs)
	}
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("row %d: %+v, then %+v", i, first[i], second[i])
		}
	}
}

func (h Harness) none(t *testing.T) {
	src := h.open(t, h.Serve(t, MakeTable(0)), Wanted)
	pages := 0
	for p, err := range src.Read(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		pages++
		if p.Records.NumRows() != 0 || p.Item.Digest == "" {
			t.Errorf("%d rows of %+v", p.Records.NumRows(), p.Item)
		}
		p.Records.Release()
	}
	if pages != 1 {
		t.Errorf("%d pages, want one that says the item was read", pages)
	}
}

func (h Harness) allowList(t *testing.T) {
	for p, err := range h.open(t, h.Serve(t, MakeTable(10)), []string{"value"}).Read(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if p.Records.NumCols() != 1 || p.Records.ColumnName(0) != "value" || strings.Contains(fmt.Sprint(p.Records), Canary) {
			t.Errorf("got %v", p.Records.Schema())
		}
		p.Records.Release()
	}
}

func (h Harness) missingColumn(t *testing.T) {
	got, errs := read(t, h.open(t, h.Serve(t, MakeTable(10)), []string{"value", "absent"}))
	if len(got) > 0 || len(errs) != 1 {
		t.Fatalf("%d rows, errors %v", len(got), errs)
	}
	e := CheckError(t, errs[0], connectors.Column)
	if e.Column != "absent" {
		t.Errorf("it names column %q", e.Column)
	}
}

func (h Harness) cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pages, errs := 0, 0
	for p, err := range h.open(t, h.Serve(t, MakeTable(rows)), Wanted).Read(ctx, "") {
		if err != nil {
			if errs++; !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			continue
		}
		pages++
		p.Records.Release()
		cancel()
	}
	if pages != 1 || errs != 1 {
		t.Errorf("%d pages and %d errors, want one of each", pages, errs)
	}
}

func (h Harness) leave(t *testing.T) {
	for p, err := range h.open(t, h.Serve(t, MakeTable(rows)), Wanted).Read(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		p.Records.Release()
		break
	}
}

func (h Harness) broken(t *testing.T) {
	_, errs := read(t, h.open(t, h.Broken(t, MakeTable(rows)), Wanted))
	if len(errs) != 1 {
		t.Fatalf("errors %v, want one", errs)
	}
	CheckError(t, errs[0], "")
}

func (h Harness) rowLimit(t *testing.T) {
	s := h.Serve(t, MakeTable(rows))
	s.Env.Limits.Rows = rows - 1
	_, errs := read(t, h.open(t, s, Wanted))
	if len(errs) != 1 {
		t.Fatalf("errors %v, want one", errs)
	}
	CheckError(t, errs[0], connectors.Limit)
}

// CheckError checks that err is a source error of the reason, or of any if it
// is empty, that says what to do and gives nothing away, down its whole chain.
func CheckError(t testing.TB, err error, reason connectors.Reason) *connectors.SourceError {
	t.Helper()
	var e *connectors.SourceError
	if !errors.As(err, &e) {
		t.Fatalf("%T is no source error: %v", err, err)
	}
	if reason != "" && e.Reason != reason {
		t.Errorf("reason %q, want %q: %v", e.Reason, reason, err)
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if strings.Contains(fmt.Sprintf("%v %+v", inner, inner), Canary) {
			t.Errorf("an error holds a value: %v", inner)
		}
	}
	return e
}
