package connectors_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
	"halftone/connectors/connectortest"
)

// fake yields what it is given.
type fake func(ctx context.Context, yield func(connectors.Page, error) bool)

func (f fake) Read(ctx context.Context, _ connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) { f(ctx, yield) }
}

func page(alloc memory.Allocator, name string, values ...string) connectors.Page {
	b := array.NewRecordBuilder(alloc, arrow.NewSchema([]arrow.Field{{Name: name, Type: arrow.BinaryTypes.String}}, nil))
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(values, nil)
	return connectors.Page{
		Records: b.NewRecordBatch(), Origin: connectors.Origin{File: "f", Row: 2}, Item: connectors.Item{Name: "f", Digest: "d"},
	}
}

func TestGuard(t *testing.T) {
	const canary = connectortest.Canary
	total := func(n int64) func(*connectors.Page) {
		return func(p *connectors.Page) { p.Total = connectors.Total{Rows: n, Known: true} }
	}
	for _, c := range []struct {
		name   string
		column string
		values []string
		change func(*connectors.Page)
		limits connectors.Limits
		reason connectors.Reason // empty: passes
		row    int64
	}{
		{"good", "a", []string{"x", "", "é\ufffd"}, nil, connectors.Limits{}, "", 0},
		{"no rows", "a", nil, total(0), connectors.Limits{}, "", 0},
		{"total met", "a", []string{"x"}, total(1), connectors.Limits{}, "", 0},
		{"short read", "a", []string{"x"}, total(2), connectors.Limits{}, connectors.Short, 0},
		{"more than the total", "a", []string{"x"}, total(0), connectors.Limits{}, connectors.Short, 0},
		{"other column", canary, []string{"x"}, nil, connectors.Limits{}, connectors.Contract, 0},
		{"bad byte", "a", []string{"x", canary + "\xff"}, nil, connectors.Limits{}, connectors.Malformed, 3},
		{"rune cut in two", "a", []string{"\xc3", "\xa9"}, nil, connectors.Limits{}, connectors.Malformed, 3},
		{"NUL", "a", []string{"\x00"}, nil, connectors.Limits{}, connectors.Malformed, 2},
		{"NUL with row numbers", "a", []string{"x", "\x00"}, func(p *connectors.Page) { p.Rows = []int64{2, 9} }, connectors.Limits{}, connectors.Malformed, 9},
		{"row numbers missing", "a", []string{"x"}, func(p *connectors.Page) { p.Rows = []int64{} }, connectors.Limits{}, connectors.Contract, 0},
		{"blank rows", "a", []string{"x", "", ""}, func(p *connectors.Page) { p.Blank = []int{1, 2} }, connectors.Limits{}, "", 0},
		{"blank rows that are none", "a", []string{"x", ""}, func(p *connectors.Page) { p.Blank = []int{1, 2} }, connectors.Limits{}, connectors.Contract, 0},
		{"blank rows out of order", "a", []string{"", ""}, func(p *connectors.Page) { p.Blank = []int{1, 0} }, connectors.Limits{}, connectors.Contract, 0},
		{"blank rows twice", "a", []string{"", ""}, func(p *connectors.Page) { p.Blank = []int{1, 1} }, connectors.Limits{}, connectors.Contract, 0},
		{"no place", "a", []string{"x"}, func(p *connectors.Page) { p.Origin = connectors.Origin{} }, connectors.Limits{}, connectors.Contract, 0},
		{"no digest", "a", []string{"x"}, func(p *connectors.Page) { p.Item.Digest = "" }, connectors.Limits{}, connectors.Contract, 0},
		{"long value", "a", []string{"x", canary}, nil, connectors.Limits{Field: 3}, connectors.Limit, 3},
		{"many rows", "a", []string{"x", "y"}, nil, connectors.Limits{Rows: 1}, connectors.Limit, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer alloc.AssertSize(t, 0)
			src := connectors.Guard(fake(func(_ context.Context, yield func(connectors.Page, error) bool) {
				p := page(alloc, c.column, c.values...)
				if c.change != nil {
					c.change(&p)
				}
				yield(p, nil)
			}), connectors.Env{Columns: []string{"a"}, Limits: c.limits})
			var errs []error
			for p, err := range src.Read(t.Context(), "") {
				if err != nil {
					errs = append(errs, err)
					continue
				}
				p.Records.Release()
			}
			switch {
			case c.reason == "" && len(errs) > 0:
				t.Errorf("stopped: %v", errs)
			case c.reason != "" && len(errs) != 1:
				t.Errorf("errors %v, want one", errs)
			case c.reason != "":
				if e := connectortest.CheckError(t, errs[0], c.reason); e.Row != c.row {
					t.Errorf("row %d, want %d", e.Row, c.row)
				}
			}
		})
	}
}

func TestGuardOtherTypeAndNull(t *testing.T) {
	for name, make := range map[string]func() arrow.RecordBatch{
		"numbers": func() arrow.RecordBatch {
			b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil))
			b.Field(0).(*array.Int64Builder).Append(1)
			return b.NewRecordBatch()
		},
		"null": func() arrow.RecordBatch {
			b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String}}, nil))
			b.Field(0).AppendNull()
			return b.NewRecordBatch()
		},
		"nothing": func() arrow.RecordBatch { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			src := connectors.Guard(fake(func(_ context.Context, yield func(connectors.Page, error) bool) {
				p := page(memory.DefaultAllocator, "a")
				p.Records = make()
				yield(p, nil)
			}), connectors.Env{Columns: []string{"a"}})
			for _, err := range src.Read(t.Context(), "") {
				connectortest.CheckError(t, err, connectors.Contract)
			}
		})
	}
}

func TestGuardTellsItsDeadlineFromTheCallers(t *testing.T) {
	hangs := fake(func(ctx context.Context, yield func(connectors.Page, error) bool) {
		<-ctx.Done()
		yield(connectors.Page{}, ctx.Err())
	})
	for _, err := range connectors.Guard(hangs, connectors.Env{Columns: []string{"a"}, Limits: connectors.Limits{Time: 1}}).Read(t.Context(), "") {
		connectortest.CheckError(t, err, connectors.Limit)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is no deadline", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range connectors.Guard(hangs, connectors.Env{Columns: []string{"a"}}).Read(ctx, "") {
		if err != context.Canceled {
			t.Errorf("got %v", err)
		}
	}
}

func TestOpenRefusesAnEnvThatReadsNothing(t *testing.T) {
	kind := connectors.NewKind("fake", func(context.Context, connectors.Env, struct{}) (connectors.Source, error) { return fake(nil), nil })
	for name, columns := range map[string][]string{"none": nil, "twice": {"a", "a"}} {
		_, err := kind.Open(t.Context(), connectors.Env{Columns: columns}, connectortest.Settings(struct{}{}))
		if _, ok := err.(*connectors.SettingError); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	want := errors.New("line 3: unknown key")
	_, err := kind.Open(t.Context(), connectors.Env{Columns: []string{"a"}}, func(any) error { return want })
	if !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

func TestMatchIsOfWholeNames(t *testing.T) {
	kind := connectortest.MemoryKind()
	src, err := kind.Open(t.Context(), connectors.Env{Match: regexp.MustCompile(`b|bc`)}, connectortest.Settings(
		connectortest.MemorySettings{Items: map[string][]byte{"in.csv": []byte("a,b,xb,bc,bcd\n1,2,3,4,5\n")}}))
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range src.Read(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Records.Schema(); s.NumFields() != 2 || s.Field(0).Name != "b" || s.Field(1).Name != "bc" {
			t.Errorf("got %v", s)
		}
		p.Records.Release()
	}
}

func TestLayoutWith(t *testing.T) {
	l, err := connectors.Layout{Rows: "r[]"}.With("json", "r[]", "n")
	if err != nil || !reflect.DeepEqual(l, connectors.Layout{Format: "json", Rows: "r[]", Total: "n"}) {
		t.Errorf("%+v, %v", l, err)
	}
	_, err = connectors.Layout{Format: "csv"}.With("json", "", "")
	if e, ok := err.(*connectors.SettingError); !ok || e.Key != "format" {
		t.Errorf("got %v", err)
	}
}

func TestSourceErrorSaysWhereWhatAndWhatToDo(t *testing.T) {
	for want, e := range map[string]*connectors.SourceError{
		`f.csv, row 7, column "Year": it is bad; mend it`: {File: "f.csv", Row: 7, Column: "Year", What: "it is bad", Do: "mend it"},
		`f.csv: it is bad`:          {File: "f.csv", What: "it is bad"},
		`column "Year": it is gone`: {Column: "Year", What: "it is gone"},
		`it is short; pull again`:   {What: "it is short", Do: "pull again"},
	} {
		if e.Error() != want {
			t.Errorf("got %q, want %q", e, want)
		}
	}
	wrapped := (&connectors.SourceError{What: "x"}).Wrap(errors.New(connectortest.Canary))
	if wrapped.Err != nil {
		t.Error("a foreign error was kept")
	}
}

func TestWallClockSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (connectors.WallClock{}).Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := (connectors.WallClock{}).Sleep(t.Context(), 0); err != nil {
		t.Errorf("got %v", err)
	}
}
