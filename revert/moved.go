package revert

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"

	"recourse/audit"
)

// A Move is what happened to a record since a plan was made of its history.
type Move struct {
	K       Target  `json:"k"`
	Changes []Moved `json:"changes"`
	// Why says what is different when no change is: one was found late, or was
	// read again otherwise.
	Why string `json:"why,omitempty"`
}

// Moved is one change since the plan was made.
type Moved struct {
	Evidence
	Edits []MovedEdit `json:"edits"`          // what it changed, as far as that is known
	Plan  string      `json:"plan,omitempty"` // it is our own write for this plan; empty: somebody's
}

// A MovedEdit is one attribute that a change altered.
type MovedEdit struct {
	Attr string      `json:"attr"`
	Old  audit.Value `json:"old,omitempty"`
	New  audit.Value `json:"new,omitempty"`
}

// Own says that nothing but this plan's own writes came.
func (m *Move) Own(plan string) bool {
	return m.Why == "" && !slices.ContainsFunc(m.Changes, func(c Moved) bool { return c.Plan != plan })
}

// A known is what a plan knows of a record's history.
type known struct {
	history string
	version audit.Time
}

func (p *Plan) known() map[audit.Key]known {
	all := map[audit.Key]known{}
	for i := range p.Actions {
		a := &p.Actions[i]
		all[a.Key()] = known{a.History, a.Expect.Version}
	}
	for i := range p.Conflicts {
		c := &p.Conflicts[i]
		all[c.Key()] = known{c.History, c.Version}
	}
	for i := range p.Kept {
		k := &p.Kept[i]
		all[k.Key()] = known{k.History, k.Version}
	}
	return all
}

// Takes says of a change whether it is one of those that the plan undoes.
func (p *Plan) Takes() func(audit.ChangeID) bool {
	set := map[audit.ChangeID]bool{}
	p.eachChange(func(id audit.ChangeID) { set[id] = true })
	return func(id audit.ChangeID) bool { return set[id] }
}

// Keys are the records that the plan says something of, sorted.
func (p *Plan) Keys() []audit.Key {
	keys := []audit.Key{}
	for k := range p.known() {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// MovedSince compares the records' histories with those that the plan was made
// of, and says of each that is another one what came, and from whom. Own are our
// own writes, by the plan that each is of.
func (p *Plan) MovedSince(ctx context.Context, own map[audit.ChangeID]string, records iter.Seq2[Record, error]) ([]Move, error) {
	all := p.known()
	moves, err := p.movedOf(ctx, own, records, func(k audit.Key) (known, bool) {
		was, mine := all[k]
		delete(all, k)
		return was, mine
	})
	if err != nil {
		return nil, err
	}
	for k := range all {
		moves = append(moves, notStored(k))
	}
	sortMoves(moves)
	return moves, nil
}

func notStored(k audit.Key) Move {
	return Move{K: Target(k), Changes: []Moved{}, Why: "its history is not stored here"}
}

func sortMoves(moves []Move) {
	slices.SortFunc(moves, func(a, b Move) int { return compareKeys(audit.Key(a.K), audit.Key(b.K)) })
}

// movedOf are the moves of the records; known says what the plan knows of one, once.
func (p *Plan) movedOf(ctx context.Context, own map[audit.ChangeID]string, records iter.Seq2[Record, error], known func(audit.Key) (known, bool)) ([]Move, error) {
	moves := []Move{}
	for rec, err := range OfCluster(records, p.Header.Policy.Cluster) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("check plan %s: %w", p.Header.ID, err)
		}
		if was, mine := known(rec.Key); mine && was.history != historyID(recordDigest(&rec, rec.ids())) {
			moves = append(moves, moveOf(&rec, was, own))
		}
	}
	return moves, nil
}

func moveOf(rec *Record, was known, own map[audit.ChangeID]string) Move {
	m := Move{K: Target(rec.Key), Changes: []Moved{}}
	for i := range rec.Changes {
		c := &rec.Changes[i]
		if c.Time <= was.version || c.Op.Kind() == audit.KindMessage {
			continue
		}
		id := c.Identify()
		m.Changes = append(m.Changes, Moved{Evidence: Evidence{ID: id, Time: c.Time, User: c.User, Op: c.Op}, Edits: movedEdits(c), Plan: own[id]})
	}
	if len(m.Changes) == 0 {
		m.Why = "a change of before was found late, or is read otherwise now"
	}
	return m
}

// So many of a change's attributes are told.
const maxMovedEdits = 50

func movedEdits(c *audit.Change) []MovedEdit {
	edits := []MovedEdit{}
	if c.Before.State == audit.Unknown || c.After.State == audit.Unknown {
		return edits
	}
	for d := range audit.Differing(c.Before.Body, c.After.Body) {
		if len(edits) < maxMovedEdits {
			edits = append(edits, MovedEdit{Attr: string(d.Name), Old: d.Old, New: d.New})
		}
	}
	return edits
}

// historyID is the digest of a record's history as a plan's lines have it.
func historyID(sum [32]byte) string {
	const half = 16
	var digits [2 * half]byte
	hex.Encode(digits[:], sum[:half])
	return string(digits[:])
}
