package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/store"
)

// capture is one capture of dogs, read with the search values.
func capture(values, response string) string {
	return `{"request":{"operation":"read_audit_log","database":"kennel","table":"dogs","search_values":[` + values + `]},"response":` + response + `}`
}

func group(op string, at int, id, rec string) string {
	return fmt.Sprintf(`{"operation":%q,"user_name":"ann","timestamp":%d,"hash_values":[%s],"records":[%s]}`, op, at, id, rec)
}

func importText(t *testing.T, db *store.DB, texts ...string) (ingest.ImportReport, error) {
	t.Helper()
	var paths []string
	for i, text := range texts {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%03d.json", i))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return (&ingest.Importer{Store: db}).Import(t.Context(), paths)
}

// TestImportOlderWholeLog: a whole log that was captured before other changes
// were made does not hide them.
func TestImportOlderWholeLog(t *testing.T) {
	db := openStore(t)
	first, second := group("insert", 1e12, "1", `{"id":1}`), group("insert", 1e12+5, "2", `{"id":2}`)
	rep, err := importText(t, db, capture("", "["+first+"]"), capture("", "["+first+","+second+"]"))
	if err != nil || len(rep.Partial) > 0 {
		t.Errorf("%v; %+v are said to hide changes", err, rep.Partial)
	}
	rep, err = importText(t, db, capture("", "["+second+"]"))
	if err != nil || len(rep.Partial) != 1 || rep.Partial[0].Hidden != 1 {
		t.Errorf("%v; of a log that lost its begin the report says %+v", err, rep.Partial)
	}
}

// TestImportTwiceOneGap: the gap of a cut answer is stored once, however often
// the file is imported.
func TestImportTwiceOneGap(t *testing.T) {
	db := openStore(t)
	cut := capture("", "["+group("insert", 1e12, "1", `{"id":1}`)+`,{"error":"TypeError: no"}]`)
	for range 2 {
		if _, err := importText(t, db, cut); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // the import's own clock goes on
	}
	if gaps, _ := db.Gaps(t.Context()); len(gaps) != 1 {
		t.Errorf("%d gaps stored, want 1", len(gaps))
	}
}

// TestImportOldHarper: before 4.2 an update showed only what was sent, and the
// record before; that is no record that lacks the rest.
func TestImportOldHarper(t *testing.T) {
	db := openStore(t)
	_, err := importText(t, db, capture("", `[{"operation":"update","timestamp":1000000000000,"hash_values":[1],"records":[{"id":1,"age":5}],"original_records":[{"id":1,"age":4,"name":"rex"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	c := changesOf(t, db)[0]
	if want := record("id", 1, "age", 5, "name", "rex"); !c.After.Body.Equal(want) || c.After.Trust == audit.Exact {
		t.Errorf("after %s (%s), want %s, not exact", c.After.Body.JSON(), c.After.Trust, want.JSON())
	}
	if d, known := c.Diff(); !known || len(d) != 1 {
		t.Errorf("diff %v, want the age alone", d)
	}
}

// TestImportPaths: links, pipes, and files that begin with a byte order mark.
func TestImportPaths(t *testing.T) {
	real := t.TempDir()
	text := capture("", "["+group("insert", 1e12, "1", `{"id":1}`)+"]")
	if err := os.WriteFile(filepath.Join(real, "a.json"), []byte("\xef\xbb\xbf"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	link := filepath.Join(base, "link")
	inside := filepath.Join(base, "inside")
	pipe := filepath.Join(base, "pipe")
	err := errors.Join(os.Symlink(real, link), os.Mkdir(inside, 0o700), syscall.Mkfifo(pipe, 0o600),
		os.Symlink(filepath.Join(real, "a.json"), filepath.Join(inside, "b.json")),
		os.Symlink(inside, filepath.Join(inside, "loop")))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(pipe, []byte(text), 0o600) }()
	for _, path := range []string{real, link, inside, pipe} {
		rep, err := (&ingest.Importer{Store: openStore(t)}).Import(t.Context(), []string{path})
		if err != nil || rep.Captures != 1 || rep.Appended.New != 1 {
			t.Errorf("%s: %+v, %v; want one capture", filepath.Base(path), rep, err)
		}
	}
}

// TestImportStdinInterrupted: an interrupt ends the wait for standard input.
func TestImportStdinInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	ended := make(chan error, 1)
	go func() {
		_, err := (&ingest.Importer{Store: openStore(t), Stdin: r}).Import(ctx, []string{"-"})
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(2 * time.Second):
		t.Error("still waiting for standard input")
	}
}

// TestImportBadLeavesStore: whatever is wrong with one file, nothing is stored.
func TestImportBadLeavesStore(t *testing.T) {
	good := capture("", "["+group("insert", 1e12, "1", `{"id":1}`)+"]")
	for name, bad := range map[string]string{
		"empty": "", "blank": " \n", "cut": good[:len(good)-5], "html": "<html>", "scalar": "42", "binary": "\x1f\x8b\x08\x00",
		"no table": "[" + group("insert", 1, "1", "{}") + "]", "broken line": good + "\n{\"request\":\n" + good,
		"no timestamp": capture("", `[{"operation":"insert","hash_values":[1],"records":[{}]}]`),
		"huge time":    capture("", `[{"operation":"insert","timestamp":1e999,"hash_values":[1],"records":[{}]}]`),
		"two records":  capture("", `[{"operation":"insert","timestamp":1,"hash_values":[1],"records":[{}],"records":[{}]}]`),
	} {
		db := openStore(t)
		_, err := importText(t, db, good, bad)
		var input *ingest.BadInputError
		if !errors.As(err, &input) || input.Hint() == "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one bad input error of one line", name, err)
		}
		if gaps, _ := db.Gaps(t.Context()); db.Last() > 0 || len(gaps) > 0 {
			t.Errorf("%s: something was stored", name)
		}
	}
}

// TestImportHostile: strange records are stored or said to be unreadable.
func TestImportHostile(t *testing.T) {
	for name, rec := range map[string]string{
		"deep":       `{"id":1,"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"digits":     `{"id":1,"a":` + strings.Repeat("9", 50000) + `}`,
		"exponent":   `{"id":1,"a":1e999999999}`,
		"duplicates": `{"id":1,"a":1,"a":2}`,
		"utf8":       "{\"id\":1,\"a\":\"\xff\xfe\"}",
		"surrogate":  `{"id":1,"a":"\ud800"}`,
		"array":      `[1,2]`,
		"control":    `{"id":1,"\u001b[31m":"\u0000"}`,
	} {
		db := openStore(t)
		_, err := importText(t, db, capture("", "["+group("insert", 1e12, "1", rec)+"]"))
		if err != nil {
			t.Logf("%s: refused: %v", name, err)
			continue
		}
		changes := changesOf(t, db)
		if len(changes) != 1 || changes[0].After.State != audit.Present && changes[0].Note == "" {
			t.Errorf("%s: stored %+v", name, changes)
		}
	}
}

// TestImportAnyOrder: in whatever order captures are imported, the same changes
// are stored, and every exact image is the same.
func TestImportAnyOrder(t *testing.T) {
	for _, line := range []string{"lmdb", "rocksdb"} {
		t.Run(line, func(t *testing.T) {
			var paths []string
			for _, pattern := range []string{"tail/*.jsonl", "final/shop.*.json", "final/bank.*.json"} {
				some, _ := filepath.Glob(filepath.Join(incidents, line, pattern))
				paths = append(paths, some...)
			}
			var want map[audit.ChangeID]audit.Change
			for seed := range uint64(4) {
				rand.New(rand.NewPCG(seed, 7)).Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
				db := openStore(t)
				if _, err := (&ingest.Importer{Store: db}).Import(t.Context(), paths); err != nil {
					t.Fatal(err)
				}
				got := map[audit.ChangeID]audit.Change{}
				for _, c := range changesOf(t, db) {
					got[c.ID] = c
				}
				if want == nil {
					want = got
				}
				if len(got) != len(want) {
					t.Errorf("seed %d: %d changes, want %d", seed, len(got), len(want))
				}
				for id, c := range got {
					w, ok := want[id]
					switch {
					case !ok:
						t.Errorf("seed %d: %s %s at %s (%s) only in this order", seed, c.Op, c.Key, c.Time, c.Note)
					case c.After.Trust == audit.Exact && w.After.Trust == audit.Exact && !c.After.Body.Equal(w.After.Body):
						t.Errorf("seed %d: %s has two exact images", seed, c.Key)
					}
				}
			}
		})
	}
}
