package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"halftone/connectors"
)

// headerBytes is far above what servers send and far below what harms.
const headerBytes = 64 << 10

// client makes the client of one pull; done closes its connections. It takes
// no proxy from the environment: the address check would see the proxy's.
func (s *source) client(header http.Header) (*http.Client, func()) {
	t := &http.Transport{
		DialContext:            s.hosts.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.env.RootCAs},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // we ask for gzip ourselves, to bound it
		MaxResponseHeaderBytes: headerBytes,
	}
	return &http.Client{Transport: t, CheckRedirect: s.redirect(header)}, t.CloseIdleConnections
}

// A reply is complete and has status 200.
type reply struct {
	body   []byte
	gzip   bool
	format string // by Content-Type, or empty
}

var errStalled = errors.New("no byte for too long")

// attempt asks once.
func (s *source) attempt(ctx context.Context, client *http.Client, header http.Header) (reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alive := time.AfterFunc(s.stall, func() { cancel(errStalled) })
	defer alive.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.String(), nil)
	if err != nil {
		return reply{}, s.fail(connectors.Network, "the request cannot be made", "check `url`")
	}
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", "halftone")
	maps.Copy(req.Header, header)
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, s.failure(ctx, err)
	}
	defer resp.Body.Close()
	alive.Reset(s.stall)
	if err := s.status(resp); err != nil {
		return reply{}, err
	}
	r, err := s.describe(resp)
	if err != nil {
		return reply{}, err
	}
	if resp.ContentLength > s.env.Limits.Body {
		return reply{}, s.tooLarge()
	}
	limited := io.LimitReader(resp.Body, s.env.Limits.Body+1)
	r.body, err = io.ReadAll(readerFunc(func(p []byte) (int, error) {
		alive.Reset(s.stall)
		return limited.Read(p)
	}))
	switch {
	// A server that sees us hang up may end its reply in good order, and we may
	// still read that end: what came after ctx ended is no complete reply.
	case err != nil || ctx.Err() != nil:
		return reply{}, s.failure(ctx, err)
	case int64(len(r.body)) > s.env.Limits.Body:
		return reply{}, s.tooLarge()
	}
	return r, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (s *source) fail(r connectors.Reason, what, do string) *connectors.SourceError {
	return &connectors.SourceError{Reason: r, File: s.name, What: what, Do: do}
}

func (s *source) tooLarge() error {
	return s.fail(connectors.Limit, "the reply is larger than the limit", "ask for a smaller extract, or have it delivered as a file")
}

// failure classifies what went wrong below HTTP. It keeps no foreign text: a
// url.Error quotes the whole URL.
func (s *source) failure(ctx context.Context, err error) error {
	var own *connectors.SourceError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &own):
		named := *own
		named.File = s.name
		return &named
	case errors.Is(context.Cause(ctx), errStalled):
		return &connectors.Retryable{Err: s.fail(connectors.Network, "the server fell silent", "pull again later")}
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &cert), errors.As(err, &authority):
		return s.fail(connectors.Refused, "the server's certificate is not accepted", "ask the agency to renew it; it is never skipped")
	case errors.As(err, &record):
		return s.fail(connectors.Refused, "the server does not speak TLS there", "check scheme and port of `url`")
	case errors.As(err, &dns) && dns.IsNotFound:
		return s.fail(connectors.NotFound, "there is no host of that name", "check `url`")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &connectors.Retryable{Err: s.fail(connectors.Short, "the reply broke off", "pull again later")}
	default:
		return &connectors.Retryable{Err: s.fail(connectors.Network, "the server cannot be reached or broke off", "check the network, pull again later")}
	}
}

// status accepts 200 only: 204 and 206 hold no data or a part of it.
func (s *source) status(resp *http.Response) error {
	code := resp.StatusCode
	if code == http.StatusOK {
		return nil
	}
	e := s.fail(connectors.Status, fmt.Sprintf("the server answered %d", code), "check `url`")
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Do = "check the secret and what it may read"
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		e.Do = "pull again later"
		return &connectors.Retryable{Err: e, After: s.retryAfter(resp.Header.Get("Retry-After"))}
	}
	return e
}

// retryAfter reads seconds or a date.
func (s *source) retryAfter(v string) time.Duration {
	if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(s.env.Clock.Now()))
	}
	return 0
}

// describe reads the headers that say what the body is.
func (s *source) describe(resp *http.Response) (reply, error) {
	var r reply
	switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		r.gzip = true
	default:
		return r, s.fail(connectors.Malformed, "the reply is compressed in a way that was not asked for", "tell the agency")
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return r, nil //nolint:nilerr // a type that cannot be read is none: the content says what it is
	}
	switch {
	case media == "text/html", media == "application/xhtml+xml":
		return r, s.fail(connectors.Status, "the server answered with a web page and not with data", "often a login or error page: check the address and the access")
	case media == "application/json", strings.HasSuffix(media, "+json"):
		r.format = "json"
	case media == "application/jsonl", media == "application/x-ndjson":
		r.format = "jsonl"
	case media == "application/vnd.sdmx.data+csv":
		r.format = "sdmx-csv"
	case media == "text/csv":
		r.format = "csv"
	case media == "text/tab-separated-values":
		r.format = "tsv"
	}
	return r, nil
}

// open gives the body, decompressed within Limits.Ratio. A small reply may
// have any ratio: a megabyte harms nobody.
func (r reply) open(s *source) (io.Reader, error) {
	if !r.gzip {
		return bytes.NewReader(r.body), nil
	}
	corrupt := s.fail(connectors.Malformed, "the compressed reply is damaged", "pull again")
	z, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		return nil, corrupt
	}
	left := max(1<<20, s.env.Limits.Ratio*int64(len(r.body)))
	return readerFunc(func(p []byte) (int, error) {
		n, err := z.Read(p)
		if left -= int64(n); left < 0 {
			return 0, s.fail(connectors.Limit, "the reply unpacks to much more than it is", "it looks like an attack: tell the agency")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			err = corrupt
		}
		return n, err
	}), nil
}
