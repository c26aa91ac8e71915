// Package http reads one reply of a web server: a CSV or JSON export.
//
// A reply is held in memory, compressed as it came and up to Limits.Body,
// until it is complete: a reply that breaks off is asked for again and no row
// of it is seen. Larger feeds come as files. A server that ends a reply early
// without saying so (HTTP/1.0, no length) is only found out by `total` or by
// the format, so CSV from such a server should have one.
package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"halftone/connectors"
	"halftone/connectors/format"
)

// Settings is what stands under `from: {http: …}`.
type Settings struct {
	// URL is https; http only to a host that `hosts` lists. No user or password
	// in it: those are headers.
	URL    string `yaml:"url" json:"url" jsonschema:"required"`
	Format string `yaml:"format,omitempty" json:"format,omitempty"` // as read.format; default by Content-Type, extension, content
	Rows   string `yaml:"rows,omitempty" json:"rows,omitempty"`     // JSON: path of the records, as read.rows
	Total  string `yaml:"total,omitempty" json:"total,omitempty"`   // JSON: path of the source's own count of rows
	// Headers are sent to the URL's own host only. A value, or its last word
	// (`Bearer env:TOKEN`), may be a secret reference; where a header is known
	// to carry secrets it has to be one.
	Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty"`
}

// Kind is the registry entry.
func Kind() connectors.Kind { return connectors.NewKind("http", open) }

func open(_ context.Context, env connectors.Env, s Settings) (connectors.Source, error) {
	if env.Clock == nil {
		return nil, errors.New("http: Env.Clock is not set")
	}
	layout, err := env.Layout.With(s.Format, s.Rows, s.Total)
	if err != nil {
		return nil, err
	}
	if err := format.Check(layout); err != nil {
		return nil, err
	}
	u, err := parseURL(s.URL)
	if err != nil {
		return nil, err
	}
	hosts, err := newPolicy(env.Hosts, u)
	if err != nil {
		return nil, err
	}
	if err := checkHeaders(s.Headers); err != nil {
		return nil, err
	}
	return &source{url: u, name: name(u), headers: s.Headers, hosts: hosts, layout: layout, env: env, stall: time.Minute}, nil
}

// parseURL never quotes the URL: its query may be a secret.
func parseURL(s string) (*url.URL, error) {
	bad := func(what, do string) (*url.URL, error) {
		return nil, &connectors.SettingError{Key: "url", What: what, Do: do}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return bad("it is not a URL", "write https://host/path")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return bad("it is not a web address", "write https://host/path")
	case u.User != nil:
		return bad("there is a user or password in it", "put them into `headers` as a secret reference")
	}
	for _, c := range []byte(u.Host) {
		if c >= 0x80 {
			return bad("the host is not ASCII", "write it in its xn-- form")
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// name is what messages may say of a URL.
func name(u *url.URL) string {
	last := path.Base(u.Path)
	if last == "." || last == "/" {
		last = ""
	}
	return u.Hostname() + "/" + last
}

// checkHeaders keeps secrets out of the configuration and framing out of reach.
func checkHeaders(headers map[string]string) error {
	for name, value := range headers {
		key := "headers." + name
		low := strings.ToLower(name)
		switch {
		case name == "" || strings.Trim(low, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			return &connectors.SettingError{Key: "headers", What: "a header's name has characters that are not allowed"}
		case slices.Contains([]string{"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "range", "te", "upgrade"}, low):
			return &connectors.SettingError{Key: key, What: "this header is the connector's own", Do: "leave it out"}
		case strings.ContainsAny(value, "\r\n\x00"):
			return &connectors.SettingError{Key: key, What: "there is a line break in the value"}
		}
		_, reference := splitReference(value)
		for _, word := range []string{"auth", "cookie", "key", "token", "secret", "password"} {
			if reference == "" && strings.Contains(low, word) {
				return &connectors.SettingError{Key: key, What: "a secret does not belong into the configuration", Do: "write env:NAME, file:PATH or credential:NAME"}
			}
		}
	}
	return nil
}

// splitReference parts `Bearer env:TOKEN` into what is sent as it is and what
// is resolved.
func splitReference(value string) (before, reference string) {
	i := strings.LastIndexByte(value, ' ') + 1
	if connectors.IsSecretReference(value[i:]) {
		return value[:i], value[i:]
	}
	return value, ""
}

type source struct {
	url     *url.URL
	name    string
	headers map[string]string
	hosts   policy
	layout  connectors.Layout
	env     connectors.Env
	stall   time.Duration // no byte for so long: the attempt has failed
}

var _ connectors.Source = (*source)(nil)

// Read asks for the reply and decodes it; since is not used.
func (s *source) Read(ctx context.Context, _ connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		r, err := s.fetch(ctx)
		if err != nil {
			yield(connectors.Page{}, err)
			return
		}
		layout := s.layout
		if layout.Format == "" {
			layout.Format = r.format
		}
		in := format.NewInput(s.env, s.name, layout, func() (io.Reader, error) { return r.open(s) })
		for p, err := range format.Pages(ctx, in) {
			if !yield(p, err) {
				return
			}
		}
	}
}

// fetch gives a complete reply, tried again where that may help.
func (s *source) fetch(ctx context.Context) (reply, error) {
	header, err := s.header(ctx)
	if err != nil {
		return reply{}, err
	}
	client, done := s.client(header)
	defer done()
	return connectors.Retry(ctx, s.env.Clock, s.env.Limits.Time, func(ctx context.Context) (reply, error) {
		return s.attempt(ctx, client, header)
	})
}

// header resolves the secrets, anew for each pull since they may be rotated.
func (s *source) header(ctx context.Context) (http.Header, error) {
	h := http.Header{}
	for name, value := range s.headers {
		before, reference := splitReference(value)
		if reference != "" {
			fail := &connectors.SourceError{Reason: connectors.Unsecured, File: s.name, Do: "set it, and see that a file is readable by its owner only",
				What: fmt.Sprintf("the secret for header %s cannot be had", http.CanonicalHeaderKey(name))}
			if s.env.Secret == nil {
				return nil, fail
			}
			secret, err := s.env.Secret(ctx, reference)
			if err != nil || strings.ContainsAny(secret, "\r\n\x00") {
				return nil, fail.Wrap(err)
			}
			before += secret
		}
		h.Set(name, before)
	}
	return h, nil
}
