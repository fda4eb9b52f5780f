package query_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"recourse/audit"
	"recourse/query"
)

func TestParseTime(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want audit.Time
	}{
		{"1795465916125.6418", 1795465916125.6418},
		{"1795465916125", 1795465916125},
		{"1.5e12", 1.5e12},
		{"5.0", 5},
		{"-86400000.0", -86400000},
		{"2026-11-23T20:31:56.125641845Z", 1795465916125.6418},
		{"2026-11-23T20:31:56Z", 1795465916000},
		{"2026-11-23T22:31:56+02:00", 1795465916000},
		{"2026-11-23 20:31:56", 1795465916000},
		{"2026-11-23T20:31", 1795465860000},
		{"2026-11-23", 1795392000000},
		{"now", 1785672000000},
		{"-2h", 1785664800000},
		{"-1d12h", 1785542400000},
		{"-1w", 1785067200000},
		{"-1.5h30m", 1785664800000},
		{"-250ms", 1785671999750},
	} {
		got, err := query.ParseTime(tt.in, now)
		if err != nil || got != tt.want {
			t.Errorf("ParseTime(%s) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{
		"", "-", "2h", "-2", "-2x", "-h", "2026", "1795465916", "01/02/2026", "2026-13-01", "2026-02-30",
		"NaN", "Inf", "1e999", "0x10", "yesterday", "-99999999999999w", "2026-11-23T20:31:56 CET",
	} {
		if got, err := query.ParseTime(in, now); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", in, got)
		}
	}
	if _, err := query.ParseTime("soon", now); !errors.Is(err, query.ErrTime) {
		t.Errorf("ParseTime(soon): %v, want ErrTime", err)
	}
}

// FuzzParseTime checks that what is read is finite and that its own form, and
// the one for people, read back to the same.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"1795465916125.6418", "2026-11-23T20:31:56.125641845Z", "2026-08-01", "-2h", "-1d12h", "now", "5.0", "1e21", "-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := query.ParseTime(s, now)
		if err != nil {
			return
		}
		if math.IsNaN(float64(got)) || math.IsInf(float64(got), 0) {
			t.Fatalf("ParseTime(%q) = %v", s, got)
		}
		e, err := query.Parse("time:\""+s+"\"", now)
		if err != nil {
			t.Fatalf("Parse(time:%q): %v", s, err)
		}
		c := audit.Change{Seq: 1, Time: got}
		if !e.Match(&c) {
			t.Fatalf("time:%q, which is %v, does not match that time", s, got)
		}
		if iso := got.Go(); !iso.IsZero() && math.Abs(float64(got)) < 4e12 && math.Abs(float64(got)) > 1e11 {
			back, err := query.ParseTime(iso.Format(time.RFC3339Nano), now)
			if err != nil || back != got {
				t.Fatalf("ParseTime(%q) = %v; its ISO form reads as %v, %v", s, got, back, err)
			}
		}
	})
}
