package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

// TestEvictionIsTold: that a rule gives up groups for want of room is said by watch
// and by status, also after a restart.
func TestEvictionIsTold(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	set := compiledRules(t, `
apiVersion: rules/v1
rules:
  - {id: wide, name: W, severity: low, alert: {title: t}, window: {size: 1d, by: [key], count: 5}}
`)
	put := func(from, to int) {
		t.Helper()
		var all []audit.Change
		for i := from; i < to; i++ {
			all = append(all, patched(i, audit.Time(1000+i), "x", audit.Exact))
		}
		w.put(t, all...)
		if _, err := w.catchUp(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	var log, screen bytes.Buffer
	d := &daemon{w: w, log: slog.New(slog.NewTextHandler(&log, nil))}
	said := func(want int) {
		t.Helper()
		d.sayEvicted()
		if got := strings.Count(log.String(), "rule=wide"); got != want {
			t.Errorf("said %d times, want %d: %s", got, want, log.String())
		}
	}
	put(0, 10_000)
	said(0)
	put(10_000, 10_010)
	said(1)
	said(1)
	put(10_010, 10_019)
	said(1) // it has not doubled
	w.judge, w.evictedNoted = nil, false
	put(10_019, 10_100) // as after a restart
	said(2)
	e := systemEnv()
	e.stdout = &screen
	s, err := w.status(t.Context(), e)
	if err != nil || len(s.Rules.Evicted) != 1 || s.Rules.Evicted[0].Rule != "wide" || s.Rules.Evicted[0].Groups < 10 || time.Since(*s.Rules.EvictedAt) > time.Hour {
		t.Fatalf("%+v, %v", s.Rules, err)
	}
	printStatus(e, s)
	if want := fmt.Sprintf(": wide (%d groups, 0 changes)", s.Rules.Evicted[0].Groups); !strings.Contains(screen.String(), want) {
		t.Errorf("%s lacks %q", screen.String(), want)
	}
}
