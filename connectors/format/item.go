package format

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"halftone/connectors"
)

const readBuffer = 256 << 10

// pages is Pages with a plain callback.
func (in Input) pages(ctx context.Context, page func(connectors.Page) bool) error {
	// 1. The digest, so that every page can carry it, and a quick hash with a
	// seed that nobody knows, since hashing well twice would cost a sixth of
	// the time that reading CSV takes.
	digest, seed := sha256.New(), maphash.MakeSeed()
	first, second := quick(seed), quick(seed)
	raw, err := in.reader(ctx)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(io.MultiWriter(digest, first), onlyReader{raw}, make([]byte, readBuffer)); err != nil {
		return in.fault(0, err)
	}
	item := connectors.Item{Name: in.Name, Digest: hex.EncodeToString(digest.Sum(nil))}

	// 2. The same bytes again, hashed as they pass.
	if raw, err = in.reader(ctx); err != nil {
		return err
	}
	raw = io.TeeReader(raw, second)
	text, f, err := in.text(raw)
	if err != nil {
		return err
	}

	// 3. Pages.
	open := true
	err = f.Decode(ctx, in, text, func(p connectors.Page) bool {
		p.Item = item
		open = page(p)
		return open
	})
	if err != nil || !open {
		return err
	}

	// 4. What was decoded is what the digest says.
	if _, err := io.Copy(io.Discard, onlyReader{raw}); err != nil {
		return in.fault(0, err)
	}
	if first.Sum64() != second.Sum64() {
		return &connectors.SourceError{Reason: connectors.Changed, File: in.Name, What: "the bytes changed while they were read", Do: "pull again when nothing writes to it"}
	}
	return nil
}

func quick(seed maphash.Seed) *maphash.Hash {
	h := new(maphash.Hash)
	h.SetSeed(seed)
	return h
}

// reader opens the bytes, stopped by ctx and by the limit on bytes.
func (in Input) reader(ctx context.Context) (io.Reader, error) {
	r, err := in.Open()
	if err != nil {
		return nil, in.fault(0, err)
	}
	return &boundedReader{ctx: ctx, r: r, left: in.Limits.Bytes}, nil
}

var errTooLarge = errors.New("over the limit on bytes")

// boundedReader fails, rather than ends, when there is more than left.
type boundedReader struct {
	ctx  context.Context // of the one read that this reader serves
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)])
	if int64(n) > b.left {
		return 0, errTooLarge
	}
	b.left -= int64(n)
	return n, err
}

// onlyReader hides WriterTo and the like, so that io.Copy uses our buffer.
type onlyReader struct{ io.Reader }

// text finds out what the bytes are and gives them as checked UTF-8.
func (in Input) text(raw io.Reader) (io.Reader, Format, error) {
	br := bufio.NewReaderSize(raw, readBuffer)
	head, err := br.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, Format{}, in.fault(0, err)
	}
	if what := binary(head); what != "" {
		return nil, Format{}, in.malformed(0, "this is "+what, "export it as CSV in UTF-8")
	}
	encoding := in.Layout.Encoding
	if encoding == "" && (bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))) {
		encoding = "utf-16"
	}
	switch encoding {
	case "utf-16":
		// Windows writes little endian where it writes no mark.
		br = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(br), readBuffer)
	case "windows-1252":
		br = bufio.NewReaderSize(charmap.Windows1252.NewDecoder().Reader(br), readBuffer)
	}
	if head, err = br.Peek(1024); err != nil && !errors.Is(err, io.EOF) {
		return nil, Format{}, in.fault(0, err)
	}
	const mark = "\ufeff"
	if bytes.HasPrefix(head, []byte(mark)) {
		head = head[len(mark):]
		if _, err := br.Discard(len(mark)); err != nil {
			return nil, Format{}, in.fault(0, err)
		}
	}
	if IsMarkup(head) {
		return nil, Format{}, &connectors.SourceError{Reason: connectors.Status, File: in.Name, What: "this is a web page and not data",
			Do: "often a login or error page saved under the file's name: check the address and the access"}
	}
	return &textReader{r: br}, in.choose(head), nil
}

// choose takes what the configuration says, else the extension, else the content.
func (in Input) choose(head []byte) Format {
	all := All()
	ext := strings.ToLower(path.Ext(in.Name))
	for _, f := range all {
		if f.Name == in.Layout.Format || in.Layout.Format == "" && slices.Contains(f.Extensions, ext) {
			return f
		}
	}
	name := "csv"
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		name = "json"
	}
	return all[slices.IndexFunc(all, func(f Format) bool { return f.Name == name })]
}

// IsMarkup tells from the first bytes whether HTML or XML came instead of data.
func IsMarkup(head []byte) bool {
	head = bytes.TrimPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("\ufeff"))
	head = bytes.ToLower(bytes.TrimLeft(head, " \t\r\n"))
	for _, start := range []string{"<!doctype", "<html", "<head", "<body", "<!--", "<?xml"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

// binary names formats that are not text by their magic numbers, since "bad
// byte in row 1" would help nobody who put a workbook there.
func binary(head []byte) string {
	for _, m := range []struct{ magic, what string }{
		{"PK\x03\x04", "an Excel workbook or a zip archive"},
		{"\xd0\xcf\x11\xe0", "an old Excel workbook"},
		{"\x1f\x8b", "compressed (gzip)"},
		{"PAR1", "a Parquet file"},
		{"%PDF", "a PDF"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.what
		}
	}
	return ""
}

func (in Input) malformed(row int64, what, do string) *connectors.SourceError {
	return &connectors.SourceError{Reason: connectors.Malformed, File: in.Name, Row: row, What: what, Do: do}
}

// fault gives a reader's failure its place. Sources that know more give a
// *connectors.SourceError of their own.
func (in Input) fault(row int64, err error) error {
	var own *connectors.SourceError
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errTooLarge):
		return &connectors.SourceError{Reason: connectors.Limit, File: in.Name, What: "it is larger than the limit on bytes", Do: "split it"}
	case errors.Is(err, errBadByte):
		return in.malformed(row, "a byte is not UTF-8", "save the file as UTF-8, or say its `encoding`")
	case errors.Is(err, errNUL):
		return in.malformed(row, "there is a NUL byte", "it is not a text file, or UTF-16 without its mark: say its `encoding`")
	default:
		return (&connectors.SourceError{Reason: connectors.Network, File: in.Name, What: "it cannot be read to its end", Do: "pull again"}).Wrap(err)
	}
}
