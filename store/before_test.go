package store

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

func TestBefore(t *testing.T) {
	exact := func(v audit.Value) audit.Image { return audit.PresentImage(v, audit.Logged, audit.Exact) }
	patch := made(`"a"`, 20, audit.OpPatch, object(2))
	patch.After.Trust = audit.Prompt
	unread := made(`"a"`, 20, audit.OpInvalidate, nil)
	legacy := made(`"a"`, 30, audit.OpUpdate, object(3))
	legacy.Before = exact(object(9))
	fetched := made(`"a"`, 30, audit.OpUpdate, object(3))
	fetched.Before = audit.PresentImage(object(9), audit.Fetched, audit.Exact)
	elsewhere := made(`"a"`, 20, audit.OpUpsert, object(7))
	elsewhere.Cluster = "other"
	elsewhere.ID = elsewhere.Identify()
	last := made(`"a"`, 30, audit.OpUpdate, object(3))
	insert := made(`"a"`, 30, audit.OpInsert, object(3))
	folded := func(i audit.Image) audit.Image { i.Source = audit.Folded; return i }
	absent := audit.AbsentImage(audit.Logged, audit.Exact)

	for _, c := range []struct {
		name    string
		changes []audit.Change // in the order of their being stored; the one asked for is the last by time
		gaps    []audit.Gap
		want    audit.Image
	}{
		{"nothing before", []audit.Change{last}, nil, audit.Image{}},
		{"an insert", []audit.Change{insert}, nil, absent},
		{"an insert of an insert's twin", []audit.Change{made(`"b"`, 10, audit.OpInsert, object(1)), insert}, nil, absent},
		{"a write before", []audit.Change{made(`"a"`, 10, audit.OpInsert, object(1)), last}, nil, folded(exact(object(1)))},
		{"the nearest of two", []audit.Change{made(`"a"`, 10, audit.OpInsert, object(1)), patch, last}, nil, folded(patch.After)},
		{"stored late", []audit.Change{last, made(`"a"`, 10, audit.OpInsert, object(1)), patch}, nil, folded(patch.After)},
		{"a delete before", []audit.Change{made(`"a"`, 10, audit.OpDelete, nil), last}, nil, folded(absent)},
		{"a message before", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), made(`"a"`, 20, audit.OpMessage, object(8)), last}, nil, folded(exact(object(1)))},
		{"only messages before", []audit.Change{made(`"a"`, 20, audit.OpMessage, object(8)), last}, nil, audit.Image{}},
		{"an image that nobody saw", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), unread, last}, nil, audit.Image{}},
		{"an insert after such", []audit.Change{unread, insert}, nil, absent},
		{"an insert that contradicts", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), insert}, nil, audit.Image{}},
		{"an insert after a delete", []audit.Change{made(`"a"`, 10, audit.OpDelete, nil), insert}, nil, folded(absent)},
		{"another cluster", []audit.Change{elsewhere, last}, nil, audit.Image{}},
		{"told by the log", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), legacy}, nil, legacy.Before},
		{"told by something else", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), fetched}, nil, folded(exact(object(1)))},
		{"a gap between", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), last}, []audit.Gap{{Table: shop, From: 15, To: 16}},
			audit.PresentImage(object(1), audit.Folded, audit.Provisional)},
		{"a gap before", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), last}, []audit.Gap{{Table: shop, From: 5, To: 10}}, folded(exact(object(1)))},
		{"a gap of another table", []audit.Change{made(`"a"`, 10, audit.OpUpsert, object(1)), last}, []audit.Gap{{From: 15, To: 16}}, folded(exact(object(1)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			for _, change := range c.changes {
				appendAll(t, db, change)
			}
			if _, err := db.Append(context.Background(), audit.Batch{Gaps: c.gaps}); err != nil {
				t.Fatal(err)
			}
			history := collect(t, db.History(context.Background(), last.Key))
			latest := history[len(history)-1]
			if latest.Time != 30 {
				t.Fatalf("the latest is of %v", latest.Time)
			}
			if diff := cmp.Diff(c.want, latest.Before); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, mustGet(t, db, latest.Seq).Before); diff != "" {
				t.Errorf("get (-want +got):\n%s", diff)
			}
			for _, f := range collect(t, db.Follow(context.Background(), latest.Seq-1)) {
				if diff := cmp.Diff(mustGet(t, db, f.Seq), f); diff != "" {
					t.Errorf("follow (-get +follow):\n%s", diff)
				}
			}
		})
	}
}

// TestPages reads more than a page in each way, of a record that two clusters
// have, with times that tie and come in no order.
func TestPages(t *testing.T) {
	db := open(t)
	r := rand.New(rand.NewPCG(1, 2))
	var want []audit.Change
	for from := 0; from < 5000; from += 500 {
		var batch []audit.Change
		for i := from; i < from+500; i++ {
			id := `"many"`
			if i >= 2000 {
				id = `"other"`
			}
			c := made(id, audit.Time(r.IntN(1000)), audit.OpUpsert, object(i))
			c.Cluster = []string{"", "eu"}[r.IntN(2)]
			c.Nth = i
			c.ID = c.Identify()
			batch = append(batch, c)
			c.Seq = audit.Seq(i + 1)
			want = append(want, c)
		}
		appendAll(t, db, batch...)
	}
	ctx := context.Background()
	for i, c := range collect(t, db.Follow(ctx, 0)) {
		if c.Seq != audit.Seq(i+1) || c.ID != want[i].ID {
			t.Fatalf("change %d is %d", i+1, c.Seq)
		}
	}
	slices.SortFunc(want, inOrder)
	var record []audit.Change
	prev := map[string]audit.Image{}
	for _, c := range want {
		if c.Key.ID == `"many"` {
			c.Before = prev[c.Cluster]
			prev[c.Cluster] = c.After
			if c.Before.State != audit.Unknown {
				c.Before.Source = audit.Folded
			}
			i := c.After
			i.Source = audit.Folded
			prev[c.Cluster] = i
			record = append(record, c)
		}
	}
	if diff := cmp.Diff(record, collect(t, db.History(ctx, record[0].Key))); diff != "" {
		t.Fatal(diff)
	}
	for _, newest := range []bool{false, true} {
		got := collect(t, db.ByTime(ctx, 0, 1000, newest))
		if newest {
			slices.Reverse(got)
		}
		if len(got) != len(want) || !slices.EqualFunc(got, want, func(s audit.Seq, c audit.Change) bool { return s == c.Seq }) {
			t.Fatalf("by time, newest first %v: %d changes in another order", newest, len(got))
		}
	}
	unstored := record[0] // stands after those of its own time
	unstored.Seq = 0
	for _, c := range record {
		if c.Cluster == unstored.Cluster && c.Time > unstored.Time {
			if got, found, err := db.Next(ctx, unstored); got != c.Seq || !found || err != nil {
				t.Errorf("next of an unstored change: %d, %v, %v; want %d", got, found, err, c.Seq)
			}
			break
		}
	}
	for c, err := range db.History(ctx, record[0].Key) { // a consumer may stop, and call the store
		if err != nil {
			t.Fatal(err)
		}
		mustGet(t, db, c.Seq)
		break
	}
}
