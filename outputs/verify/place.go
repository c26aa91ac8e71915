package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Limits of what is read, so that a hostile place cannot fill the memory.
const (
	maxFile  = 1 << 30
	maxTotal = 4 << 30
	maxFiles = 20000
	maxTime  = 2 * time.Minute // of one file over HTTP
)

// A place is a folder to read from: on disk, in memory, or behind a web server.
type place interface {
	read(ctx context.Context, name string) ([]byte, error) // fs.ErrNotExist where there is none
	list(ctx context.Context) ([]string, error)            // errNoList where a place cannot say
	below(name string) place
}

var errNoList = errors.New("this place does not list its files")

type folder struct {
	fsys fs.FS
	dir  string // "." for the whole
}

func (f folder) below(name string) place { return folder{f.fsys, path.Join(f.dir, name)} }

func (f folder) read(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	r, err := f.fsys.Open(path.Join(f.dir, name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	info, err := r.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrInvalid
	}
	return readLimited(r)
}

func readLimited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(b) > maxFile {
		return nil, errors.New("larger than 1 GiB")
	}
	return b, err
}

// list returns all that is not a folder, so that a link is seen as a file that
// nobody has listed or as one that cannot be read.
func (f folder) list(ctx context.Context) ([]string, error) {
	var names []string
	err := fs.WalkDir(f.fsys, f.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if len(names) == maxFiles {
			return errors.New("too many files")
		}
		names = append(names, strings.TrimPrefix(p, strings.TrimPrefix(f.dir+"/", "./")))
		return ctx.Err()
	})
	if errors.Is(err, fs.ErrNotExist) && len(names) == 0 { // a file system that opens files only
		return nil, errNoList
	}
	return names, err
}

type website struct {
	client *http.Client
	base   *url.URL
}

func newWebsite(raw string, client *http.Client) (website, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return website{}, errors.New("verify: want an http or https address without a password in it")
	}
	u.RawQuery, u.Fragment = "", ""
	own := http.Client{}
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > 5 || r.URL.Host != via[0].URL.Host {
			return errors.New("a redirect to another host")
		}
		return nil
	}
	return website{&own, u}, nil
}

func (w website) below(name string) place { return website{w.client, w.base.JoinPath(name)} }

func (w website) list(context.Context) ([]string, error) { return nil, errNoList }

func (w website) read(ctx context.Context, name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base.JoinPath(name).String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := w.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusOK:
		return readLimited(answer.Body)
	case http.StatusNotFound, http.StatusGone:
		return nil, fs.ErrNotExist
	}
	return nil, fmt.Errorf("the server answers %s", answer.Status)
}
