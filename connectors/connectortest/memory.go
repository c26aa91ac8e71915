package connectortest

import (
	"bytes"
	"context"
	"io"
	"iter"
	"maps"
	"slices"

	"halftone/connectors"
	"halftone/connectors/format"
)

// MemorySettings names what a memory source reads, in order of name.
type MemorySettings struct {
	Items map[string][]byte
}

// MemoryKind is the in-memory twin of the connectors: it reads items out of
// its settings, for tests of what stands behind a source.
func MemoryKind() connectors.Kind {
	return connectors.NewKind("memory", func(_ context.Context, env connectors.Env, s MemorySettings) (connectors.Source, error) {
		return inMemory{env, s.Items}, format.Check(env.Layout)
	})
}

type inMemory struct {
	env   connectors.Env
	items map[string][]byte
}

var _ connectors.Source = inMemory{}

// Read reads every item.
func (m inMemory) Read(ctx context.Context, _ connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		for _, name := range slices.Sorted(maps.Keys(m.items)) {
			in := format.NewInput(m.env, name, m.env.Layout, func() (io.Reader, error) { return bytes.NewReader(m.items[name]), nil })
			for p, err := range format.Pages(ctx, in) {
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}
