package schedule

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func TestNext(t *testing.T) {
	for name, tc := range map[string]struct{ line, zone, after, local, utc string }{
		"plain":                         {"0 6 22 * *", "Africa/Ndjamena", "2026-11-01T00:00:00Z", "2026-11-22T06:00", "2026-11-22T05:00:00Z"},
		"strictly after":                {"0 6 22 * *", "Africa/Ndjamena", "2026-11-22T05:00:00Z", "2026-12-22T06:00", "2026-12-22T05:00:00Z"},
		"midnight that Cairo skips":     {"0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-24T00:00", "2026-04-23T22:00:00Z"},
		"in the gap of Berlin":          {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T02:30", "2026-03-29T01:00:00Z"},
		"twice in autumn: the first":    {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:30", "2026-10-25T00:30:00Z"},
		"after the first: the next day": {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T02:30", "2026-10-26T01:30:00Z"},
		"leap day":                      {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00", "2028-02-29T00:00:00Z"},
	} {
		c, err := Parse(tc.line, tc.zone)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		after, _ := time.Parse(time.RFC3339, tc.after)
		o, ok := c.Next(after)
		if !ok || o.Local != tc.local || o.At.UTC().Format(time.RFC3339) != tc.utc {
			t.Errorf("%s: %s at %s, want %s at %s", name, o.Local, o.At.UTC().Format(time.RFC3339), tc.local, tc.utc)
		}
	}
}

// A daily job fires once on each of the 1,461 days of four years, in order,
// in zones with every kind of clock change.
func TestDailyJobFiresEveryDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"Africa/Cairo", "Asia/Beirut", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "UTC"}).Draw(t, "zone")
		hour := rapid.IntRange(0, 23).Draw(t, "hour")
		minute := rapid.SampledFrom([]int{0, 15, 30, 59}).Draw(t, "minute")
		c, err := Parse(time.Date(2026, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15")+" * * *", zone)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
		days := map[string]bool{}
		for {
			o, ok := c.Next(at)
			if !ok || o.At.Year() > 2027 {
				break
			}
			if !o.At.After(at) || days[o.Local] {
				t.Fatalf("%s fires again, or time stands still", o.Local)
			}
			days[o.Local], at = true, o.At
		}
		if len(days) < 1459 || len(days) > 1461 {
			t.Fatalf("%d fires in four years of %s", len(days), zone)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range [][2]string{
		{"CRON_TZ=", "UTC"}, {"TZ=UTC 0 6 * * *", "UTC"}, {"0 6 * *", "UTC"}, {"0 6 31 2 *", "UTC"}, {"@every 1h", "UTC"},
		{"0 6 * * *", ""}, {"0 6 * * *", "Local"}, {"0 6 * * *", "Mars/Base"}, {"61 6 * * *", "UTC"}, {"", "UTC"},
	} {
		if _, err := Parse(tc[0], tc[1]); err == nil {
			t.Errorf("%q in %q accepted", tc[0], tc[1])
		}
	}
}
