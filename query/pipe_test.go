package query_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// wrongPipes are queries that are refused, the column of the fault, and a part of
// the reason or the hint.
var wrongPipes = []struct {
	in     string
	column int
	say    string
}{
	{`* |`, 4, "name of a pipe is missing"},
	{`* | stat`, 5, "did you mean stats"},
	{`* | stats by(usr)`, 14, "did you mean user"},
	{`* | stats by(user`, 11, "not closed"},
	{`* | stats summ(x)`, 11, "stats has no"},
	{`* | stats sum`, 14, "needs a field"},
	{`* | stats sum(attr)`, 11, "several values"},
	{`* | stats count count`, 5, "two columns"},
	{`* | stats by(user) | sort usr`, 27, "did you mean user"},
	{`* | stats by(user) | blast`, 22, "these are rows"},
	{`* | limit 0`, 11, "whole number"},
	{`* | limit 5 6`, 13, "no more than this"},
	{`* | sort attr`, 14, "several values"},
	{`* | hist 5x`, 10, "length of time"},
	{`* | hist 7h vs 14d`, 19, "a day is whole"},
	{`* | hist 1h by color`, 16, "not possible here"},
	{`* | facets by(id)`, 15, "not possible here"},
	{`* | first`, 10, "needs by"},
	{`* | context 2 2 same day`, 22, "same is one of"},
	{`* | seq (op:insert) within 1h`, 30, "second step"},
	{`* | seq (a) then (b)`, 21, "needs within"},
	{`* | seq (rule:x) then (b) within 1h`, 5, "cannot stand in a step"},
	{`* | seq a then b within 1h`, 9, "in parentheses"},
	{`* | pivot friends`, 11, "pivot is one of"},
	{`* | diff now -2h`, 5, "not before"},
	{`* | asof sometime`, 10, "asof"},
	{`* | compare bob`, 13, "write (bob)"},
	{`* | plan`, 9, "needs a name"},
	{`* | plan x | limit 1`, 14, "plan is the last pipe"},
	{`* | save a/b`, 10, "no name"},
	{`* | stats count | save rule x.yaml`, 29, "a rule is a condition"},
	{`* | fields price`, 12, "no field"},
	{`* | fields rule`, 12, "facets by(rule)"},
	{`* | where x == 1`, 5, "not taken here"},
	{`* | stats by(user) | where`, 27, "needs a test"},
	{`* | stats by(user) | where count`, 33, "value"},
	{`* | prove`, 5, "recourse evidence export"},
	{`* | case`, 5, "pipes are"},
	{`a || b`, 4, "write or"},
	{`* | stats by(user) count | top 2 count`, 34, "two columns"},
	{`* | sort user desc`, 15, "-count"},
	{`* | pickaxe x`, 5, "recourse pickaxe"},
	{`* | save case C-7 note "x"`, 10, "there are no cases"},
	{`* | compare (user:bob) vs (user:alice)`, 24, "compare takes one filter"},
	{`* | dedup`, 5, "last by"},
	{`) | hist`, 1, "parenthesis"},
	{`* | top 5 status`, 11, "no field"},
}

func TestWrongPipesAreTold(t *testing.T) {
	for _, tt := range wrongPipes {
		_, err := query.Language{Now: now}.Parse(tt.in)
		var syntax *query.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %v, want a SyntaxError", tt.in, err)
			continue
		}
		if got := len([]rune(tt.in[:syntax.Offset])) + 1; got != tt.column {
			t.Errorf("%s: column %d, want %d: %v", tt.in, got, tt.column, err)
		}
		if !strings.Contains(err.Error()+" "+syntax.Hint(), tt.say) {
			t.Errorf("%s: %q, hint %q, want it to say %q", tt.in, err, syntax.Hint(), tt.say)
		}
	}
}

func piped(t testing.TB, text string) *query.Pipeline {
	t.Helper()
	p, err := querytest.Language(now).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What a pipe would have to keep is bounded, and no part is given for the whole.
func TestPipesKeepNoMoreThanTheyMay(t *testing.T) {
	w := newWorld(3, 300)
	for _, pipes := range []string{"sort user", "stats by(key) count", "stats distinct(key)", "stats p95(seq)", "first by(key)", "last by(key)", "sort user | limit 250",
		"context 9 9", "limit 200 | sessions | sort changes", "pivot records"} {
		p := piped(t, "* | "+pipes)
		if _, err := w.engine.Pipe(t.Context(), p, query.PipeOptions{Memory: 2000}); !errors.Is(err, query.ErrMemory) {
			t.Errorf("%s: %v, want ErrMemory", pipes, err)
		}
		if _, err := w.engine.Pipe(t.Context(), p, query.PipeOptions{}); err != nil {
			t.Errorf("%s: %v", pipes, err)
		}
	}
	// Those that take changes as they come keep nothing.
	for _, pipes := range []string{"where " + querytest.Where, "fields seq,user", "limit 100", "sort -seq | limit 2"} {
		if _, err := w.engine.Pipe(t.Context(), piped(t, "* | "+pipes), query.PipeOptions{Memory: 20_000}); err != nil {
			t.Errorf("%s: %v", pipes, err)
		}
	}
}

// A query that is interrupted gives what it has found, and says so.
func TestInterruptedPipesSaySo(t *testing.T) {
	w := newWorld(3, 3000)
	for _, pipes := range []string{"fields seq", "stats by(user) sum(seq)", "sort -seq", "stats count", "hist 1d", "pivot actors | fields seq", "hist 1d by user", "facets", "top 3 op", "stats by(op) count"} {
		ctx, cancel := context.WithCancel(t.Context())
		read := 0
		// It is interrupted by the first change that reaches the condition.
		l := query.Language{Now: now, Condition: func(string) (query.Expr, error) {
			return query.Of(query.Where{Text: "x", Holds: func(*audit.Change) (bool, error) {
				if read++; read == 500 {
					cancel()
				}
				return true, nil
			}}), nil
		}}
		w.engine.Parallel = 1
		p, err := l.Parse("* | where x | " + pipes)
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.engine.Pipe(ctx, p, query.PipeOptions{})
		cancel()
		if err != nil {
			t.Errorf("%s: %v", pipes, err)
			continue
		}
		if s := out.Summary; s.Partial != query.Interrupted || s.TotalExact {
			t.Errorf("%s: %+v", pipes, s)
		}
		if strings.HasPrefix(pipes, "hist") || pipes == "facets" || pipes == "top 3 op" {
			if len(out.Table.Rows) == 0 {
				t.Errorf("%s: no rows of what was counted until then", pipes)
			}
		}
		if pipes == "fields seq" && (len(out.Table.Rows) == 0 || len(out.Table.Rows) == 3000) {
			t.Errorf("%d rows of a query that was interrupted", len(out.Table.Rows))
		}
	}
}

// A cursor goes on where its page ended, whatever has come meanwhile.
func TestPagesOfPipesWhileChangesArrive(t *testing.T) {
	w := newWorld(2, 400)
	g := querytest.NewCorpus(77)
	p := piped(t, "kind:write | where "+querytest.Where+" | fields seq")
	want := querytest.Plain(w.store.Changes(), p)
	var got [][]string
	for after := ""; ; {
		out, err := w.engine.Pipe(t.Context(), p, query.PipeOptions{Limit: 7, After: after})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, querytest.Texts(out.Table.Rows)...)
		if after = out.Summary.Next; after == "" {
			break
		}
		c := g.Change(10_000) // newer than all
		w.store.Add(c)
	}
	if !slices.EqualFunc(got, want.Rows, slices.Equal[[]string]) {
		t.Errorf("%d rows, want %d", len(got), len(want.Rows))
	}
	_, err := w.engine.Pipe(t.Context(), piped(t, "* | sort user"), query.PipeOptions{After: "x"})
	if !errors.Is(err, query.ErrPages) {
		t.Errorf("a page of what is sorted: %v", err)
	}
}

// hist vs counts the same hours of other days, and of days that nobody read it
// expects nothing.
func TestHistogramAgainstOtherDays(t *testing.T) {
	const day = 86_400_000
	start := audit.Time(1785542400000) // 2026-08-01
	table := audit.Table{Database: "d", Name: "t"}
	m := &querytest.Memory{}
	add := func(at audit.Time, n int) {
		for i := range n {
			c := audit.Change{Time: at + audit.Time(i), Op: audit.OpUpdate, User: "eve", Key: audit.Key{Table: table, ID: `"a"`}, After: audit.PresentImage(audit.Object(nil), audit.Logged, audit.Exact)}
			c.ID = c.Identify()
			m.Add(c)
		}
	}
	for back, n := range []int{9, 2, 4, 1} {
		add(start-audit.Time(back)*day, n)
	}
	// The log is read from two and a half days before on.
	m.Spanned = []audit.Span{{Table: table, From: start - 2.5*day, To: start + day}}
	e := &query.Engine{Store: m, Now: func() time.Time { return time.UnixMilli(int64(start) + day) }}
	out, err := e.Pipe(t.Context(), piped(t, "@2026-08-01T00:00:00Z..2026-08-01T00:59:59Z | hist 1h vs 3d"), query.PipeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := querytest.Texts(out.Table.Rows)
	if len(got) != 1 || strings.Join(got[0][1:], " ") != "9 3 2 4 2 boolean true" {
		t.Errorf("rows %v: want 9 changes, 3 expected of 2 to 4 on 2 days, outside", got)
	}
}

// Parted by a field, each value is held against itself on the other days, and those
// who are among the most frequent no more, or not yet, against each other.
func TestHistogramByFieldAgainstOtherDays(t *testing.T) {
	const day = 86_400_000
	start := audit.Time(1785542400000) // 2026-08-01
	table := audit.Table{Database: "d", Name: "t"}
	m := &querytest.Memory{}
	for back, users := range []map[string]int{{"eve": 9, "bob": 1}, {"bob": 2, "kim": 5}, {"bob": 4, "eve": 1}} {
		for user, n := range users {
			for i := range n {
				c := audit.Change{Time: start - audit.Time(back)*day + audit.Time(i), Op: audit.OpUpdate, User: user,
					Key: audit.Key{Table: table, ID: `"a"`}, After: audit.PresentImage(audit.Object(nil), audit.Logged, audit.Exact)}
				c.ID = c.Identify()
				m.Add(c)
			}
		}
	}
	m.Spanned = []audit.Span{{Table: table, From: start - 2.5*day, To: start + day}}
	e := &query.Engine{Store: m, Now: func() time.Time { return time.UnixMilli(int64(start) + day) }}
	for q, want := range map[string]string{
		"hist 1h by user vs 3d":       `9 text "eve" boolean false 1/2 0 1 2 boolean true, 1 text "bob" boolean false 3 2 4 2 boolean true, 0 nothing boolean true 5/2 0 5 2 boolean false`,
		"hist 1h by user top 1 vs 3d": `9 text "eve" boolean false 1/2 0 1 2 boolean true, 1 nothing boolean true 11/2 4 7 2 boolean true`,
	} {
		out, err := e.Pipe(t.Context(), piped(t, "@2026-08-01T00:00:00Z..2026-08-01T00:59:59Z | "+q), query.PipeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range querytest.Texts(out.Table.Rows) {
			got = append(got, strings.Join(row[1:], " "))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s:\n got %q\nwant %q", q, strings.Join(got, ", "), want)
		}
	}
}

// FuzzPipes checks that whatever is asked is answered or refused with a place, that
// what is read is printed so that it reads back to the same, and that no answer
// keeps more than it may.
func FuzzPipes(f *testing.F) {
	g := querytest.NewCorpus(5)
	for range 60 {
		f.Add(g.Query(1) + g.Pipes())
	}
	for _, tt := range wrongPipes {
		f.Add(tt.in)
	}
	w := newWorld(1, 40)
	language := querytest.Language(now)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := language.Parse(s)
		if err != nil {
			var syntax *query.SyntaxError
			if !errors.As(err, &syntax) || syntax.Caret() == "" {
				t.Fatalf("%q: %v is no SyntaxError", s, err)
			}
			return
		}
		printed := p.String()
		if len(printed) <= query.MaxLength {
			again, err := language.Parse(printed)
			if err != nil || again.String() != printed {
				t.Fatalf("%q is printed as %q, which reads as %v, %v", s, printed, again, err)
			}
		}
		if _, err := query.AsCondition(p.Filter); err == nil && p.Filter.String() == "" {
			t.Fatalf("%q is nothing", s)
		}
		out, err := w.engine.Pipe(t.Context(), p, query.PipeOptions{Memory: 1 << 20, Limit: 50})
		if err == nil && (out.Summary.Count > 50 || len(out.Changes) > 50) {
			t.Fatalf("%q: %d given of 50", s, out.Summary.Count)
		}
	})
}
