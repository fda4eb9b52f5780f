package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/ingest"
	"recourse/rules"
)

// imported is a workspace, to be closed, into which a log was imported, with the rules and the index
// keeping up or, if none is kept, behind it.
func imported(t *testing.T, dir string, log []byte, set *rules.Set, kept bool) (*workspace, []audit.Alert, *keepingUp) {
	t.Helper()
	w, err := openFolder(t.Context(), systemEnv(), dir, config{}, true)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "log.ndjson")
	if err := os.WriteFile(file, log, 0o600); err != nil {
		t.Fatal(err)
	}
	k := newKeepingUp(w, set)
	im := ingest.Importer{Store: k, Ordered: func() {
		if kept {
			k.begin(t.Context())
		}
	}}
	if _, err := im.Import(t.Context(), []string{file}); err != nil {
		t.Fatal(err)
	}
	alerts, err := k.end(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w, alerts, k
}

func killSet(t *testing.T) *rules.Set {
	t.Helper()
	set, err := rules.Compile(rules.File{Name: "rules.yaml", Data: []byte(killRules)})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestKeepingUp: the index and the rules find the same whether they follow while an
// import stores or after it, into an empty store and into one with changes of the same
// records; only lines in order are followed.
func TestKeepingUp(t *testing.T) {
	t.Parallel()
	set := killSet(t)
	first, second := randomLog(2000, true), randomLog(10_000, true)
	tell := func(w *workspace, alerts []audit.Alert) string {
		var b strings.Builder
		for _, a := range alerts {
			j, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n", j)
		}
		stored, err := w.store.Alerts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d stored, indexed %d, found", len(stored), w.index.Progress())
		for _, text := range []string{"user:u1", "17", "91 op:delete", "op:insert table:orders"} {
			fmt.Fprintf(&b, " %d", w.found(t, text))
		}
		return b.String()
	}
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for n, log := range [][]byte{first, second, randomLog(600, false)} {
		var told [2]string
		for i, kept := range []bool{true, false} {
			w, alerts, k := imported(t, dirs[i], log, set, kept)
			if followed := k.result != nil; followed != (kept && n < 2) {
				t.Errorf("import %d, kept %v: followed %v", n, kept, followed)
			}
			told[i] = tell(w, alerts)
			if err := w.close(); err != nil {
				t.Fatal(err)
			}
		}
		if told[0] != told[1] {
			t.Errorf("import %d: kept up\n%s\nbehind\n%s", n, told[0], told[1])
		}
		if n == 0 && !strings.Contains(told[0], "busy") {
			t.Errorf("nothing was raised: %s", told[0])
		}
	}
}

// TestKeepingUpEnds: an import goes on to its end though the index cannot follow it, and
// says so then; one that is ended does not wait for those who follow.
func TestKeepingUpEnds(t *testing.T) {
	t.Parallel()
	set := killSet(t)
	file := filepath.Join(t.TempDir(), "log.ndjson")
	if err := os.WriteFile(file, randomLog(30_000, true), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T) (*workspace, *keepingUp) {
		w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, true)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.close() })
		return w, newKeepingUp(w, set)
	}
	t.Run("nobody follows", func(t *testing.T) {
		w, k := open(t)
		k.begin(t.Context())
		n := 0
		more := func() audit.Batch {
			var b audit.Batch
			for range 1000 {
				n++
				b.Changes = append(b.Changes, patched(n%50, audit.Time(1000+n), "rex", audit.Exact))
			}
			return b
		}
		if _, err := k.Archive.Append(t.Context(), more()); err != nil {
			t.Fatal(err)
		}
		k.stored = w.store.Last()
		gone, end := context.WithCancel(t.Context())
		end()
		k.follow(gone)
		for range 2*mostBehind/1000 + 1 {
			if _, err := k.Append(t.Context(), more()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := k.end(t.Context()); !errors.Is(err, context.Canceled) || w.store.Last() != audit.Seq(n) {
			t.Errorf("following: %v, %d of %d changes are stored", err, w.store.Last(), n)
		}
	})
	t.Run("ended", func(t *testing.T) {
		_, k := open(t)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		n := 0
		im := ingest.Importer{Store: k, Ordered: func() { k.begin(ctx) }, Progress: func(ingest.ImportReport) {
			if n++; n == 20_000 {
				stop()
			}
		}}
		if _, err := im.Import(ctx, []string{file}); !errors.Is(err, context.Canceled) || k.result == nil {
			t.Errorf("import: %v, followed %v", err, k.result != nil)
		}
		if err := k.stop(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("following: %v", err)
		}
	})
}
