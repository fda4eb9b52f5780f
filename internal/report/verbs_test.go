package report_test

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/internal/report"
	"recourse/query"
)

// verbPrints are what the verbs say of a record in which texts of a change stand
// wherever there may be one. The formats of a report are its own.
func verbPrints(c audit.Change, f report.Format) []func(*report.Printer) error {
	store := &querytest.Memory{}
	first := c
	first.Time, first.User, first.Op = c.Time-1, "ann", audit.OpInsert
	c.ID, first.ID = c.Identify(), first.Identify()
	if math.IsNaN(float64(c.Time)) || math.IsInf(float64(c.Time), 0) {
		return nil // no log has such a time
	}
	store.Add(first, c)
	store.Alerted = []audit.Alert{{ID: c.User, Rule: c.Note, Title: c.User + c.Note, Severity: c.Node, Changes: []audit.Evidence{{Seq: 2}}}}
	store.Gapped = []audit.Gap{{Node: c.Node, Table: c.Key.Table, Reason: c.Note, From: c.Time}}
	e, ctx := &query.Engine{Store: store}, context.Background()
	all := query.Expr{}
	prints := []func(*report.Printer) error{
		func(p *report.Printer) error {
			return does(e.Blame(ctx, c.Key, query.BlameOptions{Attr: "a"}))(p.Blame)
		},
		func(p *report.Printer) error { return does(e.Blame(ctx, c.Key, query.BlameOptions{}))(p.Blame) },
		func(p *report.Printer) error { return does(e.AsOf(ctx, c.Key, c.Time))(p.AsOf) },
		func(p *report.Printer) error {
			s := p.TableAsOf(c.Key.Table.Database, c.Key.Table.Name)
			return does(e.AsOfTable(ctx, c.Key.Table, c.Time, s.Record))(s.End)
		},
		func(p *report.Printer) error { return does(e.Diff(ctx, c.Key, c.Time-1, c.Time))(p.Diff) },
		func(p *report.Printer) error {
			s := p.TableDiff()
			return does(e.DiffTable(ctx, c.Key.Table, c.Time-1, c.Time, s.Record))(func(d *query.Diff) error { return s.End(d, c.Key.Table) })
		},
		func(p *report.Printer) error {
			return does(e.Pickaxe(ctx, ".", query.PickaxeOptions{Mode: query.PickaxeRegex}))(func(x *query.Pickaxe) error { return p.Pickaxe(x, 1) })
		},
		func(p *report.Printer) error { return does(e.Sessions(ctx, all, query.SessionOptions{}))(p.Sessions) },
		func(p *report.Printer) error {
			return does(e.Actor(ctx, c.User, query.ActorOptions{}))(func(a *query.Actor) error { return p.Actor(a, 0) })
		},
		func(p *report.Printer) error {
			return does(e.Blast(ctx, all))(func(b *query.Blast) error { return p.Blast(b, 0) })
		},
		func(p *report.Printer) error {
			return does(e.Compare(ctx, all, all, query.CompareOptions{}))(p.Compared)
		},
	}
	if f != "" && f != report.Table && f != report.CSV {
		prints = append(prints, func(p *report.Printer) error {
			return does(e.Case(ctx, all, query.CaseOptions{Title: c.User}))(p.Case)
		})
	}
	return prints
}

// does hands an answer to its printer.
func does[T any](answer T, err error) func(func(T) error) error {
	return func(print func(T) error) error {
		if err != nil {
			return err
		}
		return print(answer)
	}
}

// The report of hostile changes is one page that loads and runs nothing.
func TestHostileCase(t *testing.T) {
	for _, c := range []audit.Change{hostile(), story()[1]} {
		prints := verbPrints(c, report.HTML)
		var b bytes.Buffer
		if err := prints[len(prints)-1](report.New(&b, report.Options{Format: report.HTML})); err != nil {
			t.Fatal(err)
		}
		checkPage(t, b.String())
		if !strings.Contains(b.String(), "<svg") || !strings.Contains(b.String(), "<rect") {
			t.Error("there is no histogram")
		}
	}
}

// A report in a format that it has not is an error, and prints nothing.
func TestCaseHasNoTable(t *testing.T) {
	for _, f := range []report.Format{report.Table, report.CSV} {
		var b bytes.Buffer
		if err := report.New(&b, report.Options{Format: f}).Case(&query.Case{}); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %q", f, err, b.String())
		}
	}
}

// Tables of every verb fit the terminal, however long what they print is.
func TestVerbsFitTheTerminal(t *testing.T) {
	c := hostile()
	c.User = strings.Repeat("long 東京 ", 40)
	for _, width := range []int{60, 80, 140} {
		for i, print := range verbPrints(c, report.Table) {
			var b bytes.Buffer
			if err := print(report.New(&b, report.Options{Width: width})); err != nil {
				t.Fatal(err)
			}
			for line := range strings.SplitSeq(b.String(), "\n") {
				if n := cells(line); n > width {
					t.Errorf("print %d is %d columns wide on %d: %q", i, n, width, line)
				}
			}
		}
	}
}

// cells is how many columns a line takes: two for the characters of East Asia.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x3000 && r < 0xa000 {
			n++
		}
	}
	return n
}
