package connectortest

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"halftone/connectors"
)

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

func (h HTTPHarness) retryAfter(t *testing.T) {
	for _, c := range []struct {
		name, after string
		least       time.Duration
	}{
		{"seconds", "7", 7 * time.Second},
		{"date", NewClock().Now().Add(9 * time.Second).Format(http.TimeFormat), 9 * time.Second},
		{"nonsense", "soon", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tries atomic.Int32
			s := NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 1 {
					busy(c.after)(w, r)
					return
				}
				h.good(w, r)
			}))
			clock := NewClock()
			rows, errs := read(t, h.open(t, s, "/data", func(e *connectors.Env) { e.Clock = clock }))
			if len(errs) > 0 || len(rows) == 0 {
				t.Fatalf("%d rows, errors %v", len(rows), errs)
			}
			if slept := clock.Slept(); len(slept) != 1 || slept[0] < c.least {
				t.Errorf("waited %v, want once, %v or more", slept, c.least)
			}
		})
	}
}

// foreignRedirect lists two hosts and lets the first lead to the second.
func (h HTTPHarness) foreignRedirect(t *testing.T) {
	var leaked atomic.Bool
	var asked atomic.Int32
	other := NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		for _, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), Canary) {
				leaked.Store(true)
			}
		}
		h.good(w, r)
	}))
	first := NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), Token) {
			t.Error("its own host did not get the secret")
		}
		http.Redirect(w, r, other.URL+"/data", http.StatusTemporaryRedirect)
	}))
	rows, errs := read(t, h.open(t, first, "/data?q="+Canary, func(e *connectors.Env) {
		e.Hosts = append(e.Hosts, other.Listener.Addr().String())
		e.RootCAs.AddCert(other.Certificate())
	}))
	if len(errs) > 0 || len(rows) == 0 || asked.Load() != 1 {
		t.Fatalf("%d rows, asked %d times, errors %v", len(rows), asked.Load(), errs)
	}
	if leaked.Load() {
		t.Error("another host got the secret, or the first URL with its query")
	}
}

func (h HTTPHarness) cancelDrip(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		drip(w, r)
	}))
	n := 0
	for _, err := range h.open(t, s, "/data", nil).Read(ctx, "") {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d yields, want one error", n)
	}
}
