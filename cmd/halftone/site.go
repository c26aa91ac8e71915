package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
)

// A site serves the public folder and nothing beside it: no hidden file, no
// link that leads out. It answers GET and HEAD, ranges too.
type site struct {
	root  *os.Root
	files http.Handler
}

func newSite(public string) (*site, error) {
	if err := makeFolder(public); err != nil {
		return nil, fmt.Errorf("public folder: %w", err)
	}
	root, err := os.OpenRoot(public)
	if err != nil {
		return nil, fmt.Errorf("public folder: %w", err)
	}
	return &site{root, http.FileServerFS(visible{root.FS()})}, nil
}

func (s *site) close() error { return s.root.Close() }

// ServeHTTP implements [http.Handler].
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	// Pages are self-contained: style inline, no script, nothing from elsewhere.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Access-Control-Allow-Origin", "*") // the data are public: notebooks in browsers may read them
	h.Set("Cache-Control", "no-cache")
	if strings.Contains(r.URL.Path, "/versions/") {
		h.Set("Cache-Control", "public, max-age=3600")
	}
	if t, ok := types[path.Ext(r.URL.Path)]; ok {
		h.Set("Content-Type", t)
	}
	s.files.ServeHTTP(w, r)
}

// types are those that a small machine's MIME table may lack.
var types = map[string]string{
	".csv": "text/csv; charset=utf-8", ".parquet": "application/vnd.apache.parquet", ".jsonl": "application/jsonl",
	".cff": "text/yaml; charset=utf-8", ".md": "text/markdown; charset=utf-8",
}

// visible hides names that begin with a dot: unfinished versions.
type visible struct{ fs.FS }

func (v visible) Open(name string) (fs.File, error) {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	f, err := v.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if d, ok := f.(fs.ReadDirFile); ok && info.IsDir() {
		return visibleDir{d}, nil
	}
	return f, nil // a plain file can seek: ranges need it
}

type visibleDir struct{ fs.ReadDirFile }

func (d visibleDir) ReadDir(n int) ([]fs.DirEntry, error) {
	all, err := d.ReadDirFile.ReadDir(n)
	var out []fs.DirEntry
	for _, e := range all {
		if !strings.HasPrefix(e.Name(), ".") {
			out = append(out, e)
		}
	}
	return out, err
}
