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
	head := &headWriter{}
	size, err := io.CopyBuffer(io.MultiWriter(digest, first, head), onlyReader{raw}, make([]byte, readBuffer))
	if err != nil {
		return in.fault(0, err)
	}
	item := connectors.Item{Name: in.Name, Digest: hex.EncodeToString(digest.Sum(nil))}
	open := true
	give := func(p connectors.Page) bool {
		p.Item = item
		open = page(p)
		return open
	}

	// 2. The same bytes again, hashed as they pass.
	binary, err := in.binary(head.b)
	if err != nil {
		return err
	}
	if binary != nil {
		raw, err = in.inPlace(ctx, *binary, size, give)
	} else {
		raw, err = in.asText(ctx, second, give)
	}
	if err != nil || !open {
		return err
	}

	// 3. What was decoded is what the digest says.
	if binary != nil {
		raw = io.TeeReader(raw, second)
	}
	if _, err := io.CopyBuffer(io.Discard, onlyReader{raw}, make([]byte, readBuffer)); err != nil {
		return in.fault(0, err)
	}
	if first.Sum64() != second.Sum64() {
		return in.changed()
	}
	return nil
}

func (in Input) changed() error {
	return &connectors.SourceError{Reason: connectors.Changed, File: in.Name, What: "the bytes changed while they were read", Do: "pull again when nothing writes to it"}
}

// asText decodes a format that is text, and gives what is left of the bytes.
func (in Input) asText(ctx context.Context, hash io.Writer, page func(connectors.Page) bool) (io.Reader, error) {
	raw, err := in.reader(ctx)
	if err != nil {
		return nil, err
	}
	raw = io.TeeReader(raw, hash)
	text, f, err := in.text(raw)
	if err != nil {
		return nil, err
	}
	if err := in.misplaced(f); err != nil {
		return nil, err
	}
	return raw, f.Decode(ctx, in, text, page)
}

// inPlace decodes a format that is not text, and gives the bytes to be hashed again.
func (in Input) inPlace(ctx context.Context, f Format, size int64, page func(connectors.Page) bool) (io.Reader, error) {
	if err := in.misplaced(f); err != nil {
		return nil, err
	}
	raw, err := in.Open()
	if err != nil {
		return nil, in.fault(0, err)
	}
	if at, ok := raw.(seekable); ok {
		if err := f.DecodeBytes(ctx, in, at, size, page); err != nil {
			return nil, err
		}
		return in.reader(ctx)
	}
	if size > in.Limits.Body {
		return nil, &connectors.SourceError{Reason: connectors.Limit, File: in.Name, What: "it is larger than the limit on what is held in memory", Do: "have it delivered as a file by itself"}
	}
	// One byte more than it had is enough to see that it has grown.
	body, err := io.ReadAll(&boundedReader{ctx: ctx, r: io.LimitReader(raw, size+1), left: size + 1})
	if err != nil {
		return nil, in.fault(0, err)
	}
	if int64(len(body)) != size {
		return nil, in.changed()
	}
	return bytes.NewReader(body), f.DecodeBytes(ctx, in, bytes.NewReader(body), size, page)
}

// seekable is a file, or bytes in memory.
type seekable interface {
	io.ReaderAt
	io.Seeker
}

// headWriter keeps the first bytes that pass.
type headWriter struct{ b []byte }

func (h *headWriter) Write(p []byte) (int, error) {
	if room := 16 - len(h.b); room > 0 {
		h.b = append(h.b, p[:min(room, len(p))]...)
	}
	return len(p), nil
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

// choose takes what the configuration says, else the extension, else the
// content, among the formats that are text.
func (in Input) choose(head []byte) Format {
	all := All()
	ext := strings.ToLower(path.Ext(in.Name))
	for _, f := range all {
		if f.Decode != nil && (f.Name == in.Layout.Format || in.Layout.Format == "" && slices.Contains(f.Extensions, ext)) {
			return f
		}
	}
	name := "csv"
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		name = "json"
	}
	return all[slices.IndexFunc(all, func(f Format) bool { return f.Name == name })]
}

// binary finds the format of content that is no text by its first bytes, which
// no extension outweighs: agencies rename files. Nil: it is text.
func (in Input) binary(head []byte) (*Format, error) {
	for _, f := range All() {
		if f.Decode != nil || !bytes.HasPrefix(head, []byte(f.Magic)) {
			if f.Name == in.Layout.Format && f.Decode == nil {
				return nil, in.malformed(0, "this is not "+f.Name, "see what it is: `format` says otherwise")
			}
			continue
		}
		if said := in.Layout.Format; said != "" && said != f.Name {
			return nil, in.malformed(0, "this is "+f.Name+" or something like it", "see what it is: `format` says otherwise")
		}
		return &f, nil
	}
	for _, m := range []struct{ magic, what string }{{"\x1f\x8b", "compressed (gzip)"}, {"%PDF", "a PDF"}} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return nil, in.malformed(0, "this is "+m.what, "export it as CSV in UTF-8")
		}
	}
	return nil, nil
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
	case ended(err):
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

// ended reports whether err is that of a context.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
