package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// All pages of a query are of the same stretch of time, however long somebody takes
// to turn them, and the cursor of one query is none of another.
func TestPagesOfARelativeTime(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	ask := func(want int, args ...string) (seqs []uint64, next string) {
		t.Helper()
		var out, errs bytes.Buffer
		e := &env{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: func() time.Time { return now },
			lookup: func(string) (string, bool) { return "", false }}
		if code := run(t.Context(), e, append([]string{"recourse", "--data", dir}, args...)); code != want {
			t.Fatalf("%q: exit %d, want %d\n%s", args, code, want, errs.String())
		}
		d := json.NewDecoder(&out)
		for {
			var doc struct {
				Seq     uint64
				Summary struct{ Next string }
			}
			if err := d.Decode(&doc); err == io.EOF {
				return seqs, next
			} else if err != nil {
				t.Fatal(err)
			}
			if next = doc.Summary.Next; doc.Seq > 0 {
				seqs = append(seqs, doc.Seq)
			}
		}
	}
	ask(exitOK, "import", filepath.Join("..", "..", "testdata", "captures", "lmdb", "writes"))
	for _, query := range []string{"@-9000d", "@-9000d | where user != 'none' | fields seq"} {
		now = time.Now()
		all, _ := ask(exitOK, "search", query, "--limit", "0")
		got, next := ask(exitOK, "search", query, "--limit", "3")
		for next != "" {
			now = now.AddDate(50, 0, 0) // long after all changes have left the last 9000 days
			var page []uint64
			cursor := next
			page, next = ask(exitOK, "search", query, "--limit", "3", "--after", cursor)
			got = append(got, page...)
			ask(exitUsage, "search", "op:delete", "--after", cursor)
			ask(exitUsage, "search", query, "--where", "op == 'delete'", "--after", cursor)
		}
		if len(all) < 10 || !slices.Equal(got, all) {
			t.Errorf("%s: the pages have %v, at once it is %v", query, got, all)
		}
	}
}
