package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"halftone/pipeline/config"
)

// pair makes two datasets, first and second, on one state and public folder.
func pair(t *testing.T, more string) (first, second Line, clock *testClock) {
	t.Helper()
	data := map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n2026-02,S,60\n"}
	named := func(name string) string { return strings.Replace(base, "dataset: made-up", "dataset: "+name, 1) + more }
	first, clock = made(t, named("first"), data)
	second, _ = made(t, named("second"), data)
	second.State, second.Public, second.Clock = first.State, first.Public, clock
	first.Others, second.Others = []config.Dataset{second.Dataset}, []config.Dataset{first.Dataset}
	return first, second, clock
}

// Each dataset has its own account and version names; the front page shows the
// newest version of both, whoever has published last.
func TestInstance(t *testing.T) {
	first, second, _ := pair(t, "")
	cards := func() string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(first.Public, "index.html"))
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, want := range []string{"first/latest/", "second/latest/", "2026.03-1,", "2026.03-2,", "2026.03-3,"} {
			if strings.Contains(string(b), want) {
				found = append(found, want)
			}
		}
		return strings.Join(found, " ")
	}
	for _, step := range []struct {
		line              Line
		version, released string
		cards             string
	}{
		{first, "2026.03-1", "2026-01 2026-02", "first/latest/ 2026.03-1,"},
		{second, "2026.03-1", "2026-01 2026-02", "first/latest/ second/latest/ 2026.03-1,"},
		{second, "2026.03-2", "", "first/latest/ second/latest/ 2026.03-1, 2026.03-2,"},
		{second, "2026.03-3", "", "first/latest/ second/latest/ 2026.03-1, 2026.03-3,"},
		{first, "2026.03-2", "", "first/latest/ second/latest/ 2026.03-2, 2026.03-3,"},
	} {
		res, err := step.line.Run(t.Context(), RunOptions{Compose: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := cards(); res.Version.Name != step.version || periods(res.Released) != step.released || got != step.cards {
			t.Errorf("%s: version %s, released %q, cards %s", step.line.Dataset.Name, res.Version.Name, periods(res.Released), got)
		}
	}
	for _, l := range []Line{first, second} {
		b, err := l.Budget(t.Context())
		if err != nil || len(b.Charges) != 2 || b.Account.PersonCost != 1e9 {
			t.Errorf("%s: %+v, %v", l.Dataset.Name, b.Account, err)
		}
		s, err := l.Status(t.Context())
		if err != nil || s.Witnesses != 5 || s.Locked != nil {
			t.Errorf("%s: %d witnesses, %v, %v", l.Dataset.Name, s.Witnesses, s.Locked, err)
		}
	}
}

// A dataset that the instance does not list has no business in its ledger.
func TestInstanceRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(first, second Line) Line
		want string
	}{
		{"renamed", func(first, _ Line) Line {
			first.Dataset.Name = "third"
			return first
		}, "dataset of another name, first"},
		{"left out", func(_, second Line) Line {
			second.Others = nil
			return second
		}, "dataset of another name, first"},
		{"has a ledger from before", func(_, second Line) Line {
			alone := second
			alone.State, alone.Public, alone.Others = filepath.Join(second.Data, OwnState), filepath.Join(second.Data, "public"), nil
			if _, err := alone.Run(t.Context(), RunOptions{}); err != nil {
				t.Fatal(err)
			}
			return second
		}, "ledger of its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, second, _ := pair(t, "")
			if _, err := first.Run(t.Context(), RunOptions{}); err != nil {
				t.Fatal(err)
			}
			l := tt.make(first, second)
			if _, err := l.Run(t.Context(), RunOptions{}); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Error(err)
			}
			if b, err := first.Budget(t.Context()); err != nil || len(b.Charges) != 2 {
				t.Errorf("%d charges, %v", len(b.Charges), err)
			}
		})
	}
}

// Daemons of one instance run one after the other: one that waits is well, and
// its occurrence counts as in time however long the other's run has taken.
func TestDaemonsTakeTurns(t *testing.T) {
	_, l, clock := pair(t, "schedule: {cron: \"0 6 12 * *\", timezone: UTC, missed: skip}\n")
	waits := make(chan struct{})
	d, err := NewDaemon(l, func(format string, _ ...any) {
		if strings.Contains(format, "waits") {
			close(waits)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	Together([]*Daemon{d})
	if err := d.Tick(t.Context()); err != nil { // the first start
		t.Fatal(err)
	}
	clock.set(t, "2026-04-12 06:00")
	ended := make(chan error)
	d.turn <- struct{}{} // another is at work
	go func() { ended <- d.Tick(t.Context()) }()
	select {
	case <-waits:
	case err := <-ended:
		t.Fatal("it did not wait", err)
	}
	clock.set(t, "2026-04-12 11:00")
	if err := d.Health(); err != nil {
		t.Error(err)
	}
	<-d.turn
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if b, err := l.Budget(t.Context()); err != nil || len(b.Charges) != 3 {
		t.Errorf("%d charges, %v", len(b.Charges), err)
	}
	if len(d.turn) != 0 {
		t.Error("it keeps its turn")
	}
	// Whoever waits can be stopped.
	clock.set(t, "2026-05-12 06:00")
	waits = make(chan struct{})
	d.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- d.Tick(ctx) }()
	select {
	case <-waits:
	case err := <-ended:
		t.Fatal("it did not wait", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
