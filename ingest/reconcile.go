package ingest

import (
	"context"
	"errors"
	"slices"

	"recourse/audit"
)

// Reconciled says how one table's log on one node compares with what is stored.
type Reconciled struct {
	Node   string      `json:"node"`
	Table  audit.Table `json:"table"`
	From   audit.Time  `json:"from"`
	To     audit.Time  `json:"to"`
	Logged int         `json:"logged"` // changes that the log shows now
	Stored int         `json:"stored"` // changes that are stored of that time, first read from this node
	Healed int         `json:"healed"` // of the logged: those that were not stored and are now
	Differ int         `json:"differ"` // of the logged: those that now read otherwise
	Gone   int         `json:"gone"`   // of the stored: those that the log does not show any more, though it should
	// Unreadable counts the stretches of the log that cannot be read and whose
	// changes are not stored.
	Unreadable int `json:"unreadable"`
	// Minutes are those in which the two do not agree.
	Minutes []Minute `json:"minutes"`
	Err     error    `json:"-"` // why the table could not be read to its end

	minutes map[int64]*Minute
}

// A Minute is one minute of a table's log and store.
type Minute struct {
	Time   audit.Time `json:"time"`
	Logged int        `json:"logged"`
	Stored int        `json:"stored"`
	Healed int        `json:"healed"`
	Gone   int        `json:"gone"`
}

// minute is that of a time. A nil report counts nothing.
func (r *Reconciled) minute(at audit.Time) *Minute {
	const length = 60_000
	n := int64(at / length)
	m := r.minutes[n]
	if m == nil {
		m = &Minute{Time: audit.Time(n * length)}
		if r.minutes == nil {
			r.minutes = map[int64]*Minute{}
		}
		r.minutes[n] = m
	}
	return m
}

// logged counts what a window showed, once it is through: one that fails is read
// again.
func (r *Reconciled) logged(at []audit.Time) {
	if r == nil {
		return
	}
	r.Logged += len(at)
	for _, t := range at {
		r.minute(t).Logged++
	}
}

func (r *Reconciled) stored(got audit.Appended) {
	r.Healed += got.New
	r.Differ += got.Divergences
}

func (r *Reconciled) held(c *audit.Change) {
	if r == nil {
		return
	}
	r.Stored++
	r.minute(c.Time).Stored++
}

func (r *Reconciled) gone(lost []audit.Change) {
	if r == nil {
		return
	}
	r.Gone += len(lost)
	for i := range lost {
		r.minute(lost[i].Time).Gone++
	}
}

// close lists the minutes that do not agree.
func (r *Reconciled) close() {
	for _, m := range r.minutes {
		if m.Logged != m.Stored || m.Gone > 0 {
			r.Minutes = append(r.Minutes, *m)
		}
	}
	slices.SortFunc(r.Minutes, func(a, b Minute) int { return int(a.Time-b.Time) / 60_000 })
	r.minutes = nil
}

// Reconcile reads the logs of all tables from a time on, 0 for all that Harper
// keeps, and holds them against what is stored: what is missing is stored, what
// differs is counted. tables names some; nil is all. A table that fails does not
// stop the others: its Err says why.
func (t *Tailer) Reconcile(ctx context.Context, tables []audit.Table, from audit.Time) ([]Reconciled, error) {
	targets, err := t.targets(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.load(ctx); err != nil {
		return nil, err
	}
	var all []Reconciled
	for _, tg := range targets {
		if len(tables) > 0 && !slices.Contains(tables, tg.table) {
			continue
		}
		server, err := t.serverTime(ctx)
		if err != nil {
			return all, err
		}
		one := t.reconcile(ctx, t.table(tg), server, from)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		if tg.system && isRefused(one.Err) {
			continue
		}
		all = append(all, one)
	}
	return all, nil
}

func (t *Tailer) reconcile(ctx context.Context, tb *table, server, from audit.Time) Reconciled {
	if from == 0 {
		from = server - ms(t.retention())
	}
	out := Reconciled{Node: t.o.Node, Table: tb.table, From: from, To: server}
	back := Rescan{Back: fromMS(server - from)}
	tb.pass = &pass{tier: back, next: max(from, 0), server: server, report: &out}
	for tb.pass != nil && ctx.Err() == nil {
		_, out.Err = t.rescan(ctx, tb, server)
		if out.Err != nil && !errors.Is(out.Err, errSpent) {
			break
		}
	}
	for _, g := range tb.memory.gaps {
		if g.Healed == 0 && g.Kind == audit.GapUnreadable && g.From >= from {
			out.Unreadable++
		}
	}
	out.close()
	return out
}
