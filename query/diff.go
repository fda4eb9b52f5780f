package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"recourse/audit"
)

// A DiffClass is what became of a record between two times.
type DiffClass string

// The classes of a diff.
const (
	DiffAdded   DiffClass = "added"
	DiffRemoved DiffClass = "removed"
	DiffChanged DiffClass = "changed"
	DiffSame    DiffClass = "same"
	DiffUnknown DiffClass = "unknown" // what it was at one of the times is not known
)

// A RecordDiff is what became of one record between two times.
type RecordDiff struct {
	RecordRef
	Class   DiffClass  `json:"class"`
	Edits   []Edit     `json:"diff"` // null when not known
	Old     RecordAsOf `json:"old"`
	New     RecordAsOf `json:"new"`
	Changes int        `json:"changes"` // of the record between, messages left out
	Users   []string   `json:"users"`   // who made them, sorted; empty text: the log named none
}

// A Diff is what became of one record, or of the records of a table, between two
// times.
type Diff struct {
	From    *audit.Time `json:"from"`
	FromISO *string     `json:"from_iso"`
	To      *audit.Time `json:"to"`
	ToISO   *string     `json:"to_iso"`
	// Records are those of the one that was asked for, one for each cluster; those
	// of a table are handed over one by one.
	Records []RecordDiff `json:"records,omitempty"`
	Summary DiffSummary  `json:"summary"`
}

// A DiffSummary counts records by what became of them. Of a table, those that
// nobody changed between are not looked at.
type DiffSummary struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	Unknown int `json:"unknown"`
	Footing
}

// Differs says that a record was found to differ.
func (s *DiffSummary) Differs() bool { return s.Added+s.Removed+s.Changed > 0 }

func (s *DiffSummary) count(c DiffClass) {
	switch c {
	case DiffAdded:
		s.Added++
	case DiffRemoved:
		s.Removed++
	case DiffChanged:
		s.Changed++
	case DiffSame:
		s.Same++
	default:
		s.Unknown++
	}
}

// errBackwards says that a diff's times are in the wrong order.
var errBackwards = errors.New("the first time is not before the second")

func newDiff(from, to audit.Time) (*Diff, error) {
	if from >= to {
		return nil, errBackwards
	}
	return &Diff{From: Number(from), FromISO: ISO(from), To: Number(to), ToISO: ISO(to)}, nil
}

// Diff is what became of a record between two times, each as in [Engine.AsOf].
func (e *Engine) Diff(ctx context.Context, key audit.Key, from, to audit.Time) (*Diff, error) {
	began := time.Now()
	d, err := newDiff(from, to)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	p, err := e.past(ctx)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	lives, err := p.livesOf(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	since := from
	for _, cluster := range slices.Sorted(maps.Keys(lives)) {
		r, first, err := p.diff(ctx, key, cluster, lives[cluster], from, to)
		if err != nil {
			return nil, fmt.Errorf("diff: %w", err)
		}
		d.Records, since = append(d.Records, r), min(since, first)
		d.Summary.count(r.Class)
	}
	return d, e.foot(ctx, &d.Summary.Footing, began, nil, timeScope(key.Table, since, to))
}

// DiffTable hands over the records of a table that differ between two times, and
// those that were changed between and may differ, sorted by key. If ctx ends first,
// the counts of what was handed over are returned beside the error.
func (e *Engine) DiffTable(ctx context.Context, table audit.Table, from, to audit.Time, take func(*RecordDiff) error) (*Diff, error) {
	began := time.Now()
	d, err := newDiff(from, to)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	p, err := e.past(ctx)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	keys, err := e.keysOf(ctx, Of(And{
		Field{Name: FieldTable, Pattern: Exactly(table.String())}, When{Op: More, At: from}, When{Op: AtMost, At: to},
	}))
	if err == nil {
		err = e.eachLife(ctx, keys, func(key audit.Key, cluster string, l life) error {
			r, _, err := p.diff(ctx, key, cluster, l, from, to)
			if err != nil {
				return err
			}
			if d.Summary.count(r.Class); r.Class == DiffSame {
				return nil
			}
			return take(&r)
		})
	}
	if err != nil {
		err = fmt.Errorf("diff: %w", err)
		if !interrupted(ctx, err) {
			return nil, err
		}
	}
	return d, e.foot(ctx, &d.Summary.Footing, began, err, timeScope(table, from, to))
}

// diff is what became of a record, and since when the log must have been read
// whole for that to be so.
func (p *past) diff(ctx context.Context, key audit.Key, cluster string, l life, from, to audit.Time) (RecordDiff, audit.Time, error) {
	r := RecordDiff{RecordRef: recordRef(key, cluster), Users: []string{}}
	var since audit.Time
	var err error
	if r.Old, since, err = p.at(ctx, key, cluster, l, from); err != nil {
		return r, 0, err
	}
	if r.New, _, err = p.at(ctx, key, cluster, l, to); err != nil {
		return r, 0, err
	}
	for i := range l {
		if c := &l[i]; c.Time > from && c.Time <= to {
			r.Changes++
			r.Users = append(r.Users, c.User)
		}
	}
	slices.Sort(r.Users)
	r.Users = slices.Compact(r.Users)
	r.Class, r.Edits = classOfDiff(r.Old.image(), r.New.image())
	return r, since, nil
}

func classOfDiff(old, next audit.Image) (DiffClass, []Edit) {
	if old.State == audit.Unknown || next.State == audit.Unknown {
		return DiffUnknown, nil
	}
	d := editsOf(audit.DiffOf(old.Body, next.Body))
	switch {
	case old.State == audit.Absent && next.State == audit.Present:
		return DiffAdded, d
	case old.State == audit.Present && next.State == audit.Absent:
		return DiffRemoved, d
	case len(d) > 0:
		return DiffChanged, d
	}
	return DiffSame, d
}

// keysOf are the records with a change that matches, by table and key.
func (e *Engine) keysOf(ctx context.Context, expr Expr) ([]audit.Key, error) {
	set := map[audit.Key]bool{}
	_, err := e.Stream(ctx, Query{Expr: expr}, func(changes []audit.Change) error {
		for i := range changes {
			if changes[i].Op.Kind() != audit.KindMessage {
				set[changes[i].Key] = true
			}
		}
		return nil
	})
	return sortedKeys(set), err
}

func sortedKeys[V any](set map[audit.Key]V) []audit.Key {
	return slices.SortedFunc(maps.Keys(set), compareKeys)
}

func compareKeys(a, b audit.Key) int {
	return cmp.Or(compareTables(a.Table, b.Table), cmp.Compare(a.ID, b.ID))
}

// eachLife reads the lives of records, one after the other, cluster by cluster.
func (e *Engine) eachLife(ctx context.Context, keys []audit.Key, visit func(audit.Key, string, life) error) error {
	archive, err := e.archive()
	if err != nil {
		return err
	}
	var now audit.Key
	lives := map[string]life{}
	flush := func() error {
		for _, cluster := range slices.Sorted(maps.Keys(lives)) {
			if err := visit(now, cluster, lives[cluster]); err != nil {
				return err
			}
		}
		clear(lives)
		return nil
	}
	for c, err := range archive.Histories(ctx, keys) {
		if err != nil {
			return err
		}
		if c.Key != now {
			if err := flush(); err != nil {
				return err
			}
			now = c.Key
		}
		if c.Op.Kind() != audit.KindMessage {
			lives[c.Cluster] = lives[c.Cluster].with(c)
		}
	}
	return flush()
}
