package connectors_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"halftone/connectors"
	"halftone/connectors/connectortest"
)

func TestRetry(t *testing.T) {
	fail := errors.New("fail")
	passing := func(after time.Duration) error { return &connectors.Retryable{Err: fail, After: after} }
	for _, c := range []struct {
		name   string
		budget time.Duration
		errs   []error // of the attempts; beyond them it succeeds
		tries  int
		ok     bool
		least  time.Duration // of all waits
	}{
		{"succeeds", time.Hour, nil, 1, true, 0},
		{"fails for good", time.Hour, []error{fail}, 1, false, 0},
		{"passes", time.Hour, []error{passing(0), passing(0)}, 3, true, 0},
		{"waits as long as asked", time.Hour, []error{passing(40 * time.Second), passing(time.Minute)}, 3, true, 100 * time.Second},
		{"not longer than it may", time.Minute, []error{passing(61 * time.Second)}, 1, false, 0},
		{"budget counts waits", time.Minute, []error{passing(40 * time.Second), passing(40 * time.Second)}, 2, false, 40 * time.Second},
		{"gives up", time.Hour, []error{passing(0), passing(0), passing(0), passing(0), passing(0), passing(0)}, connectors.Attempts, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock, tries := connectortest.NewClock(), 0
			got, err := connectors.Retry(t.Context(), clock, c.budget, func(context.Context) (int, error) {
				if tries++; tries <= len(c.errs) {
					return 0, c.errs[tries-1]
				}
				return 42, nil
			})
			if tries != c.tries || (err == nil) != c.ok || c.ok && got != 42 || !c.ok && err != fail {
				t.Errorf("%d after %d attempts, %v", got, tries, err)
			}
			var sum time.Duration
			for _, d := range clock.Slept() {
				sum += d
			}
			if sum < c.least || len(clock.Slept()) != tries-1 {
				t.Errorf("waited %v", clock.Slept())
			}
		})
	}
}

// TestRetryJitter: wait n is spread over [0, min(2^n, 60) seconds]. A fixed
// wait would fail the spread, an unbounded one the bound; over 200 draws the
// chance that one side of the middle stays empty is 2^-199.
func TestRetryJitter(t *testing.T) {
	var low, high int
	for range 200 {
		clock := connectortest.NewClock()
		_, _ = connectors.Retry(t.Context(), clock, time.Hour, func(context.Context) (int, error) {
			return 0, &connectors.Retryable{Err: errors.New("x")}
		})
		for n, d := range clock.Slept() {
			if d < 0 || d > min(time.Second<<n, time.Minute)+1 {
				t.Fatalf("wait %d is %v", n, d)
			}
		}
		if clock.Slept()[0] < time.Second/2 {
			low++
		} else {
			high++
		}
	}
	if low == 0 || high == 0 {
		t.Errorf("%d low, %d high", low, high)
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	_, err := connectors.Retry(ctx, connectortest.NewClock(), time.Hour, func(context.Context) (int, error) {
		tries++
		cancel()
		return 0, &connectors.Retryable{Err: errors.New("x")}
	})
	if tries != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d attempts, %v", tries, err)
	}
}

func TestSecrets(t *testing.T) {
	const value = connectortest.Token
	dir := t.TempDir()
	write := func(name, body string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(body), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("good", value+"\r\n", 0o600)
	write("open", value, 0o640)
	write("empty", "\n", 0o600)
	write("large", strings.Repeat(value, 1<<14), 0o600)
	secret := connectors.Secrets(dir, func(name string) (string, bool) {
		v, ok := map[string]string{"T": value, "CREDENTIALS_DIRECTORY": dir, "EMPTY": ""}[name]
		return v, ok
	})
	for reference, ok := range map[string]bool{
		"env:T": true, "file:good": true, "file:" + filepath.Join(dir, "good"): true, "credential:good": true,
		"env:ABSENT": false, "env:EMPTY": false, "file:open": false, "file:empty": false, "file:absent": false, "file:.": false,
		"file:large": false, "credential:../" + filepath.Base(dir) + "/good": false, value: false, "": false,
	} {
		got, err := secret(t.Context(), reference)
		if ok != (err == nil) || ok && got != value {
			t.Errorf("%s: %q, %v", reference, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), value) || strings.Contains(err.Error(), dir)) {
			t.Errorf("%s: it gives something away: %v", reference, err)
		}
		if reference != "" && reference != value && !connectors.IsSecretReference(reference) {
			t.Errorf("%s is no reference", reference)
		}
	}
}
