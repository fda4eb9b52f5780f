package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"recourse/audit"
)

// A BlastClass is how a record stands that was touched by changes in question.
type BlastClass string

// The classes of a blast radius, from the worst.
const (
	// BlastStillBad: something is as one of the changes left it, and not as it was
	// before them.
	BlastStillBad BlastClass = "still-bad"
	// BlastUnknown: nothing is known to be as they left it, and something may be; or
	// others may have counted on from a number that they gave.
	BlastUnknown BlastClass = "unknown"
	// BlastDeleted: somebody else has deleted the record since.
	BlastDeleted BlastClass = "deleted"
	// BlastOverwritten: others have written since what they had written.
	BlastOverwritten BlastClass = "overwritten"
	// BlastReverted: all is as it was before them, or we have written it since, or
	// the ledger says that they are taken back.
	BlastReverted BlastClass = "reverted"
)

// BlastClasses are all classes, from the worst.
func BlastClasses() []BlastClass {
	return []BlastClass{BlastStillBad, BlastUnknown, BlastDeleted, BlastOverwritten, BlastReverted}
}

// A Blast is what became of the records that some changes have touched.
type Blast struct {
	Records []BlastRecord `json:"records"` // by table and key
	Summary BlastSummary  `json:"summary"`
}

// A BlastRecord is one record that was touched.
type BlastRecord struct {
	RecordRef
	Class   BlastClass   `json:"class"`
	State   audit.State  `json:"state"` // as it is now, as far as is stored
	Trust   audit.Trust  `json:"trust"` // the least of its images since the first of the changes
	Changes int          `json:"changes"`
	First   *Ref         `json:"first"` // of the changes in question
	Last    *Ref         `json:"last"`
	Values  []BlastValue `json:"values"` // what they touched, by path
	// Doubt says that they may have written more than Values has, and nobody knows
	// what: images between were read too late.
	Doubt   bool          `json:"doubt,omitempty"`
	Writers []BlastWriter `json:"writers"`         // others who have written it since the first of them
	Plans   []string      `json:"plans,omitempty"` // those of ours by which the ledger has the changes taken back
}

// A BlastValue is an attribute that was touched. Objects are entered; the empty
// path is the record's being there.
type BlastValue struct {
	Path  string     `json:"path"`
	Class BlastClass `json:"class"`
	// Known says that Before is how it was before the first of the changes.
	Known  bool        `json:"known"`
	Before audit.Value `json:"before,omitzero"` // absent: it was not there, or that is not known
	Now    audit.Value `json:"now,omitzero"`    // absent: it is not there, or that is not known
	Change *Ref        `json:"change"`          // that gave it its value
}

// A BlastWriter is somebody else who has written a record since, our own applies
// left out.
type BlastWriter struct {
	User    *string `json:"user"` // null: the log named none
	Changes int     `json:"changes"`
	Over    bool    `json:"over"` // wrote something that the changes in question had touched
	Last    *Ref    `json:"last"`
}

// BlastCounts are records by class.
type BlastCounts struct {
	StillBad    int `json:"still_bad"`
	Unknown     int `json:"unknown"`
	Deleted     int `json:"deleted"`
	Overwritten int `json:"overwritten"`
	Reverted    int `json:"reverted"`
}

// Of is how many records are of a class.
func (n *BlastCounts) Of(c BlastClass) int { return *n.of(c) }

func (n *BlastCounts) of(c BlastClass) *int {
	switch c {
	case BlastStillBad:
		return &n.StillBad
	case BlastDeleted:
		return &n.Deleted
	case BlastOverwritten:
		return &n.Overwritten
	case BlastReverted:
		return &n.Reverted
	}
	return &n.Unknown
}

// A BlastTable is the records of one table, by class.
type BlastTable struct {
	Database string `json:"database"`
	Table    string `json:"table"`
	Records  int    `json:"records"`
	BlastCounts
}

// A BlastHonest is somebody else who has written touched records since.
type BlastHonest struct {
	User    *string `json:"user"`
	Records int     `json:"records"`
	Changes int     `json:"changes"`
}

// A BlastSummary is of all records together.
type BlastSummary struct {
	Records  int `json:"records"`
	Changes  int `json:"changes"`  // that match, messages left out
	Messages int `json:"messages"` // that match; they touch no record
	BlastCounts
	Tables  []BlastTable  `json:"tables"`
	Writers []BlastHonest `json:"writers"` // the one with the most records first
	Footing
}

// Blast says of each record that the changes which match have touched how it stands
// now. If ctx ends first, the records that were told until then are returned beside
// the error.
func (e *Engine) Blast(ctx context.Context, expr Expr) (*Blast, error) {
	b := &Blast{Records: []BlastRecord{}}
	sum, err := e.BlastEach(ctx, expr, func(r *BlastRecord) error {
		b.Records = append(b.Records, *r)
		return nil
	})
	if sum == nil {
		return nil, err
	}
	b.Summary = *sum
	return b, err
}

// BlastEach is Blast that hands the records over one by one, sorted by table and
// key.
func (e *Engine) BlastEach(ctx context.Context, expr Expr, take func(*BlastRecord) error) (*BlastSummary, error) {
	began := time.Now()
	expr, err := e.Names.Bind(ctx, expr)
	if err != nil {
		return nil, fmt.Errorf("blast: %w", err)
	}
	w := &blasting{sum: &BlastSummary{}, tables: map[audit.Table]*BlastTable{}, writers: map[string]*BlastHonest{}, take: take}
	err = w.run(ctx, e, expr)
	if err != nil {
		err = fmt.Errorf("blast: %w", err)
		if !interrupted(ctx, err) {
			return nil, err
		}
	}
	w.finish()
	from, _ := expr.Times()
	return w.sum, e.foot(ctx, &w.sum.Footing, began, err, func(r *Reading) Coverage {
		return r.Of(r.TablesOf(expr), from, forever)
	})
}

// blasting is a blast radius in the making.
type blasting struct {
	sum     *BlastSummary
	ledger  *audit.Ledger
	taken   map[audit.ChangeID]string // what is reverted, and by which plan
	suspect map[audit.Key]*suspicion
	tables  map[audit.Table]*BlastTable
	writers map[string]*BlastHonest
	take    func(*BlastRecord) error
}

func (w *blasting) run(ctx context.Context, e *Engine, expr Expr) error {
	archive, err := e.archive()
	if err != nil {
		return err
	}
	if w.ledger, err = archive.Ledger(ctx); err != nil {
		return err
	}
	w.taken, w.suspect = w.ledger.Reverted(), map[audit.Key]*suspicion{}
	err = e.outlines(ctx, expr, func(changes []audit.Change) error {
		for i := range changes {
			w.suspectChange(&changes[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range w.suspect {
		slices.Sort(s.seqs)
	}
	return w.each(ctx, e)
}

func (w *blasting) suspectChange(c *audit.Change) {
	if c.Op.Kind() == audit.KindMessage {
		w.sum.Messages++
		return
	}
	w.sum.Changes++
	s := w.suspect[c.Key]
	if s == nil {
		s = &suspicion{}
		w.suspect[c.Key] = s
	}
	s.add(c)
}

func (w *blasting) count(r *BlastRecord) {
	w.sum.Records++
	*w.sum.of(r.Class)++
	k := r.Record().Table
	t := w.tables[k]
	if t == nil {
		t = &BlastTable{Database: k.Database, Table: k.Name}
		w.tables[k] = t
	}
	t.Records++
	*t.of(r.Class)++
	for _, by := range r.Writers {
		name := ""
		if by.User != nil {
			name = *by.User
		}
		h := w.writers[name]
		if h == nil {
			h = &BlastHonest{User: by.User}
			w.writers[name] = h
		}
		h.Records++
		h.Changes += by.Changes
	}
}

func (w *blasting) finish() {
	w.sum.Tables, w.sum.Writers = []BlastTable{}, []BlastHonest{}
	for _, t := range slices.SortedFunc(maps.Keys(w.tables), compareTables) {
		w.sum.Tables = append(w.sum.Tables, *w.tables[t])
	}
	for _, name := range slices.Sorted(maps.Keys(w.writers)) {
		w.sum.Writers = append(w.sum.Writers, *w.writers[name])
	}
	slices.SortStableFunc(w.sum.Writers, func(a, b BlastHonest) int { return cmp.Compare(b.Records, a.Records) })
}
