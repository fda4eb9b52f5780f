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

// SessionOptions say what makes a session. The zero value is a pause of a quarter
// of an hour, by user and node.
type SessionOptions struct {
	Gap time.Duration // a pause of at least so long ends a session; 0 is 15 minutes
	// By are the fields in which all changes of a session are alike: user, node,
	// table; nil is user and node.
	By []audit.Facet
}

// DefaultSessionGap is the pause that ends a session if nothing is said.
const DefaultSessionGap = 15 * time.Minute

// Sessions are changes that match, put together where they follow one another.
type Sessions struct {
	Sessions []Session       `json:"sessions"` // by their begin
	Summary  SessionsSummary `json:"summary"`
}

// A SessionsSummary is of all sessions together.
type SessionsSummary struct {
	Sessions int   `json:"sessions"`
	Changes  int   `json:"changes"`
	GapMS    int64 `json:"gap_ms"`
	Footing
}

// A Session is changes that follow one another without a long pause.
type Session struct {
	User    *string     `json:"user"` // null: the log named none, or sessions are not by user
	Node    string      `json:"node,omitempty"`
	Table   string      `json:"table,omitempty"` // only where sessions are by table
	From    *audit.Time `json:"from"`            // of its first change
	FromISO *string     `json:"from_iso"`
	To      *audit.Time `json:"to"` // of its last
	ToISO   *string     `json:"to_iso"`
	TookMS  float64     `json:"duration_ms"`
	Changes int         `json:"changes"`
	Records int         `json:"records"` // how many were touched
	Ops     []Counted   `json:"ops"`     // the most frequent first
	Tables  []Counted   `json:"tables"`
	First   audit.Seq   `json:"first_seq"` // of the earliest change
	Last    audit.Seq   `json:"last_seq"`  // of the latest
	Unknown int         `json:"unknown"`   // changes of which it is not known what they edited

	from, to audit.Time
	ops      map[string]int
	tables   map[audit.Table]int
	records  map[recordOf]bool
}

// A Counted value says how often it was found.
type Counted struct {
	Value string `json:"value"`
	N     int    `json:"count"`
}

type recordOf struct {
	cluster string
	key     audit.Key
}

// Sessions puts the changes that match together where they follow one another
// without a pause. If ctx ends first, the sessions of the changes that were read
// until then, the newest, are returned beside the error.
func (e *Engine) Sessions(ctx context.Context, expr Expr, o SessionOptions) (*Sessions, error) {
	began := time.Now()
	by, err := newSessions(o)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	expr, err = e.Names.Bind(ctx, expr)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	err = e.outlines(ctx, expr, func(changes []audit.Change) error {
		for i := range changes {
			by.add(&changes[i])
		}
		return nil
	})
	if err != nil && !interrupted(ctx, err) {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	out := by.finish()
	return out, e.foot(ctx, &out.Summary.Footing, began, err, exprScope(expr))
}

// sessioning puts changes together that come newest first.
type sessioning struct {
	gap  audit.Time
	by   []audit.Facet
	open map[sessionOf]*Session
	done []*Session
	n    int
}

// sessionOf is the values of the fields in which changes of a session are alike.
type sessionOf struct{ user, node, database, table string }

func (s *sessioning) of(c *audit.Change) (of sessionOf) {
	for _, f := range s.by {
		switch f {
		case audit.FacetUser:
			of.user = c.User
		case audit.FacetNode:
			of.node = c.Node
		case audit.FacetTable:
			of.database, of.table = c.Key.Table.Database, c.Key.Table.Name
		}
	}
	return of
}

func newSessions(o SessionOptions) (*sessioning, error) {
	if o.Gap == 0 {
		o.Gap = DefaultSessionGap
	}
	if o.Gap < time.Millisecond {
		return nil, fmt.Errorf("a pause of %s: want a millisecond or more", o.Gap)
	}
	if o.By == nil {
		o.By = []audit.Facet{audit.FacetUser, audit.FacetNode}
	}
	for _, f := range o.By {
		if f != audit.FacetUser && f != audit.FacetNode && f != audit.FacetTable {
			return nil, fmt.Errorf("by %s: sessions are by user, node or table", f)
		}
	}
	return &sessioning{gap: audit.Time(float64(o.Gap) / float64(time.Millisecond)), by: o.By, open: map[sessionOf]*Session{}}, nil
}

func (s *sessioning) add(c *audit.Change) {
	s.n++
	of := s.of(c)
	one := s.open[of]
	if one == nil || one.from-c.Time >= s.gap {
		if one != nil {
			s.done = append(s.done, one)
		}
		one = &Session{to: c.Time, Last: c.Seq, ops: map[string]int{}, tables: map[audit.Table]int{}, records: map[recordOf]bool{}}
		for _, f := range s.by {
			switch f {
			case audit.FacetUser:
				one.User = userDoc(c.User)
			case audit.FacetNode:
				one.Node = c.Node
			case audit.FacetTable:
				one.Table = c.Key.Table.String()
			}
		}
		s.open[of] = one
	}
	one.from, one.First = c.Time, c.Seq
	one.Changes++
	one.ops[string(c.Op)]++
	one.tables[c.Key.Table]++
	one.records[recordOf{c.Cluster, c.Key}] = true
	if c.Op.Kind() != audit.KindMessage && (c.Before.State == audit.Unknown || c.After.State == audit.Unknown) {
		one.Unknown++
	}
}

// finish closes all sessions.
func (s *sessioning) finish() *Sessions {
	out := &Sessions{Sessions: []Session{}}
	all := append(s.done, slices.Collect(maps.Values(s.open))...)
	for _, one := range all {
		one.From, one.FromISO, one.To, one.ToISO = Number(one.from), ISO(one.from), Number(one.to), ISO(one.to)
		one.TookMS, one.Records = float64(one.to-one.from), len(one.records)
		one.Ops, one.Tables = counted(one.ops), countedTables(one.tables)
		one.ops, one.tables, one.records = nil, nil, nil
		out.Sessions = append(out.Sessions, *one)
	}
	slices.SortFunc(out.Sessions, func(a, b Session) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.First, b.First))
	})
	out.Summary.Sessions, out.Summary.Changes = len(out.Sessions), s.n
	out.Summary.GapMS = int64(s.gap)
	return out
}

func countedTables(counts map[audit.Table]int) []Counted {
	named := make(map[string]int, len(counts))
	for t, n := range counts {
		named[t.String()] += n
	}
	return counted(named)
}

// counted is a count by value, the most frequent first.
func counted(counts map[string]int) []Counted {
	out := make([]Counted, 0, len(counts))
	for value, n := range counts {
		out = append(out, Counted{value, n})
	}
	slices.SortFunc(out, func(a, b Counted) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value))
	})
	return out
}
