package harpertest_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// fourGroups makes a table with four transactions of two records each and
// returns their times.
func (s *suite) fourGroups(t *testing.T) (audit.Table, []audit.Time) {
	t.Helper()
	table := s.table(t)
	for i := range 4 {
		s.mustOp(t, fields{
			"operation": "insert", "database": table.Database, "table": table.Name,
			"records": []any{fields{"id": i}, fields{"id": 100 + i}},
		})
	}
	var times []audit.Time
	for _, row := range s.scan(t, table, 0, 0) {
		if row.Index == 0 {
			times = append(times, row.Time)
		}
	}
	if len(times) != 4 || !slices.IsSorted(times) || len(slices.Compact(slices.Clone(times))) != 4 {
		t.Fatalf("four transactions have the times %v", times)
	}
	return table, times
}

func (s *suite) testRanges(t *testing.T) {
	table, times := s.fourGroups(t)
	pick := func(cond bool, yes, no string) string {
		if cond {
			return yes
		}
		return no
	}
	const all = "0 1 2 3"
	textError := func(otherwise string) string {
		return pick(s.line.textRange != "", "error: "+s.line.textRange, otherwise)
	}
	num := func(i int) string { return times[i].String() }
	for _, c := range []struct {
		name, values, want string
	}{
		{"none", `[]`, all},
		{"zero", `[0]`, all},
		{"null", `[null]`, all},
		{"from a time, which is in it", `[` + num(1) + `]`, "1 2 3"},
		{"from the last time, which comes again", `[` + num(3) + `]`, "3"},
		{"to a time, which is not in it", `[` + num(1) + `,` + num(3) + `]`, "1 2"},
		{"from null to a time", `[null,` + num(2) + `]`, "0 1"},
		{"from zero to a time", `[0,` + num(2) + `]`, "0 1"},
		{"from a time to itself", `[` + num(1) + `,` + num(1) + `]`, ""},
		{"backwards", `[` + num(2) + `,` + num(1) + `]`, ""},
		{"from a time to null", `[` + num(1) + `,null]`, pick(s.line.openNull, "1 2 3", "")},
		{"from a time to zero", `[` + num(1) + `,0]`, ""},
		{"from the far future", `[1e15]`, ""},
		{"negative", `[-1]`, pick(s.line.negativeIsAll, all, "")},
		// On the LMDB line text in place of a number is the whole log, in silence.
		{"text", `["` + num(3) + `"]`, textError(all)},
		{"a date", `["2026-01-01T00:00:00Z"]`, textError(all)},
		{"to text", `[` + num(1) + `,"` + num(3) + `"]`, pick(s.line.textRange != "", "1 2", "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, text := s.rawLog(t, table, fields{"search_type": "timestamp", "search_values": parse(t, c.values)})
			if got := s.groupNumbers(t, text, times); got != c.want {
				t.Errorf("search_values %s: groups %q, want %q", c.values, got, c.want)
			}
		})
	}
	for limit, want := range map[int]string{0: all, 1: "0", 2: "0 1", -1: "0"} {
		_, text := s.rawLog(t, table, fields{"limit": limit})
		if got := s.groupNumbers(t, text, times); got != want {
			t.Errorf("limit %d: groups %q, want %q", limit, got, want)
		}
	}
	t.Run("client", func(t *testing.T) { s.testClientRanges(t, table, times) })
	status, _ := s.op(t, fields{"operation": "read_audit_log", "database": table.Database, "table": table.Name})
	if (status == http.StatusOK) != s.line.databaseAlone {
		t.Errorf("read_audit_log with a database and no schema: %d", status)
	}
}

// groupNumbers says which of the four groups an answer holds.
func (s *suite) groupNumbers(t *testing.T, text string, times []audit.Time) string {
	t.Helper()
	rows, message := rawRows(t, parse(t, text), s.line)
	if message != "" {
		return "error: " + message
	}
	var got []string
	for _, r := range rows {
		if r.Index == 0 {
			got = append(got, strconv.Itoa(slices.Index(times, r.Time)))
		}
	}
	return strings.Join(got, " ")
}

func (s *suite) testClientRanges(t *testing.T, table audit.Table, times []audit.Time) {
	for _, c := range []struct {
		from, to audit.Time
		want     []audit.Time
	}{
		{0, 0, times},
		{times[1], 0, times[1:]},
		{times[1], times[3], times[1:3]},
		{0, times[2], times[:2]},
		{times[3], times[3] + 3.6e6, times[3:]},
		{times[1], times[1], nil},
	} {
		for _, asJSON := range []bool{false, true} {
			rows, err := s.scanErr(t, harper.AuditQuery{Table: table, From: c.from, To: c.to, JSON: asJSON})
			if err != nil {
				t.Fatal(err)
			}
			var got []audit.Time
			for _, r := range rows {
				if r.Size != 2 {
					t.Errorf("a group of %d", r.Size)
				}
				if r.Index == 0 {
					got = append(got, r.Time)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("[%v, %v) JSON %v: %v, want %v", c.from, c.to, asJSON, got, c.want)
			}
		}
	}
}

// testClocks looks for the clock that ranges go by. Where it is not the one
// that answers show, a window can end inside a transaction.
func (s *suite) testClocks(t *testing.T) {
	table, times := s.fourGroups(t)
	low, high := times[1], times[2] // the window [low, x) grows from 0 to 2 rows
	if n := len(s.scan(t, table, low, high)); n != 2 {
		t.Fatalf("the window of one transaction holds %d rows", n)
	}
	cut := false
	for low < high && !cut {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		switch rows := s.scan(t, table, times[1], middle); len(rows) {
		case 0:
			low = middle
		case 1:
			cut = true
			if rows[0].Time != times[1] || rows[0].Size != 1 {
				t.Errorf("half a transaction shows the time %v and the size %d, want %v and 1", rows[0].Time, rows[0].Size, times[1])
			}
		default:
			high = middle
		}
	}
	if cut != s.line.rangeCutsGroups {
		t.Errorf("a window cuts a transaction: %v", cut)
	}
	// Where there is one clock, the narrowest window at the time shown is enough.
	if n := len(s.scan(t, table, times[1], times[1]+0.0005)); (n == 0) != s.line.rangeCutsGroups || n != 0 && n != 2 {
		t.Errorf("the narrowest window at a transaction's time holds %d of its 2 rows", n)
	}
}
