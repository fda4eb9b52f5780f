package store

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// TestBaselines: what a baseline tells of the image before a change, and after
// the one that it saw. Times are far from one another, for the sake of records
// without a version.
func TestBaselines(t *testing.T) {
	const s = audit.Time(1000)
	exact := func(n int, src audit.Source) audit.Image { return audit.PresentImage(object(n), src, audit.Exact) }
	at := func(time audit.Time, op audit.Op, n int) audit.Change { return made(`"a"`, time, op, object(n)) }
	patch := func(time audit.Time, n int, trust audit.Trust) audit.Change {
		c := at(time, audit.OpPatch, n)
		c.After.Trust = trust
		return c
	}
	unread := at(200*s, audit.OpUpdate, 0)
	unread.After = audit.Image{}
	record := func(version, seen audit.Time, n int) audit.BaseRecord {
		return audit.BaseRecord{Baseline: "b", Key: audit.Key{Table: shop, ID: `"a"`}, Version: version, Seen: seen, Until: seen + s, Body: object(n)}
	}
	lossy := func(r audit.BaseRecord) audit.BaseRecord { r.Lossy = true; return r }
	elsewhere := record(100*s, 300*s, 1)
	elsewhere.Cluster = "eu"
	complete := []audit.Baseline{{ID: "b", Node: "n1", Table: shop, Begun: 250 * s, Ended: 350 * s, Source: audit.FromSearch}}
	unfinished := []audit.Baseline{{ID: "b", Node: "n1", Table: shop, Begun: 250 * s}}
	foreign := []audit.Baseline{{ID: "b", Cluster: "eu", Node: "n1", Table: shop, Begun: 250 * s, Ended: 350 * s}}
	late := []audit.Baseline{{ID: "b", Node: "n1", Table: shop, Begun: 250 * s, Ended: 450 * s}}
	all := []audit.Span{{Node: "n1", Table: shop, From: 0, To: 1e9}}
	half := []audit.Span{{Node: "n1", Table: shop, From: 300 * s, To: 1e9}}
	provisional := func(i audit.Image) audit.Image { i.Trust = audit.Provisional; return i }
	prompt := func(i audit.Image) audit.Image { i.Trust = audit.Prompt; return i }
	last := at(400*s, audit.OpUpdate, 9)

	for name, c := range map[string]struct {
		changes []audit.Change
		batch   audit.Batch // with the baselines
		want    audit.Image // before the change at 400 s
	}{
		"a version older than the log":     {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1)}}, exact(1, audit.Baselined)},
		"read as JSON":                     {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{lossy(record(100*s, 300*s, 1))}}, provisional(exact(1, audit.Baselined))},
		"another cluster's":                {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{elsewhere}}, audit.Image{}},
		"the newest of two":                {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1), record(200*s, 310*s, 2)}}, exact(2, audit.Baselined)},
		"the change's own version":         {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(400*s, 500*s, 9)}}, audit.Image{}},
		"a version after the change":       {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(450*s, 500*s, 9)}}, audit.Image{}},
		"seen after a change it lacks":     {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 500*s, 1)}}, audit.Image{}},
		"a gap after it was seen":          {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1)}, Gaps: []audit.Gap{{Table: shop, From: 350 * s, To: 351 * s}}}, provisional(exact(1, audit.Baselined))},
		"a gap before it was seen":         {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1)}, Gaps: []audit.Gap{{Table: shop, From: 250 * s, To: 251 * s}}}, exact(1, audit.Baselined)},
		"nobody read on from there":        {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 200*s, 1)}, Spans: half}, provisional(exact(1, audit.Baselined))},
		"read on from there":               {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1)}, Spans: half}, exact(1, audit.Baselined)},
		"a write that nobody stored":       {[]audit.Change{at(100*s, audit.OpUpsert, 1), last}, audit.Batch{Records: []audit.BaseRecord{record(200*s, 300*s, 2)}}, exact(2, audit.Baselined)},
		"a version that a change replaced": {[]audit.Change{at(200*s, audit.OpUpsert, 2), last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 150*s, 1)}}, exact(2, audit.Folded)},
		"that which the log tells":         {[]audit.Change{at(100*s, audit.OpUpsert, 1), last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1)}}, exact(1, audit.Folded)},
		"that, behind a gap": {[]audit.Change{at(100*s, audit.OpUpsert, 1), last}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1)},
			Gaps: []audit.Gap{{Table: shop, From: 250 * s, To: 251 * s}}}, exact(1, audit.Baselined)},
		"a patch it confirms":     {[]audit.Change{patch(200*s, 2, audit.Provisional), last}, audit.Batch{Records: []audit.BaseRecord{record(200*s, 300*s, 2)}}, exact(2, audit.Folded)},
		"a patch it corrects":     {[]audit.Change{patch(200*s, 2, audit.Provisional), last}, audit.Batch{Records: []audit.BaseRecord{record(200*s, 300*s, 3)}}, exact(3, audit.Folded)},
		"a write without image":   {[]audit.Change{unread, last}, audit.Batch{Records: []audit.BaseRecord{record(200*s, 300*s, 2)}}, exact(2, audit.Folded)},
		"an exact one it denies":  {[]audit.Change{at(200*s, audit.OpUpsert, 2), last}, audit.Batch{Records: []audit.BaseRecord{record(200*s, 300*s, 3)}}, exact(2, audit.Folded)},
		"lossy, of a patch":       {[]audit.Change{patch(200*s, 2, audit.Prompt), last}, audit.Batch{Records: []audit.BaseRecord{lossy(record(200*s, 300*s, 3))}}, prompt(exact(2, audit.Folded))},
		"an insert after it":      {[]audit.Change{at(400*s, audit.OpInsert, 9)}, audit.Batch{Records: []audit.BaseRecord{record(100*s, 300*s, 1)}}, audit.Image{}},
		"no version":              {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(0, 300*s, 1)}}, prompt(exact(1, audit.Baselined))},
		"no version, lossy":       {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{lossy(record(0, 300*s, 1))}}, provisional(exact(1, audit.Baselined))},
		"no version, a close one": {[]audit.Change{last}, audit.Batch{Records: []audit.BaseRecord{record(0, 339*s, 1)}}, audit.Image{}},
		"no version, one just before": {[]audit.Change{at(245*s, audit.OpUpsert, 2), last}, audit.Batch{Records: []audit.BaseRecord{record(0, 300*s, 1)}},
			exact(2, audit.Folded)},
		"no version, one long before": {[]audit.Change{at(200*s, audit.OpUpsert, 2), last}, audit.Batch{Records: []audit.BaseRecord{record(0, 300*s, 1)}},
			prompt(exact(1, audit.Baselined))},
		"no version, and the same": {[]audit.Change{at(200*s, audit.OpUpsert, 1), last}, audit.Batch{Records: []audit.BaseRecord{record(0, 300*s, 1)}},
			exact(1, audit.Folded)},
		"not in it":                         {[]audit.Change{last}, audit.Batch{Baselines: complete, Spans: all}, audit.AbsentImage(audit.Baselined, audit.Prompt)},
		"not in it, which is not complete":  {[]audit.Change{last}, audit.Batch{Baselines: unfinished, Spans: all}, audit.Image{}},
		"not in another cluster's":          {[]audit.Change{last}, audit.Batch{Baselines: foreign, Spans: all}, audit.Image{}},
		"not in one that ended later":       {[]audit.Change{last}, audit.Batch{Baselines: late, Spans: all}, audit.Image{}},
		"not in it, the log not read":       {[]audit.Change{last}, audit.Batch{Baselines: complete}, audit.Image{}},
		"not in it, the log not all read":   {[]audit.Change{last}, audit.Batch{Baselines: complete, Spans: half}, audit.Image{}},
		"not in it, but written since":      {[]audit.Change{at(360*s, audit.OpUpsert, 4), last}, audit.Batch{Baselines: complete, Spans: all}, exact(4, audit.Folded)},
		"not in it, a gap since":            {[]audit.Change{last}, audit.Batch{Baselines: complete, Spans: all, Gaps: []audit.Gap{{Node: "n1", Table: shop, From: 360 * s, To: 361 * s}}}, audit.Image{}},
		"in it, but too close to be of use": {[]audit.Change{last}, audit.Batch{Baselines: complete, Spans: all, Records: []audit.BaseRecord{record(0, 345*s, 1)}}, audit.Image{}},
		"not in it, and an insert":          {[]audit.Change{at(400*s, audit.OpInsert, 9)}, audit.Batch{Baselines: complete, Spans: all}, audit.AbsentImage(audit.Logged, audit.Exact)},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			ctx := context.Background()
			for _, change := range c.changes {
				appendAll(t, db, change)
			}
			if _, err := db.Append(ctx, c.batch); err != nil {
				t.Fatal(err)
			}
			for range 2 { // and after opening again
				checkBefore(t, db, last.Key, 400*s, c.want)
				dir := db.dir
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				db = openAt(t, dir)
			}
			mustBeWhole(t, db)
		})
	}
}

// checkBefore asks for the image before a record's newest change in every way.
func checkBefore(t *testing.T, db *DB, k audit.Key, at audit.Time, want audit.Image) {
	t.Helper()
	ctx := context.Background()
	history := collect(t, db.History(ctx, k))
	newest := history[len(history)-1]
	if newest.Time != at {
		t.Fatalf("the newest change is of %v", newest.Time)
	}
	found, ok, err := db.Newest(ctx, "", k)
	if diff := cmp.Diff(newest, found); diff != "" || !ok || err != nil {
		t.Errorf("newest: %v, %v (-history +newest):\n%s", ok, err, diff)
	}
	if diff := cmp.Diff(want, newest.Before); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	for i, c := range history {
		if diff := cmp.Diff(c, mustGet(t, db, c.Seq)); diff != "" {
			t.Errorf("change %d (-history +get):\n%s", i, diff)
		}
	}
	for _, c := range collect(t, db.Follow(ctx, newest.Seq-1)) {
		if diff := cmp.Diff(mustGet(t, db, c.Seq), c); diff != "" {
			t.Errorf("follow (-get +follow):\n%s", diff)
		}
	}
	if newest.Op != audit.OpInsert { // which tells more than the record just before it
		image, err := db.AsOf(ctx, "", k, at)
		if diff := cmp.Diff(want, image); diff != "" || err != nil {
			t.Errorf("as of: %v (-want +got):\n%s", err, diff)
		}
	}
	for i, c := range collect(t, db.TableChanges(ctx, k.Table, 0, at+1)) {
		c.Before = history[i].Before
		if diff := cmp.Diff(history[i], c); diff != "" {
			t.Errorf("changes of the table (-history +got):\n%s", diff)
		}
	}
}
