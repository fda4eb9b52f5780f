package query

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"recourse/audit"
)

// A TableAsOf says what a table was like at a time: how many records of each state
// there were. The records themselves are handed over one by one.
type TableAsOf struct {
	Database string          `json:"database"`
	Table    string          `json:"table"`
	At       *audit.Time     `json:"at"`
	AtISO    *string         `json:"at_iso"`
	Summary  TableAsOfCounts `json:"summary"`
}

// TableAsOfCounts are how many of the records that are known of were there, were
// not (of those none is handed over), or may have been.
type TableAsOfCounts struct {
	Present int `json:"present"`
	Absent  int `json:"absent"`
	Unknown int `json:"unknown"`
	Footing
}

// mostSeen is how many records are told apart in one pass over a table's changes.
const mostSeen = 1 << 21

// AsOfTable hands over the records of a table as they were at a time, those that
// were there and those of which that is not known, in no order of their keys. What
// is held in memory does not grow with the records: the changes of a table are
// read once for each two million of them. If ctx ends first, the counts of what was
// handed over are returned beside the error.
func (e *Engine) AsOfTable(ctx context.Context, table audit.Table, t audit.Time, take func(*RecordAsOf) error) (*TableAsOf, error) {
	began := time.Now()
	out := &TableAsOf{Database: table.Database, Table: table.Name, At: Number(t), AtISO: ISO(t)}
	p, err := e.past(ctx)
	if err != nil {
		return nil, fmt.Errorf("as of: %w", err)
	}
	w := &tableWalk{engine: e, past: p, table: table, at: t, out: out, take: take}
	if err = w.run(ctx); err != nil {
		err = fmt.Errorf("as of: %w", err)
		if !interrupted(ctx, err) {
			return nil, err
		}
	}
	return out, e.foot(ctx, &out.Summary.Footing, began, err, timeScope(table, 0, t))
}

// A tableWalk goes through a table's changes, newest first, and takes of each
// record the first that it meets up to the time.
type tableWalk struct {
	engine *Engine
	past   *past
	table  audit.Table
	at     audit.Time
	out    *TableAsOf
	take   func(*RecordAsOf) error

	covered *coveredTimes
	part    uint64 // of the parts into which the records are split, the one that is looked at
	parts   uint64
	seeds   [2]maphash.Seed
	met     map[recordHash]audit.Seq // the earliest change after the time; 0: the record is told
	later   int                      // records that are not told yet
}

// A recordHash stands for a record in a cluster: two seeded hashes, so that nobody
// can make two records of one.
type recordHash [2]uint64

func (w *tableWalk) hash(cluster string, k audit.Key) recordHash {
	var h recordHash
	for i, seed := range w.seeds {
		h[i] = maphash.Comparable(seed, [2]string{cluster, string(k.ID)})
	}
	return h
}

func (w *tableWalk) run(ctx context.Context) error {
	w.covered = w.past.covered(w.table)
	expr := Of(Field{Name: FieldTable, Pattern: Exactly(w.table.String())})
	n, err := w.engine.Count(ctx, expr)
	if err != nil {
		return err
	}
	w.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	w.parts = uint64(n.Total/mostSeen) + 1
	for w.part = range w.parts {
		w.met, w.later = map[recordHash]audit.Seq{}, 0
		if err := w.baselined(ctx); err != nil {
			return err
		}
		_, err := w.engine.Stream(ctx, Query{Expr: expr}, func(changes []audit.Change) error {
			for i := range changes {
				if err := w.meet(&changes[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := w.rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// baselined tells the records that baselines hold, one by one.
func (w *tableWalk) baselined(ctx context.Context) error {
	for b, err := range w.past.archive.BaseKeys(ctx, w.table) {
		if err != nil {
			return err
		}
		h := w.hash(b.Cluster, b.Key)
		if h[0]%w.parts != w.part {
			continue
		}
		w.met[h] = 0
		lives, err := w.past.livesOf(ctx, b.Key)
		if err != nil {
			return err
		}
		r, _, err := w.past.at(ctx, b.Key, b.Cluster, lives[b.Cluster], w.at)
		if err != nil {
			return err
		}
		if err := w.tell(&r); err != nil {
			return err
		}
	}
	return nil
}

// meet takes the next change.
func (w *tableWalk) meet(c *audit.Change) error {
	if c.Op.Kind() == audit.KindMessage || c.Key.Table != w.table {
		return nil
	}
	h := w.hash(c.Cluster, c.Key)
	if h[0]%w.parts != w.part {
		return nil
	}
	seq, met := w.met[h]
	switch {
	case met && seq == 0:
		return nil
	case c.Time > w.at:
		if !met {
			w.later++
		}
		w.met[h] = c.Seq
		return nil
	}
	if met {
		w.later--
	}
	w.met[h] = 0
	r := RecordAsOf{RecordRef: recordRef(c.Key, c.Cluster), Change: refPtr(c)}
	r.fill(w.past.carried(c, w.at))
	if r.State == audit.Unknown {
		r.Why = w.past.whyUnknown(c, nil)
	}
	return w.tell(&r)
}

// rest tells the records of which all changes are after the time.
func (w *tableWalk) rest(ctx context.Context) error {
	seqs := make([]audit.Seq, 0, w.later)
	for _, seq := range w.met {
		if seq != 0 {
			seqs = append(seqs, seq)
		}
	}
	slices.SortFunc(seqs, func(a, b audit.Seq) int { return cmp.Compare(a, b) })
	view, err := w.engine.Store.View(ctx)
	if err != nil {
		return err
	}
	defer view.Close()
	for part := range slices.Chunk(seqs, audit.BlockSize) {
		changes, err := view.Read(ctx, part)
		if err != nil {
			return err
		}
		for i := range changes {
			if err := w.first(&changes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// first tells of a record what its first change says of it before.
func (w *tableWalk) first(c *audit.Change) error {
	c = &life(nil).with(*c)[0]
	r := RecordAsOf{RecordRef: recordRef(c.Key, c.Cluster), Next: refPtr(c)}
	if c.Before.State != audit.Unknown && w.covered.whole(w.at, c.Time) {
		r.fill(c.Before)
		r.Why = "so the next change found it, and the log was read whole between"
	} else {
		r.Why = w.past.whyUnknown(nil, c)
	}
	return w.tell(&r)
}

func (w *tableWalk) tell(r *RecordAsOf) error {
	n := &w.out.Summary
	switch r.State {
	case audit.Absent:
		n.Absent++
		return nil
	case audit.Present:
		n.Present++
	default:
		n.Unknown++
	}
	return w.take(r)
}
