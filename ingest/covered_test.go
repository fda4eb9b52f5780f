package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/store"
)

// day is a day in milliseconds.
const day = 24 * 3600 * 1000

var stock = audit.Table{Database: "shop", Name: "stock"}

// capture is an answer about shop.stock as a line of a file: the range that was
// asked for, when it was read, and the times of the groups that it shows. A time
// below zero stands for the error that ended it.
func capture(values string, at float64, times ...float64) string {
	var groups []string
	for i, t := range times {
		if t < 0 {
			groups = append(groups, `{"error":"TypeError: x"}`)
			continue
		}
		groups = append(groups, fmt.Sprintf(`{"operation":"insert","user_name":"ann","timestamp":%f,"hash_values":["%f-%d"],"records":[{"id":"%f-%d"}]}`, t, t, i, t, i))
	}
	when := ""
	if at > 0 {
		when = fmt.Sprintf(`"at":%f,`, at)
	}
	return fmt.Sprintf(`{%s"request":{"operation":"read_audit_log","schema":"shop","table":"stock","search_values":%s},"response":[%s]}`, when, values, strings.Join(groups, ","))
}

func importLines(t *testing.T, db *store.DB, lines ...string) ingest.ImportReport {
	t.Helper()
	path := filepath.Join(t.TempDir(), "captures.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	im := ingest.Importer{Store: db, Now: func() time.Time { return audit.Time(100 * day).Go() }}
	report, err := im.Import(t.Context(), []string{path})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestImportCovers: a capture covers the stretch that it was to show, as far as
// Harper can still have had it.
func TestImportCovers(t *testing.T) {
	const at = 50 * day
	span := func(from, to audit.Time) []audit.Span {
		return []audit.Span{{Node: "import", Table: stock, From: from, To: to}}
	}
	for name, c := range map[string]struct {
		lines []string
		want  []audit.Span
	}{
		"the whole log":                 {[]string{capture(`[]`, at, at-100, at-50)}, span(at-100, at)},
		"a range":                       {[]string{capture(fmt.Sprintf(`[%d,%d]`, at-1000, at-10), at, at-100)}, span(at-1000, at-10)},
		"a range without end":           {[]string{capture(fmt.Sprintf(`[%d]`, at-1000), at, at-100)}, span(at-1000, at)},
		"a range into the future":       {[]string{capture(fmt.Sprintf(`[%d,%d]`, at-1000, at+10), at, at-100)}, span(at-1000, at)},
		"a range beyond the retention":  {[]string{capture(fmt.Sprintf(`[%d]`, at-9*day), at, at-100)}, span(at-3*day, at)},
		"the same, of a longer log":     {[]string{capture(fmt.Sprintf(`[%d]`, at-9*day), at, at-5*day)}, span(at-5*day, at)},
		"of which nobody knows when":    {[]string{capture(`[]`, 0, at-100)}, nil},
		"an empty answer":               {[]string{capture(fmt.Sprintf(`[%d]`, at-1000), at)}, nil}, // perhaps it has no log
		"an empty one of a known table": {[]string{capture(`[]`, at, at-100), capture(fmt.Sprintf(`[%d]`, at), at+1000)}, span(at-100, at+1000)},
		"a tail":                        {[]string{capture(fmt.Sprintf(`[%d]`, at-100), at, at-90), capture(fmt.Sprintf(`[%d]`, at-90), at+50, at-90, at+40)}, span(at-100, at+50)},
		"cut short":                     {[]string{capture(fmt.Sprintf(`[%d]`, at-1000), at, at-100, -1)}, nil},
		"one group":                     {[]string{`{"operation":"insert","database":"shop","table":"stock","timestamp":4320000000,"hash_values":[1],"records":[{"id":1}]}`}, nil},
	} {
		db := openStore(t)
		importLines(t, db, c.lines...)
		got, err := db.Spans(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: spans %v, want %v", name, got, c.want)
		}
	}
}

// TestImportMends: what a cut-short answer hides is no gap as far as other
// captures show it, in whichever order they come, and once only.
func TestImportMends(t *testing.T) {
	const at = 50 * day
	whole := capture(fmt.Sprintf(`[%d,%d]`, at-1000, at-100), at, at-500)
	cut := capture(fmt.Sprintf(`[%d]`, at-2000), at, at-1900, -1)
	for name, files := range map[string][][]string{
		"together":   {{whole, cut}},
		"gap first":  {{cut}, {whole}},
		"gap last":   {{whole}, {cut}},
		"once again": {{cut, whole}, {whole, cut}, {cut}},
	} {
		db := openStore(t)
		for _, lines := range files {
			importLines(t, db, lines...)
		}
		gaps, err := db.Gaps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var open []string
		for _, g := range gaps {
			if g.Healed == 0 {
				open = append(open, fmt.Sprintf("%s-%s", g.From-at, g.To-at))
			}
		}
		if got, want := strings.Join(open, " "), "-2000--1000 -100-0"; got != want {
			t.Errorf("%s: gaps %s, want %s", name, got, want)
		}
	}
}

// TestImportOfIncidentCovers: the polls of a tail during the incident tile all
// of it, so that nothing but the time before and after is unknown.
func TestImportOfIncidentCovers(t *testing.T) {
	for _, line := range []string{"lmdb", "rocksdb"} {
		db := openStore(t)
		im := ingest.Importer{Store: db}
		if _, err := im.Import(t.Context(), []string{filepath.Join(incidents, line, "tail")}); err != nil {
			t.Fatal(err)
		}
		spans, err := db.Spans(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first, last := audit.Time(0), audit.Time(0)
		for c, err := range db.Follow(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if first == 0 || c.Time < first {
				first = c.Time
			}
			last = max(last, c.Time)
		}
		tables := map[audit.Table]int{}
		for _, s := range spans {
			tables[s.Table]++
			if s.From > first || s.To < last && s.Table.Name != "sessions" {
				t.Errorf("%s: %s is covered from %s to %s, the incident is from %s to %s", line, s.Table, s.From, s.To, first, last)
			}
		}
		for table, n := range tables {
			if n != 1 {
				t.Errorf("%s: %s is covered in %d pieces", line, table, n)
			}
		}
		if len(tables) != 9 {
			t.Errorf("%s: %d tables are covered", line, len(tables))
		}
	}
}
