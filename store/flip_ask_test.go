package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"time"

	"recourse/audit"
	"recourse/index"
	"recourse/query"
	"recourse/store"
)

// answers are what a folder says to a set of questions, one a line: what it cannot
// answer is an error that is none of these lines.
func answers(dir string) (lines []string, err error) {
	// A map of a file that is damaged may be read beyond its end.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err := store.Open(filepath.Join(dir, "store"), flipOptions())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	x, err := index.Open(filepath.Join(dir, "index"), index.Options{Wait: 50 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	return ask(db, x)
}

var flipQuestions = []string{
	"*", "paid", "carries:paid", "p*", "*ing", "payd~", "user:eve", "-user:eve", "op:delete", "table:shop.orders", "node:n1", "attr:status", "attr:*",
	"late:true", "lossy:true", "rule:r-1", "rule:r-*", "id:3", "before:unknown", "after.status:paid", `key:shop.orders/3`, "seq:[20..90]", "time>=1785600500000", "carries:payment or user:svc-*",
}

func ask(db *store.DB, x *index.Index) (lines []string, err error) {
	ctx := context.Background()
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	e := &query.Engine{Store: searched{db}, Words: x, Now: func() time.Time { return questionsFrom }}
	for _, text := range flipQuestions {
		expr, err := query.Parse(text, questionsFrom)
		if err != nil {
			return nil, err
		}
		r, err := e.Search(ctx, query.Query{Expr: expr, Limit: 40})
		if err != nil {
			return nil, err
		}
		say("%s: %d %v %v", text, r.Summary.Total, r.Summary.Complete, numbers(r.Changes))
		f, err := e.Facets(ctx, expr, audit.Facets(), 5)
		if err != nil {
			return nil, err
		}
		say("%s: %v", text, f.Facets)
	}
	for c, err := range db.Follow(ctx, 0) {
		if err != nil {
			return nil, err
		}
		say("%+v", c)
	}
	var all []error
	tables, e1 := db.Tables(ctx)
	users, e2 := db.Users(ctx)
	gaps, e3 := db.Gaps(ctx)
	spans, e4 := db.Spans(ctx)
	cursors, e5 := db.Cursors(ctx)
	alerts, e6 := db.Alerts(ctx)
	baselines, e7 := db.Baselines(ctx)
	state, e8 := db.RuleState(ctx)
	receipts, e9 := db.Receipts(ctx, "p")
	say("%v %v %v %v %v %v %v %v %v", tables, users, gaps, spans, cursors, alerts, baselines, state, receipts)
	for seq := audit.Seq(1); seq <= db.Last(); seq += 7 {
		d, err := db.Divergences(ctx, seq)
		all = append(all, err)
		say("%v", d)
	}
	if all = append(all, e1, e2, e3, e4, e5, e6, e7, e8, e9); errors.Join(all...) != nil {
		return nil, errors.Join(all...)
	}
	problems := 0
	_, err = db.Verify(ctx, func(string) { problems++ })
	if err == nil && problems > 0 {
		err = fmt.Errorf("%d problems", problems)
	}
	return lines, err
}
