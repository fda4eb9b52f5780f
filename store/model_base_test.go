package store

import (
	"context"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"recourse/audit"
)

// longAgo is far enough from the times of the other generated changes for a
// record without a version.
const longAgo = -200_000

// drawBaselines adds baselines and records of keys that have changes, or may get
// some.
func (m *model) drawBaselines(t *rapid.T, b *audit.Batch) {
	if rapid.IntRange(0, 2).Draw(t, "baseline") != 0 {
		return
	}
	times := rapid.SampledFrom([]audit.Time{longAgo, -8, -7, -3, 0, 0.5, 1, 1.25, 1.5, 2, 2.5, 3})
	for range rapid.IntRange(0, 2).Draw(t, "baselines") {
		l := audit.Baseline{ID: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "baseline id"), Table: modelTable, Begun: times.Draw(t, "begun")}
		if rapid.Bool().Draw(t, "complete") {
			l.Ended = l.Begun + 0.25
		}
		b.Baselines = append(b.Baselines, l)
	}
	known := append(slices.Clone(m.changes), b.Changes...)
	for range rapid.IntRange(0, 5).Draw(t, "records") {
		if len(known) == 0 {
			return
		}
		c := rapid.SampledFrom(known).Draw(t, "record of")
		r := audit.BaseRecord{Baseline: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "baseline id"), Cluster: c.Cluster, Key: c.Key,
			Version: c.Time, Seen: times.Draw(t, "seen"), Body: c.After.Body, Lossy: rapid.IntRange(0, 3).Draw(t, "lossy record") == 0}
		switch rapid.IntRange(0, 3).Draw(t, "version") {
		case 0:
			r.Version = 0
		case 1:
			r.Version = times.Draw(t, "other version")
		}
		if r.Body == nil || rapid.Bool().Draw(t, "other body") {
			r.Body = bodyGen.Draw(t, "base body")
		}
		r.Until = r.Seen + 0.25
		b.Records = append(b.Records, r)
	}
}

// basesOf are the records of the baselines that a change may meet, in the order
// of their being looked at.
func (m *model) basesOf(c *audit.Change) (all []audit.BaseRecord) {
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		if r := m.records[key]; r.Key == c.Key && r.Cluster == c.Cluster {
			all = append(all, r)
		}
	}
	return all
}

// withAfter is the change with the image that a baseline saw, if that is better.
func (m *model) withAfter(c audit.Change) audit.Change {
	if c.Op.Kind() != audit.KindWrite || c.After.State == audit.Present && c.After.Trust == audit.Exact {
		return c
	}
	twins := 0
	for i := range m.changes {
		if o := &m.changes[i]; o.Key == c.Key && o.Cluster == c.Cluster && bits(o.Time) == bits(c.Time) {
			twins++
		}
	}
	if twins != 1 {
		return c
	}
	var found []audit.BaseRecord
	for _, r := range m.basesOf(&c) {
		if r.Version != 0 && r.Version == c.Time {
			found = append(found, r)
		}
	}
	typed := slices.IndexFunc(found, func(r audit.BaseRecord) bool { return !r.Lossy })
	switch {
	case typed >= 0:
		after := audit.PresentImage(found[typed].Body, audit.Baselined, audit.Exact)
		if sameImage(&c, &audit.Change{After: after}) {
			after.Source = c.After.Source
		}
		c.After = after
	case len(found) > 0 && c.After.State == audit.Unknown:
		c.After = audit.PresentImage(found[0].Body, audit.Baselined, audit.Provisional)
	}
	return c
}

// withBefore is the change with the images before and after it, by the
// definition.
func (m *model) withBefore(c audit.Change) audit.Change {
	c = m.withAfter(c)
	if c.Before.Source == audit.Logged {
		return c
	}
	var prev *audit.Change
	for i := range m.changes {
		p := &m.changes[i]
		if p.Key == c.Key && p.Cluster == c.Cluster && p.Op != audit.OpMessage && inOrder(*p, c) < 0 &&
			(prev == nil || inOrder(*prev, *p) < 0) {
			prev = p
		}
	}
	if prev != nil {
		before := m.withAfter(*prev)
		prev = &before
	}
	c.Before = m.carried(&c, prev)
	bases := slices.DeleteFunc(m.basesOf(&c), func(r audit.BaseRecord) bool { return !shows(&r, &c, prev) })
	if len(bases) == 0 {
		if prev == nil && c.Before.State == audit.Unknown && m.missing(&c) {
			c.Before = audit.AbsentImage(audit.Baselined, audit.Prompt)
		}
		return c
	}
	slices.SortStableFunc(bases, func(a, b audit.BaseRecord) int {
		switch {
		case a.Seen != b.Seen && a.Seen > b.Seen, a.Seen == b.Seen && !a.Lossy && b.Lossy:
			return -1
		case a.Seen == b.Seen && a.Lossy == b.Lossy:
			return 0
		}
		return 1
	})
	r := bases[0]
	image := audit.PresentImage(r.Body, audit.Baselined, audit.Exact)
	if r.Version == 0 {
		image.Trust = audit.Prompt
	}
	if r.Lossy || m.hides(c.Key.Table, r.Seen, c.Time) {
		image.Trust = audit.Provisional
	}
	agrees := prev != nil && (r.Version == prev.Time || c.Before.State == audit.Present && c.Before.Body.Equal(r.Body))
	switch {
	case c.Op == audit.OpInsert:
		c.Before = audit.Image{}
	case agrees && image.Trust <= trustOf(c.Before):
	default:
		c.Before = image
	}
	return c
}

// carried is the image before a change as the change before it tells.
func (m *model) carried(c, prev *audit.Change) audit.Image {
	insert := c.Op == audit.OpInsert
	if prev == nil || prev.After.State == audit.Unknown {
		if insert {
			return audit.Image{State: audit.Absent, Source: audit.Logged, Trust: audit.Exact}
		}
		return audit.Image{}
	}
	if insert && prev.After.State == audit.Present {
		return audit.Image{}
	}
	image := prev.After
	image.Source = audit.Folded
	if !insert && m.hides(c.Key.Table, prev.Time, c.Time) && image.Trust > audit.Provisional {
		image.Trust = audit.Provisional
	}
	return image
}

// shows says that a base record tells how the record was between two changes.
func shows(r *audit.BaseRecord, c, prev *audit.Change) bool {
	if r.Version == 0 {
		return r.Until+60_000 < c.Time && (prev == nil || prev.Time < r.Seen-60_000)
	}
	return r.Version < c.Time && r.Seen < c.Time && (prev == nil || prev.Time <= r.Version)
}

// missing says that a complete baseline shows that there was no record.
func (m *model) missing(c *audit.Change) bool {
	var last audit.Baseline
	for _, l := range m.baselines {
		if l.Table == c.Key.Table && l.Cluster == c.Cluster && l.Ended != 0 && l.Ended < c.Time && (last.ID == "" || last.Ended < l.Ended) {
			last = l
		}
	}
	if last.ID == "" || len(m.read) == 0 || m.hides(c.Key.Table, last.Begun, c.Time) {
		return false
	}
	return !slices.ContainsFunc(m.basesOf(c), func(r audit.BaseRecord) bool { return r.Baseline == last.ID || r.Until >= last.Begun })
}

// compareAsOf asks for each record at some times, and for its newest change.
func (m *model) compareAsOf(t *rapid.T, db *DB, want []audit.Change, equal func(string, any, any)) {
	ctx := context.Background()
	newest := map[string]audit.Change{}
	for _, c := range want {
		name := c.Cluster + "/" + c.Key.String()
		if old, found := newest[name]; c.Op != audit.OpMessage && (!found || inOrder(old, c) < 0) {
			newest[name] = c
		}
		for _, at := range []audit.Time{c.Time, 0.75, 5} {
			image, err := db.AsOf(ctx, c.Cluster, c.Key, at)
			if err != nil {
				t.Fatal(err)
			}
			equal("as of", m.withBefore(audit.Change{Cluster: c.Cluster, Key: c.Key, Time: at}).Before, image)
		}
	}
	for _, c := range want {
		got, found, err := db.Newest(ctx, c.Cluster, c.Key)
		c, have := newest[c.Cluster+"/"+c.Key.String()]
		if err != nil || found != have {
			t.Fatalf("newest: %v, %v; want %v", found, err, have)
		}
		equal("newest", c, got)
	}
	for _, table := range []audit.Table{modelTable, {Name: "t"}} {
		var some []audit.Change
		for _, c := range slices.SortedFunc(slices.Values(want), inOrder) {
			if c.Key.Table == table && c.Time >= 1 && c.Time < 3 {
				c.Before = audit.Image{}
				some = append(some, c)
			}
		}
		equal("changes of a table", some, all(t, db.TableChanges(ctx, table, 1, 3)))
	}
}
