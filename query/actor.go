package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"recourse/audit"
)

// ActorOptions narrow an actor's profile. The zero value is all of it.
type ActorOptions struct {
	Within Expr          // only changes that it asks for
	Gap    time.Duration // of the sessions; 0 is 15 minutes
	Top    int           // records and other users named at most; 0 is 20
}

// An Actor is the profile of one user.
type Actor struct {
	User *string `json:"user"` // null: the changes for which the log names nobody
	// First and Last are the user's earliest and latest change; nil: there is none.
	First *Ref `json:"first"`
	Last  *Ref `json:"last"`
	// Hours counts changes by weekday (0 is Sunday) and hour, in UTC. Outside counts
	// those at times that no calendar has.
	Hours   [7][24]int `json:"hours"`
	Outside int        `json:"outside"`

	Tables   []ActorTable  `json:"tables"` // the most changes first
	Ops      []Counted     `json:"ops"`
	Nodes    []Counted     `json:"nodes"`
	Attrs    []Counted     `json:"attributes"` // edited, or perhaps edited
	Sessions []Session     `json:"sessions"`   // by their begin
	Alerts   []ActorAlert  `json:"alerts"`     // that have a change of the user as evidence, by their first
	Records  []ActorRecord `json:"records"`    // the most changed first
	Others   []ActorOther  `json:"others"`     // who else has changed these records, the most records first
	Summary  ActorSummary  `json:"summary"`
}

// An ActorTable is what a user did to one table. First is the earliest change of it,
// which is when the user was first seen there.
type ActorTable struct {
	Database string    `json:"database"`
	Table    string    `json:"table"`
	Changes  int       `json:"changes"`
	Records  int       `json:"records"`
	Ops      []ActorOp `json:"ops"` // by their first
	First    *Ref      `json:"first"`
	Last     *Ref      `json:"last"`
}

// An ActorOp is what a user did to a table by one operation.
type ActorOp struct {
	Op      audit.Op `json:"op"`
	Changes int      `json:"changes"`
	First   *Ref     `json:"first"` // the first time that the user did so there
}

// An ActorAlert is an alert that rests on the user's changes.
type ActorAlert struct {
	ID       string           `json:"id"`
	Rule     string           `json:"rule"`
	Severity string           `json:"severity"`
	State    audit.AlertState `json:"state"`
	Title    string           `json:"title"`
	First    *audit.Time      `json:"first_time"`
	FirstISO *string          `json:"first_time_iso"`
	Changes  int              `json:"changes"` // of the user among its evidence
}

// An ActorRecord is a record that the user has changed.
type ActorRecord struct {
	RecordRef
	Changes int `json:"changes"`
}

// An ActorOther is another user who has changed the same records.
type ActorOther struct {
	User    *string `json:"user"`
	Records int     `json:"records"`
	Changes int     `json:"changes"`
}

// An ActorSummary counts what the profile is made of.
type ActorSummary struct {
	Changes  int   `json:"changes"`
	Records  int   `json:"records"`
	Others   int   `json:"others"`
	Sessions int   `json:"sessions"`
	GapMS    int64 `json:"gap_ms"`
	Late     int   `json:"late"`
	Footing
}

// ofUser asks for the changes of a user.
func ofUser(name string) Expr { return Of(Field{Name: FieldUser, Pattern: Exactly(name)}) }

// Actor is the profile of a user, whose name may be empty: then it is that of all
// changes for which the log names nobody. If ctx ends first, what was found is
// returned beside the error.
func (e *Engine) Actor(ctx context.Context, user string, o ActorOptions) (*Actor, error) {
	began := time.Now()
	archive, err := e.archive()
	if err != nil {
		return nil, fmt.Errorf("actor: %w", err)
	}
	by, err := newSessions(SessionOptions{Gap: o.Gap})
	if err != nil {
		return nil, fmt.Errorf("actor: %w", err)
	}
	expr, err := e.Names.Bind(ctx, Conjunction(ofUser(user), o.Within))
	if err != nil {
		return nil, fmt.Errorf("actor: %w", err)
	}
	a := &acting{
		user: user, out: &Actor{User: userDoc(user)}, sessions: by, ops: map[string]int{}, nodes: map[string]int{},
		tables: map[audit.Table]*actorTable{}, records: map[recordOf]*actorRecord{}, seqs: map[audit.Seq]bool{},
	}
	err = e.outlines(ctx, expr, func(changes []audit.Change) error {
		for i := range changes {
			a.add(&changes[i])
		}
		return nil
	})
	if err == nil {
		err = a.edited(ctx, e, expr)
	}
	if err == nil {
		err = a.alertsAndOthers(ctx, e, archive)
	}
	if err != nil && !interrupted(ctx, err) {
		return nil, fmt.Errorf("actor: %w", err)
	}
	a.finish(cmp.Or(o.Top, 20))
	return a.out, e.foot(ctx, &a.out.Summary.Footing, began, err, exprScope(expr))
}

// acting is a profile in the making.
type acting struct {
	user        string
	out         *Actor
	first, last audit.Change
	sessions    *sessioning
	ops, nodes  map[string]int
	tables      map[audit.Table]*actorTable
	records     map[recordOf]*actorRecord
	seqs        map[audit.Seq]bool
	also        map[string]*ActorOther
}

// An actorRecord is how many changes of a record are the user's.
type actorRecord struct{ changes int }

// An actorTable is an ActorTable in the making, without what follows from the rest.
type actorTable struct {
	changes, records int
	first, last      audit.Change
	ops              map[audit.Op]*actorOp
}

type actorOp struct {
	changes int
	first   audit.Change
}

// add takes the next change; the newest comes first.
func (a *acting) add(c *audit.Change) {
	a.sessions.add(c)
	if a.sessions.n == 1 {
		a.last = *c
	}
	a.first = *c
	if at := c.Time.Go(); at.IsZero() {
		a.out.Outside++
	} else {
		a.out.Hours[at.Weekday()][at.Hour()]++
	}
	a.ops[string(c.Op)]++
	a.nodes[c.Node]++
	of := recordOf{c.Cluster, c.Key}
	r := a.records[of]
	if r == nil {
		r = &actorRecord{}
		a.records[of] = r
	}
	r.changes++
	a.seqs[c.Seq] = true
	if c.Late {
		a.out.Summary.Late++
	}
	t := a.table(c)
	if r.changes == 1 {
		t.records++
	}
	t.add(c)
}

func (a *acting) table(c *audit.Change) *actorTable {
	t := a.tables[c.Key.Table]
	if t == nil {
		t = &actorTable{last: *c, ops: map[audit.Op]*actorOp{}}
		a.tables[c.Key.Table] = t
	}
	return t
}

func (t *actorTable) add(c *audit.Change) {
	t.first = *c
	t.changes++
	op := t.ops[c.Op]
	if op == nil {
		op = &actorOp{}
		t.ops[c.Op] = op
	}
	op.changes++
	op.first = *c
}

// sum is all that the user did to the table.
func (t *actorTable) sum(of audit.Table) ActorTable {
	out := ActorTable{Database: of.Database, Table: of.Name, Changes: t.changes, Records: t.records, First: refPtr(&t.first), Last: refPtr(&t.last)}
	for name, op := range t.ops {
		out.Ops = append(out.Ops, ActorOp{Op: name, Changes: op.changes, First: refPtr(&op.first)})
	}
	slices.SortFunc(out.Ops, func(x, y ActorOp) int { return cmp.Or(compareRefs(x.First, y.First), cmp.Compare(x.Op, y.Op)) })
	return out
}
