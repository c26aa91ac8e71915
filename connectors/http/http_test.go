package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
	"halftone/connectors/connectortest"
)

func serve(t *testing.T, contentType string, body []byte, pack bool) connectortest.Setup {
	s := connectortest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		if pack {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(body)
			_ = z.Close()
			return
		}
		_, _ = w.Write(body)
	}))
	return connectortest.Setup{Env: s.Env(), Decode: connectortest.Settings(Settings{URL: s.URL + "/v1/data?key=" + connectortest.Canary})}
}

func TestConformance(t *testing.T) {
	t.Run("csv", func(t *testing.T) {
		connectortest.Run(t, connectortest.Harness{
			Kind: Kind(), FirstRow: 2,
			Serve: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "text/csv", table.CSV(), false)
			},
			Broken: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "text/csv", append(table.CSV(), connectortest.Canary...), false)
			},
		})
	})
	t.Run("json in gzip", func(t *testing.T) {
		connectortest.Run(t, connectortest.Harness{
			Kind: Kind(), FirstRow: 1,
			Serve: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "application/json", table.JSON(), true)
			},
			Broken: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "application/json", bytes.TrimSuffix(table.JSON(), []byte("}]")), true)
			},
		})
	})
}

func TestHostileServer(t *testing.T) {
	connectortest.RunHostile(t, connectortest.HTTPHarness{
		Kind: Kind(),
		Settings: func(url string) connectors.Decode {
			return connectortest.Settings(Settings{URL: url, Format: "csv", Headers: map[string]string{
				"Authorization": "Bearer env:TOKEN", "X-Api-Key": "env:TOKEN", "Accept": "text/csv"}})
		},
		Good: connectortest.MakeTable(100).CSV(),
		Type: "text/csv",
	})
}

func TestSettings(t *testing.T) {
	const canary = connectortest.Canary
	for _, c := range []struct {
		name  string
		s     Settings
		hosts []string
		key   string // of the error; empty: accepted
	}{
		{"plain", Settings{URL: "https://a.example/x.csv"}, nil, ""},
		{"listed", Settings{URL: "https://A.example./x.csv"}, []string{"a.example"}, ""},
		{"http listed", Settings{URL: "http://a.example/x.csv"}, []string{"a.example:80"}, ""},
		{"v6 listed", Settings{URL: "http://[::1]:8080/x.csv"}, []string{"[::1]:8080"}, ""},
		{"secret with scheme", Settings{URL: "https://a.example/", Headers: map[string]string{"Authorization": "Bearer env:T"}}, nil, ""},
		{"http not listed", Settings{URL: "http://a.example/x.csv"}, nil, "url"},
		{"http at another port", Settings{URL: "http://a.example/x.csv"}, []string{"a.example:81"}, "hosts"},
		{"own host not listed", Settings{URL: "https://a.example/x.csv"}, []string{"b.example"}, "hosts"},
		{"host with a scheme", Settings{URL: "https://a.example/x.csv"}, []string{"https://a.example"}, "hosts"},
		{"host with a star", Settings{URL: "https://a.example/x.csv"}, []string{"*.example"}, "hosts"},
		{"user", Settings{URL: "https://u:" + canary + "@a.example/"}, nil, "url"},
		{"not a URL", Settings{URL: "https://a b/" + canary}, nil, "url"},
		{"file URL", Settings{URL: "file:///etc/" + canary}, nil, "url"},
		{"no URL", Settings{}, nil, "url"},
		{"unicode host", Settings{URL: "https://bücher.example/"}, nil, "url"},
		{"literal secret", Settings{URL: "https://a.example/", Headers: map[string]string{"X-API-Key": canary}}, nil, "headers.X-API-Key"},
		{"header injection", Settings{URL: "https://a.example/", Headers: map[string]string{"Accept": "a\r\nb: c"}}, nil, "headers.Accept"},
		{"framing header", Settings{URL: "https://a.example/", Headers: map[string]string{"Host": "b"}}, nil, "headers.Host"},
		{"format", Settings{URL: "https://a.example/", Format: "xml"}, nil, "format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := connectors.Env{Columns: []string{"a"}, Hosts: c.hosts, Clock: connectortest.NewClock()}
			_, err := Kind().Open(t.Context(), env, connectortest.Settings(c.s))
			var e *connectors.SettingError
			switch {
			case c.key == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.key != "" && (!errors.As(err, &e) || e.Key != c.key):
				t.Errorf("got %v, want an error at %s", err, c.key)
			case err != nil && strings.Contains(err.Error(), canary):
				t.Errorf("it quotes a secret: %v", err)
			}
		})
	}
}

func TestSecretThatIsNotThere(t *testing.T) {
	for name, secret := range map[string]connectors.Secret{
		"no resolver":  nil,
		"fails":        func(context.Context, string) (string, error) { return "", errors.New(connectortest.Canary) },
		"line break":   func(context.Context, string) (string, error) { return "a\nb", nil },
		"was canceled": func(context.Context, string) (string, error) { return "", context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			env := connectors.Env{Columns: []string{"a"}, Clock: connectortest.NewClock(), Secret: secret}
			src, err := Kind().Open(t.Context(), env, connectortest.Settings(Settings{URL: "https://a.example/", Headers: map[string]string{"Authorization": "env:T"}}))
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range src.Read(t.Context(), "") {
				connectortest.CheckError(t, err, connectors.Unsecured)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "64:ff9b::808:808": true,
		"127.0.0.1": false, "127.9.9.9": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false,
		"255.255.255.255": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false, "fc00::1": false,
		"fd12::1": false, "::ffff:127.0.0.1": false, "::7f00:1": false, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false,
		"2002:7f00:1::": false, "2001:db8::1": false, "ff02::1": false,
	} {
		if got := public(netip.MustParseAddr(address).Unmap()); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func TestServerThatFallsSilentIsAskedAgain(t *testing.T) {
	tries := 0 // the attempts follow each other
	s := connectortest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			_, _ = w.Write([]byte("a\n1"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte("a\n1\n"))
	}))
	env := s.Env()
	env.Columns, env.Clock, env.Limits, env.Alloc = []string{"a"}, connectortest.NewClock(), connectors.DefaultLimits(), memory.DefaultAllocator
	src, err := open(t.Context(), env, Settings{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	src.(*source).stall = 50 * time.Millisecond
	rows := int64(0)
	for p, err := range src.Read(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		rows += p.Records.NumRows()
		p.Records.Release()
	}
	if rows != 1 || tries < 2 {
		t.Errorf("%d rows after %d attempts", rows, tries)
	}
}

func TestRedirectsAreCheckedByName(t *testing.T) {
	for _, c := range []struct {
		name  string
		hosts []string
		to    string
		ok    bool
	}{
		{"own host", nil, "https://a.example/y", true},
		{"own host at another port", nil, "https://a.example:8443/", false},
		{"own host without TLS", nil, "http://a.example/", false},
		{"other host", nil, "https://b.example/", false},
		{"other scheme", nil, "ftp://a.example/", false},
		{"listed host", []string{"a.example", "b.example"}, "https://B.example.:8443/", true},
		{"listed host without TLS", []string{"a.example", "b.example"}, "http://b.example/", true},
		{"listed at a port", []string{"a.example", "b.example:444"}, "https://b.example:444/", true},
		{"listed at another port", []string{"a.example", "b.example:444"}, "https://b.example/", false},
		{"host below a listed one", []string{"a.example"}, "https://x.a.example/", false},
		{"host that begins like a listed one", []string{"a.example"}, "https://a.example.evil.example/", false},
		{"own host when others are listed too", []string{"a.example", "b.example"}, "https://a.example/", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			own, _ := url.Parse("https://a.example/x")
			to, _ := url.Parse(c.to)
			p, err := newPolicy(c.hosts, own)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.permits(to); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

// tripper answers without a network.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestEndAfterCancelIsNoEnd: over TLS a server may see us hang up and end its
// reply in good order before our side is closed.
func TestEndAfterCancelIsNoEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u, _ := url.Parse("https://a.example/x")
	s := &source{url: u, name: "a.example/x", stall: time.Hour, env: connectors.Env{Limits: connectors.DefaultLimits()}}
	body := readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF })
	client := &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body), ContentLength: -1, Request: r}, nil
	})}
	if r, err := s.attempt(ctx, client, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got a reply of %d bytes, %v", len(r.body), err)
	}
}
