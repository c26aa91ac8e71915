package connectortest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"halftone/connectors"
)

// Token is the secret that the hostile server hopes to get.
const Token = "s3cret" + Canary

// Server is a TLS server on loopback, its own certificate authority.
type Server struct {
	*httptest.Server
	CAs *x509.CertPool
}

// NewServer starts a server that ends with the test.
func NewServer(t testing.TB, h http.Handler) Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	cas := x509.NewCertPool()
	cas.AddCert(s.Certificate())
	return Server{s, cas}
}

// Env lists the server among the hosts and accepts its certificate.
func (s Server) Env() connectors.Env {
	return connectors.Env{Hosts: []string{s.Listener.Addr().String()}, RootCAs: s.CAs}
}

// An HTTPHarness opens one kind of connector on any URL, with Authorization
// from the reference env:TOKEN.
type HTTPHarness struct {
	Kind     connectors.Kind
	Settings func(url string) connectors.Decode
	Good     []byte // a reply that the connector accepts, as text
	Type     string // its Content-Type
}

// open opens the connector on path of the server.
func (h HTTPHarness) open(t testing.TB, s Server, path string, change func(*connectors.Env)) connectors.Source {
	env := s.Env()
	env.Columns, env.Clock = Wanted, NewClock()
	env.Secret = func(context.Context, string) (string, error) { return Token, nil }
	env.Limits = connectors.Limits{Body: 1 << 20, Bytes: 8 << 20, Ratio: 50, Time: time.Minute}
	if change != nil {
		change(&env)
	}
	src, err := h.Kind.Open(t.Context(), env, h.Settings(s.URL+path))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// RunHostile lets the connector meet a server that does everything wrong.
func RunHostile(t *testing.T, h HTTPHarness) {
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		reason connectors.Reason
		tries  int32
		change func(*connectors.Env)
	}{
		{"truncated body", h.truncated, connectors.Short, connectors.Attempts, nil},
		{"wrong Content-Length", h.wrongLength, connectors.Short, connectors.Attempts, nil},
		{"slow drip", drip, connectors.Limit, 1, func(e *connectors.Env) { e.Limits.Time = 200 * time.Millisecond }},
		{"HTML with 200", markup("text/html; charset=utf-8"), connectors.Status, 1, nil},
		{"HTML that says it is data", markup(h.Type), connectors.Status, 1, nil},
		{"data that says it is HTML", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(h.Good)
		}, connectors.Status, 1, nil},
		{"gzip bomb", h.bomb, connectors.Limit, 1, nil},
		{"broken gzip", h.brokenGzip, connectors.Malformed, 1, nil},
		{"unasked compression", h.brotli, connectors.Malformed, 1, nil},
		{"endless body", endless, connectors.Limit, 1, nil},
		{"huge header", hugeHeader, connectors.Network, connectors.Attempts, nil},
		{"not found", status(404), connectors.Status, 1, nil},
		{"no content", status(204), connectors.Status, 1, nil},
		{"partial content", status(206), connectors.Status, 1, nil},
		{"refused", status(403), connectors.Status, 1, nil},
		{"always failing", status(503), connectors.Status, connectors.Attempts, nil},
		{"busy for longer than we may wait", busy("90"), connectors.Status, 1, nil},
		{"redirect to cloud metadata", redirect("http://169.254.169.254/latest/" + Canary), connectors.Refused, 1, nil},
		{"redirect to loopback", redirect("https://127.0.0.1:1/" + Canary), connectors.Refused, 1, nil},
		{"redirect to localhost by name", redirect("https://localhost/?q=" + Canary), connectors.Refused, 1, nil},
		{"redirect to plain http", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
		}, connectors.Refused, 1, nil},
		{"redirect loop", redirect("/again"), connectors.Refused, 6, nil},
		{"hang up", hangUp, connectors.Network, connectors.Attempts, nil},
		{"unknown certificate", status(200), connectors.Refused, 0, func(e *connectors.Env) { e.RootCAs = x509.NewCertPool() }},
		{"loopback that is not listed", status(200), connectors.Refused, 0, func(e *connectors.Env) { e.Hosts = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tries atomic.Int32
			s := NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				c.handle(w, r)
			}))
			s.Config.ErrorLog = discard()
			rows, errs := read(t, h.open(t, s, "/data?secret="+Canary, c.change))
			if len(errs) != 1 || len(rows) > 0 && c.reason != connectors.Limit {
				t.Fatalf("%d rows, errors %v", len(rows), errs)
			}
			CheckError(t, errs[0], c.reason)
			if n := tries.Load(); n != c.tries {
				t.Errorf("asked %d times, want %d", n, c.tries)
			}
		})
	}
	t.Run("Retry-After is honoured", h.retryAfter)
	t.Run("a secret goes to its own host only", h.foreignRedirect)
	t.Run("cancel during a drip", h.cancelDrip)
}

func (h HTTPHarness) good(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", h.Type)
	_, _ = w.Write(h.Good)
}

// raw answers by hand and closes the connection.
func raw(w http.ResponseWriter, answer string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err) // HTTP/1 only: the server offers no HTTP/2
	}
	defer c.Close()
	_, _ = io.WriteString(c, answer)
	if tc, ok := c.(interface{ NetConn() net.Conn }); ok {
		_ = tc.NetConn().Close()
	}
}

func (h HTTPHarness) truncated(w http.ResponseWriter, _ *http.Request) {
	half := h.Good[:len(h.Good)/2]
	raw(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: %s\r\n\r\n%x\r\n%s\r\n", h.Type, len(half), half))
}

func (h HTTPHarness) wrongLength(w http.ResponseWriter, _ *http.Request) {
	raw(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n%s", len(h.Good)+100, h.Type, h.Good))
}

// drip sends a byte and then nothing, until the client goes.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, " ")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func markup(contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, "\n <!DOCTYPE html><html><title>"+Canary+"</title></html>")
	}
}

func (h HTTPHarness) bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", h.Type)
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(h.Good) // so that nothing but its size is wrong
	blank := bytes.Repeat([]byte("\n"), 1<<16)
	for range 64 {
		_, _ = z.Write(blank)
	}
	_ = z.Close()
}

func (h HTTPHarness) brokenGzip(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(h.Good)
	_ = z.Close()
	w.Header().Set("Content-Type", h.Type)
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(b.Bytes()[:b.Len()-6])
}

func (h HTTPHarness) brotli(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Encoding", "br")
	h.good(w, r)
}

func endless(w http.ResponseWriter, r *http.Request) {
	line := []byte(strings.Repeat("x", 1<<15) + "\n")
	for r.Context().Err() == nil {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

func hugeHeader(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Huge", strings.Repeat(Canary, 1<<15))
	w.WriteHeader(http.StatusOK)
}

func hangUp(w http.ResponseWriter, _ *http.Request) { raw(w, "") }

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		if code != http.StatusNoContent {
			_, _ = io.WriteString(w, Canary)
		}
	}
}

func busy(after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}
