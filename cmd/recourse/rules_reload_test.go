//go:build unix

package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"recourse/audit"
)

// A reloading is a daemon whose rules are in files.
type reloading struct {
	*daemon
	dir  string
	said *bytes.Buffer
}

func newReloading(t *testing.T) *reloading {
	t.Helper()
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	r := &reloading{dir: t.TempDir(), said: &bytes.Buffer{}}
	r.write(t, "names.txt", "rex\n")
	r.write(t, "a.yaml", strings.Replace(busyRules, "rules:\n", "lists: {names: {file: names.txt}}\nrules:\n", 1))
	r.daemon = &daemon{w: w, log: slog.New(slog.NewTextHandler(r.said, nil))}
	source := ruleSource{env: systemEnv(), paths: []string{r.dir}}
	if r.set, err = source.read(); err != nil {
		t.Fatal(err)
	}
	r.reloads = newReloader(source)
	t.Cleanup(r.reloads.stop)
	if _, err := w.noteRules(t.Context(), r.set, "start"); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reloading) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// round is one turn of the daemon's loop, as if files had not been looked at for
// long.
func (r *reloading) round(t *testing.T, changes ...audit.Change) string {
	t.Helper()
	r.reloads.looked = time.Time{}
	r.said.Reset()
	r.w.put(t, changes...)
	r.reload(t.Context())
	if _, err := r.w.catchUp(t.Context(), r.set); err != nil {
		t.Fatal(err)
	}
	return r.said.String()
}

const steppedRule = `
apiVersion: rules/v1
lists: {names: {file: names.txt}}
rules:
  - id: listed
    name: L
    severity: low
    where: after.name in list("names")
    window: {size: 1s, by: [table], count: 9}
    alert: {title: t}
    tests:
      - {name: fires, events: [{repeat: 9, every: 1ms, after: {name: rex}}], expect: [{count: 9}]}
      - {name: silent, events: [{after: {name: nobody}}], expect: []}
`

// TestRulesAreReadAnew: files that are other ones are taken over between two
// batches; the rules that stay go on, and one that is new finds what it would have
// found. Files with mistakes change nothing. All of it is told and kept.
func TestRulesAreReadAnew(t *testing.T) {
	r := newReloading(t)
	if said := r.round(t, busy(150, 0)...); said != "" {
		t.Errorf("nothing has changed, and it says %s", said)
	}
	// A new rule, in mid-stream.
	r.write(t, "b.yaml", steppedRule)
	if said := r.round(t, busy(150, 150)...); !strings.Contains(said, "rules=4 changes=+listed") {
		t.Errorf("it says %s", said)
	}
	// A file with a mistake, and one whose test fails: each is told once.
	for text, want := range map[string]string{
		strings.Replace(steppedRule, "severity: low", "severity: grave", 1): "b.yaml:7:15: severity is",
		strings.Replace(steppedRule, "[{count: 9}]", "[{count: 8}]", 1):     "of rule listed: line 12 expects 1 such alerts",
	} {
		r.write(t, "b.yaml", text)
		if said := r.round(t); !strings.Contains(said, want) || !strings.Contains(said, "the rules stay as they were") {
			t.Errorf("it says %s; want %s", said, want)
		}
		if said := r.round(t); said != "" {
			t.Errorf("it says once more: %s", said)
		}
	}
	r.write(t, "b.yaml", steppedRule)
	r.round(t)
	if len(r.set.Rules()) != 4 {
		t.Fatalf("%d rules", len(r.set.Rules()))
	}
	// Another list is another rule; another severity is the same. SIGHUP is enough.
	r.write(t, "names.txt", "rex\nmax\n")
	r.write(t, "a.yaml", strings.Replace(busyRules, "id: keys, name: K, severity: low", "id: keys, name: K, severity: high", 1))
	r.reloads.looked = time.Now().Add(time.Hour)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.said.Reset()
	for i := 0; r.said.Len() == 0 && i < 1000; i++ {
		time.Sleep(time.Millisecond) // until the signal has arrived
		r.reload(t.Context())
	}
	if said := r.said.String(); !strings.Contains(said, `~keys (severity: low → high), ~listed (definition)`) {
		t.Errorf("it says %s", said)
	}
	r.round(t, busy(150, 300)...)
	r.compare(t)
	h, _, err := r.w.ruleHistory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, s := range h.Swaps {
		kept = append(kept, s.Why+" "+s.text())
	}
	want := []string{"start none", "reload +listed", "reload ~keys (severity: low → high), ~listed (definition)"}
	if !cmp.Equal(kept, want) {
		t.Errorf("kept %q; want %q", kept, want)
	}
}

// compare holds the alerts against those of rules that had always been as they are
// now. Alerts of a rule before it changed its meaning stay.
func (r *reloading) compare(t *testing.T) {
	t.Helper()
	trials, _, err := r.w.try(t.Context(), stretch{to: audit.Time(1e18)}, r.set)
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := r.w.store.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]audit.Alert{}
	for _, a := range alerts {
		stored[a.ID] = a
	}
	if len(trials[0].alerts) < 10 {
		t.Errorf("only %d alerts", len(trials[0].alerts))
	}
	for id, want := range trials[0].alerts {
		got := stored[id]
		if d := cmp.Diff(want.Changes, got.Changes, cmpopts.EquateEmpty()); d != "" || want.Count != got.Count {
			t.Errorf("alert of %s: (-always +reloaded) %s", want.Rule, d)
		}
	}
}

// TestARuleThatIsGoneIsInNoQuarantine: what a reload does to the rules in quarantine is
// kept at once, and not with the next change.
func TestARuleThatIsGoneIsInNoQuarantine(t *testing.T) {
	r := newReloading(t)
	if err := r.w.noteQuarantine(t.Context(), []string{"gone"}); err != nil {
		t.Fatal(err)
	}
	r.write(t, "b.yaml", steppedRule)
	r.round(t)
	if ids, err := r.w.quarantinedRules(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("in quarantine: %q, %v", ids, err)
	}
}
