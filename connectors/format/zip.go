package format

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"halftone/connectors"
)

// An Archive is a zip archive whose entries are read within limits. Reading it
// is not safe for concurrent use.
type Archive struct {
	in    Input
	ctx   context.Context // of the one read that it serves
	Files []*zip.File
	left  int64 // bytes that may still be unpacked
}

// entryBytes is what the directory of an archive may take for an entry: names
// and paths of hundreds of characters.
const entryBytes = 1 << 10

// OpenArchive reads the directory of a zip archive. in gives name and limits.
// Its errors have their place.
func OpenArchive(ctx context.Context, in Input, at io.ReaderAt, size int64) (*Archive, error) {
	bounded := &budgetReaderAt{ctx: ctx, r: at, left: int64(in.Limits.Items)*entryBytes + 1<<20}
	z, err := zip.NewReader(bounded, size)
	a := &Archive{in: in, ctx: ctx, left: 2 * in.Limits.Bytes} // most is unpacked twice
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.left < 0 || err == nil && len(z.File) > in.Limits.Items:
		return nil, &connectors.SourceError{Reason: connectors.Limit, File: in.Name, What: "the archive has more entries than the limit", Do: "split it"}
	case err != nil:
		return nil, in.malformed(0, "the archive is damaged or cut off", "pull again; if it stays so, have it sent anew")
	}
	bounded.left = 1<<63 - 1 // entries have their own bounds
	a.Files = z.File
	return a, nil
}

// budgetReaderAt bounds what reading a directory costs.
type budgetReaderAt struct {
	ctx  context.Context
	r    io.ReaderAt
	left int64
}

var errBudget = errors.New("over the limit of a directory")

func (b *budgetReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errBudget
	}
	return b.r.ReadAt(p, off)
}

// Open unpacks an entry within the limits. The caller closes it.
func (a *Archive) Open(f *zip.File) (io.ReadCloser, error) {
	if f.Flags&1 != 0 {
		return nil, a.in.protected()
	}
	r, err := f.Open()
	if err != nil {
		return nil, a.damaged(err)
	}
	// A small entry may have any ratio: a megabyte harms nobody.
	return &entryReader{Closer: r, a: a, r: r, left: max(1<<20, a.in.Limits.Ratio*int64(min(f.CompressedSize64, 1<<40)))}, nil
}

type entryReader struct {
	io.Closer
	a    *Archive
	r    io.Reader
	left int64
}

func (e *entryReader) Read(p []byte) (int, error) {
	if err := e.a.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := e.r.Read(p)
	e.left, e.a.left = e.left-int64(n), e.a.left-int64(n)
	switch {
	case e.left < 0:
		return 0, &connectors.SourceError{Reason: connectors.Limit, File: e.a.in.Name, What: "it unpacks to much more than it is", Do: "it looks like an attack: tell the agency"}
	case e.a.left < 0:
		return 0, errTooLarge
	case err != nil && !errors.Is(err, io.EOF):
		return n, e.a.damaged(err)
	}
	return n, err
}

func (a *Archive) damaged(err error) error {
	if ended(err) {
		return err
	}
	return a.in.malformed(0, "what it holds is damaged or packed in an unusual way", "pull again; if it stays so, have it sent anew")
}

// partName makes the name of an entry comparable: some programs write
// backslashes, a leading slash or other letters than the parts that refer to it.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/"))
}
