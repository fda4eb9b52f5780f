package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
)

// A heap is an archive that holds changes in the order in which they came, or
// only counts them.
type heap struct {
	changes []audit.Change
	ids     map[audit.ChangeID]audit.Seq
	batches int
	fail    error // of the second batch
	drop    bool
	n       int
}

func (h *heap) Append(_ context.Context, b audit.Batch) (audit.Appended, error) {
	if h.batches++; h.batches > 1 && h.fail != nil {
		return audit.Appended{}, h.fail
	}
	var out audit.Appended
	for _, c := range b.Changes {
		if h.n++; h.drop {
			continue
		}
		if _, known := h.ids[c.ID]; known {
			out.Known++
			continue
		}
		c.Seq = audit.Seq(len(h.changes) + 1)
		h.ids[c.ID] = c.Seq
		h.changes = append(h.changes, c)
		out.New++
	}
	return out, nil
}

func (h *heap) Lookup(_ context.Context, id audit.ChangeID) (audit.Seq, bool, error) {
	seq, known := h.ids[id]
	return seq, known, nil
}

func (h *heap) Tables(context.Context) (map[audit.Table]int, error) { return nil, nil }
func (h *heap) Gaps(context.Context) ([]audit.Gap, error)           { return nil, nil }
func (h *heap) Spans(context.Context) ([]audit.Span, error)         { return nil, nil }
func (h *heap) Follow(context.Context, audit.Seq) iter.Seq2[audit.Change, error] {
	return func(func(audit.Change, error) bool) {}
}

func importOf(t testing.TB, h *heap, lines string) (ingest.ImportReport, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines.jsonl")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 26, 21, 0, 0, 0, time.UTC)
	im := ingest.Importer{Store: h, Now: func() time.Time { return now }, Table: audit.Table{Database: "d"}}
	return im.Import(t.Context(), []string{path})
}

// someLines is lines of every kind of group, some twice, some long.
func someLines(n int) string {
	var b strings.Builder
	for i := range n {
		id := i % 37
		at := 1795392000217.4106 + float64(i/2)
		switch i % 9 {
		case 0:
			fmt.Fprintf(&b, `{"operation":"delete","user_name":null,"timestamp":%v,"hash_values":[%d],"records":[null],"database":"shop","table":"t%d"}`, at, id, i%3)
		case 1:
			fmt.Fprintf(&b, `{"operation":"update","user_name":"é","timestamp":%v,"ids":["a",%d,"c"],"records":[{"id":"a"},null,{"b":[1.5]}],"table":"t"}`, at, id)
		case 2:
			fmt.Fprintf(&b, `{"operation":"message","timestamp":%v,"ids":["m"],"records":["%s"],"database":"system","table":"hdb_job"}`, at, strings.Repeat("x", i*97%80_000))
		case 3:
			fmt.Fprintf(&b, `{"operation":"insert","user_name":"a","timestamp":%v,"hash_values":["p"],"records":[{"password":"secret %d"}],"database":"system","table":"hdb_user"}`, at, i)
		default:
			fmt.Fprintf(&b, `{"operation":"%s","user_name":"u%d","timestamp":%v,"hash_values":["k-%d"],"records":[{"id":"k-%d","n":%d,"name":"Jörg \"%d\""}],"database":"shop","table":"t"}`,
				[]string{"insert", "patch", "upsert"}[i%3], i%5, at, id, id, i, i)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestLinesOfTheCommonFormAreStoredAsOthersAre(t *testing.T) {
	plain := someLines(1500)
	plain += someLines(200) // once more
	// What nobody knows is passed over, by the reader that reads all forms.
	odd := strings.ReplaceAll(plain, `{"operation":`, `{"odd":[1],"operation":`)
	a, b := &heap{ids: map[audit.ChangeID]audit.Seq{}}, &heap{ids: map[audit.ChangeID]audit.Seq{}}
	got, err := importOf(t, a, plain)
	if err != nil {
		t.Fatal(err)
	}
	want, err := importOf(t, b, odd)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || got.Captures <= 1500 || got.Appended.New == 0 || got.Appended.Known == 0 || got.Doubtful == 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(a.changes) != len(b.changes) {
		t.Fatalf("got %d changes, want %d", len(a.changes), len(b.changes))
	}
	for i := range a.changes {
		if x, y := fmt.Sprintf("%+v", a.changes[i]), fmt.Sprintf("%+v", b.changes[i]); x != y {
			t.Fatalf("change %d:\ngot  %s\nwant %s", i, x, y)
		}
	}
	if bytes.Contains(a.changes[3].After.Body, []byte("secret")) {
		t.Error("a password was stored")
	}
}

func TestAnImportStopsWhereStoringFails(t *testing.T) {
	h := &heap{ids: map[audit.ChangeID]audit.Seq{}, fail: os.ErrPermission}
	if _, err := importOf(t, h, someLines(20_000)); err == nil || !strings.Contains(err.Error(), os.ErrPermission.Error()) {
		t.Errorf("got %v", err)
	}
	if h.batches != 2 {
		t.Errorf("after the batch that failed came %d others", h.batches-2)
	}
}

func TestALineThatIsNoJSONLeavesTheStoreAsItWas(t *testing.T) {
	h := &heap{ids: map[audit.ChangeID]audit.Seq{}}
	_, err := importOf(t, h, someLines(100)+`{"operation":"insert","timestamp":1,"hash_values":["a"],"records":[{]}`)
	if err == nil || !strings.Contains(err.Error(), "lines.jsonl:101") || h.batches > 0 {
		t.Errorf("got %v, %d batches", err, h.batches)
	}
}

// BenchmarkImportLines is the work on one line of the common form, both readings
// of it, without a store. RECOURSE_LINES names a file of others.
func BenchmarkImportLines(b *testing.B) {
	lines := someLines(1000)
	if path := os.Getenv("RECOURSE_LINES"); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		lines = string(data)
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		h := &heap{drop: true}
		if _, err := importOf(b, h, lines); err != nil {
			b.Fatal(err)
		}
		n += h.n
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/change")
}
