package connectors

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Guard checks what a source yields against the contract of Source and Page,
// so that no connector has to be trusted with it: the columns are those of the
// allow-list and no other, the values are UTF-8 without NUL and not over long,
// the rows add up to the source's own total, and the pull ends within
// env.Limits.Time. NewKind applies it; the caller guarantees that env is the
// one that the source was opened with.
//
// It cannot see what a decoder dropped, nor bound what a connector allocates
// before it yields: those are the decoder's duties.
func Guard(s Source, env Env) Source {
	env.Limits, env.Match = env.Limits.filled(), whole(env.Match)
	return &guarded{s, env}
}

type guarded struct {
	source Source
	env    Env
}

var _ Source = (*guarded)(nil)

// Read passes pages through until one breaks the contract.
func (g *guarded) Read(ctx context.Context, since Cursor) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		ctx, cancel := context.WithTimeoutCause(ctx, g.env.Limits.Time, errDeadline)
		defer cancel()
		var rows int64
		var total Total
		for p, err := range g.source.Read(ctx, since) {
			if err == nil {
				err = g.check(ctx, p, &rows)
			}
			if err != nil {
				release(p)
				yield(Page{}, deadline(ctx, err))
				return
			}
			if p.Total.Known {
				total = p.Total
			}
			if !yield(p, nil) {
				return
			}
		}
		if total.Known && total.Rows != rows {
			yield(Page{}, shortRead(rows < total.Rows))
		}
	}
}

func release(p Page) {
	if p.Records != nil {
		p.Records.Release()
	}
}

var errDeadline = errors.New("over the time limit of a pull")

// deadline tells our own time limit from the caller's.
func deadline(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errDeadline) {
		return (&SourceError{Reason: Limit, What: "the source took longer than a pull may take", Do: "pull again later, or ask for a smaller extract"}).
			Wrap(context.DeadlineExceeded)
	}
	return err
}

func shortRead(fewer bool) error {
	what := "more rows came than the source's own total"
	if fewer {
		what = "fewer rows came than the source's own total"
	}
	return &SourceError{Reason: Short, What: what, Do: "nothing was taken; pull again, and ask the agency about its page limit if it stays so"}
}

func (g *guarded) check(ctx context.Context, p Page, rows *int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	broken := func(what string) error {
		return &SourceError{Reason: Contract, File: p.Origin.File, What: "this connector is faulty: " + what, Do: "report it with its kind and version"}
	}
	switch {
	case p.Records == nil:
		return broken("a page without records")
	case p.Rows != nil && int64(len(p.Rows)) != p.Records.NumRows():
		return broken("row numbers do not match the records")
	case !ascending(p.Blank, p.Records.NumRows()):
		return broken("blank records are none of the records")
	case p.Item.Name == "" || p.Item.Digest == "" || p.Origin.File == "" || p.Origin.Row < 1:
		return broken("a page does not say where it is from")
	}
	if *rows += p.Records.NumRows(); *rows > g.env.Limits.Rows {
		return &SourceError{Reason: Limit, File: p.Origin.File, What: "the pull has more rows than the limit", Do: "split the source"}
	}
	if int(p.Records.NumCols()) < len(g.env.Columns) {
		return broken("a mapped column did not come out")
	}
	for i := range int(p.Records.NumCols()) {
		name, ok := g.allowed(i, p.Records.Schema().Field(i))
		if !ok {
			return broken("other columns than the mapped ones came out")
		}
		if p.Records.Column(i).NullN() > 0 {
			return broken("a value is null")
		}
		if e := g.values(p, p.Records.Column(i).(*array.String)); e != nil {
			e.File, e.Column = p.Origin.File, name
			return e
		}
	}
	return nil
}

// ascending reports whether places are places in n records, each after the one before.
func ascending(places []int, n int64) bool {
	last := -1
	for _, i := range places {
		if i <= last || int64(i) >= n {
			return false
		}
		last = i
	}
	return true
}

// allowed checks column i against the allow-list. name is what messages may
// say: nothing for a column whose name comes from the file.
func (g *guarded) allowed(i int, f arrow.Field) (name string, ok bool) {
	if f.Type.ID() != arrow.STRING {
		return "", false
	}
	if i < len(g.env.Columns) {
		return f.Name, f.Name == g.env.Columns[i]
	}
	return "", g.env.Match != nil && g.env.Match.MatchString(f.Name) && !slices.Contains(g.env.Columns, f.Name)
}

// values looks at whole columns first, since that is several times faster and
// nearly always enough.
func (g *guarded) values(p Page, a *array.String) *SourceError {
	if a.Len() == 0 {
		return nil
	}
	whole := a.ValueBytes()
	// Valid text cut in the middle of a rune would be valid as a whole only.
	clean := utf8.Valid(whole) && bytes.IndexByte(whole, 0) < 0
	offsets, limit := a.ValueOffsets(), g.env.Limits.Field
	for i := range a.Len() {
		v := whole[offsets[i]-offsets[0] : offsets[i+1]-offsets[0]]
		switch {
		case len(v) > limit:
			return &SourceError{Reason: Limit, Row: p.Row(i), What: "the value is longer than the limit"}
		case clean && (len(v) == 0 || utf8.RuneStart(v[0])):
		case !utf8.Valid(v):
			return &SourceError{Reason: Malformed, Row: p.Row(i), What: "the value is not UTF-8"}
		case bytes.IndexByte(v, 0) >= 0:
			return &SourceError{Reason: Malformed, Row: p.Row(i), What: "the value holds a NUL byte"}
		}
	}
	return nil
}
