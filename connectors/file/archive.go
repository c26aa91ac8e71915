package file

import (
	"archive/zip"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"halftone/connectors"
	"halftone/connectors/format"
)

// archive opens a file that is a zip archive and no workbook, which is one, too.
func (p *pull) archive(name string, f *os.File) (*format.Archive, error) {
	var magic [4]byte
	if n, _ := f.ReadAt(magic[:], 0); n < len(magic) || string(magic[:]) != "PK\x03\x04" || p.layout.Format == "xlsx" {
		return nil, nil
	}
	st, err := f.Stat()
	if err != nil {
		return nil, fault(name, err)
	}
	a, err := format.OpenArchive(p.ctx, format.NewInput(p.env, name, p.layout, nil), f, st.Size())
	if err != nil || format.IsWorkbook(a.Files) {
		return nil, err
	}
	return a, nil
}

// unpack yields the pages of the wanted entries, in order of their names. An
// archive within an archive is not opened.
func (p *pull) unpack(name string, a *format.Archive) bool {
	entries := map[string]*zip.File{}
	for _, f := range a.Files {
		at := clean(f.Name)
		if !p.wanted(at) || strings.HasSuffix(f.Name, "/") {
			continue
		}
		if entries[at] != nil {
			return p.stop(&connectors.SourceError{Reason: connectors.Malformed, File: name, What: "the archive has two entries of the same name", Do: "ask the agency which one holds"})
		}
		entries[at] = f
	}
	if len(entries) == 0 {
		return p.stop(&connectors.SourceError{Reason: connectors.NotFound, File: name, What: "no entry of the archive is to be read", Do: "check `entries`"})
	}
	names := make([]string, 0, len(entries))
	for at := range entries {
		names = append(names, at)
	}
	slices.Sort(names)
	for _, at := range names {
		if !p.entry(name+"/"+at, a, entries[at]) {
			return false
		}
	}
	return true
}

func (p *pull) entry(name string, a *format.Archive, f *zip.File) bool {
	var last io.Closer
	done := func() {
		if last != nil {
			_ = last.Close() // whoever reads to the end has seen any fault
		}
	}
	defer func() { done() }()
	return p.item(name, func() (io.Reader, error) {
		done()
		r, err := a.Open(f)
		if err != nil {
			last = nil
			return nil, err
		}
		last = r
		return r, nil
	})
}

// clean makes a name that says where an entry stands in the archive and
// nothing else: it leads out of no folder and forges no line.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, name)
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// wanted reports whether an entry is to be read. What programs leave beside the
// files that somebody packed is none.
func (p *pull) wanted(at string) bool {
	base := path.Base(at)
	if at == "" || strings.HasPrefix(at, "__MACOSX/") || strings.HasPrefix(base, ".") {
		return false
	}
	if p.entries == "" {
		return true
	}
	if strings.Contains(p.entries, "/") {
		base = at
	}
	ok, err := path.Match(p.entries, base)
	return ok && err == nil
}
