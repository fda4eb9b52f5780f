package store

import (
	"context"
	"fmt"
	"strings"

	"recourse/audit"
)

// again looks at a further reading of a change that is stored: what a reading
// from another node adds, what it knows better, and where the two contradict
// each other.
func (a *appender) again(seq audit.Seq, c *audit.Change) error {
	a.out.Known++
	stored, err := a.r.read(seq)
	if err != nil {
		return err
	}
	if err := a.observe(&stored, c); err != nil {
		return err
	}
	best, amended := merge(&stored, c)
	if amended {
		if err := a.amend(&best, c); err != nil {
			return err
		}
		if !agrees(&stored, &best, c.Node != stored.Node) {
			if err := a.diverge(seq, &stored); err != nil {
				return err
			}
		}
	}
	if best.User == c.User && (best.Op == c.Op || c.Node != stored.Node) && sameImage(&best, c) {
		return nil
	}
	return a.contradict(seq, c)
}

// agrees says that an earlier reading said nothing that the better one denies.
func agrees(earlier, best *audit.Change, another bool) bool {
	return earlier.User == best.User && (earlier.Op == best.Op || another) &&
		(earlier.After.State == audit.Unknown || sameImage(earlier, best))
}

// contradict keeps a reading as a divergence, unless it says what the first
// reading of an amended change said, which is on disk as it was.
func (a *appender) contradict(seq audit.Seq, c *audit.Change) error {
	if a.known.amended {
		first, err := a.r.row(seq)
		if err != nil || readsAs(&first.c, c) {
			return err
		}
	}
	return a.diverge(seq, c)
}

// diverge keeps a reading beside the one that stands, once.
func (a *appender) diverge(seq audit.Seq, c *audit.Change) error {
	key := divergenceKey(seq, c)
	if known, err := has(a.txn, key); known || err != nil {
		return err
	}
	payload, err := encodeDivergence(&audit.Divergence{Seq: seq, Node: c.Node, Observed: c.Observed,
		Op: c.Op, User: c.User, After: c.After})
	if err != nil {
		return err
	}
	a.out.Divergences++
	a.bytes += len(payload)
	return set(a.txn, key, payload)
}

// merge is the stored change with what a further reading of it knows better,
// and whether it knows anything better.
func merge(stored, c *audit.Change) (best audit.Change, amended bool) {
	best = *stored
	better := trustOf(c.After) > trustOf(stored.After)
	switch same := sameImage(stored, c); {
	case better:
		best.After, best.Lossy, best.Note = c.After, c.Lossy, c.Note
		if same && !stored.Lossy {
			best.After.Body, best.Lossy = stored.After.Body, false
		}
		if stored.User == "" {
			best.User = c.User
		}
		amended = true
	case same && stored.Lossy && !c.Lossy && c.After.State == audit.Present && c.After.Trust == stored.After.Trust:
		best.After.Body, best.Lossy = c.After.Body, false
		amended = true
	}
	another := c.Node != stored.Node
	if refines(c.Op, stored.Op) && (another || better) || better && !another && !refines(stored.Op, c.Op) {
		best.Op = c.Op
	}
	if stored.Sent == nil {
		best.Sent = c.Sent
	}
	return best, amended || best.Op != stored.Op || best.Sent != nil && stored.Sent == nil
}

// trustOf is how far an image can be trusted; that of which nothing is known,
// not at all.
func trustOf(i audit.Image) audit.Trust {
	if i.State == audit.Unknown {
		return audit.NoTrust
	}
	return i.Trust
}

// refines says that one operation says more of a write than another. The node
// where a record was written knows that it was an insert or an update; the
// others know only that it was written.
func refines(op, than audit.Op) bool {
	return (op == audit.OpInsert || op == audit.OpUpdate) && (than == audit.OpUpsert || than == audit.OpPatch)
}

// readsAs says that two readings of one change say the same of it. Where an
// image comes from and how far it is trusted is no part of what it says.
func readsAs(a, b *audit.Change) bool { return a.Op == b.Op && a.User == b.User && sameImage(a, b) }

// sameImage says that two readings have one image: if one of them was read as
// JSON, as far as JSON can tell.
func sameImage(a, b *audit.Change) bool {
	if a.After.State != b.After.State {
		return false
	}
	x, y := a.After.Body, b.After.Body
	switch {
	case x.Equal(y):
		return true
	case a.Lossy == b.Lossy:
		return false
	case a.Lossy:
		return sameAsJSON(y, x)
	}
	return sameAsJSON(x, y)
}

// sameAsJSON says that a value is what Harper's JSON would have made of another:
// a date as text, a number that JSON has not as null.
func sameAsJSON(full, plain audit.Value) bool {
	if full.Equal(plain) {
		return true
	}
	switch full.Kind() {
	case audit.KindDate, audit.KindFloat:
		text, tagged := strings.CutPrefix(full.JSON(), "{")
		if !tagged {
			return false
		}
		_, text, _ = strings.Cut(strings.TrimSuffix(text, "}"), ":")
		if full.Kind() == audit.KindFloat {
			text = "null"
		}
		return plain.JSON() == text
	case audit.KindArray:
		return plain.Kind() == audit.KindArray && sameElems(full, plain)
	case audit.KindObject:
		if plain.Kind() != audit.KindObject || plain.Len() != full.Len() {
			return false
		}
		for name, v := range full.Fields() {
			w := plain.Get(name)
			if w == nil || !sameAsJSON(v, w) {
				return false
			}
		}
		return true
	}
	return false
}

func sameElems(full, plain audit.Value) bool {
	if full.Len() != plain.Len() {
		return false
	}
	var all []audit.Value
	for e := range plain.Elems() {
		all = append(all, e)
	}
	i := 0
	for e := range full.Elems() {
		if !sameAsJSON(e, all[i]) {
			return false
		}
		i++
	}
	return true
}

// observation is an audit.Observation on disk.
type observation struct {
	Seq      uint64 `cbor:"1,keyasint"`
	Node     string `cbor:"2,keyasint,omitempty"`
	Op       string `cbor:"3,keyasint,omitempty"`
	Observed uint64 `cbor:"4,keyasint"`
}

// observe keeps that a further node's log has the change, once for each node.
func (a *appender) observe(stored, c *audit.Change) error {
	if c.Node == "" || c.Node == stored.Node {
		return nil
	}
	key := observationKey(stored.Seq, c.Node)
	if known, err := has(a.txn, key); known || err != nil {
		return err
	}
	return setEncoded(a.txn, key, observation{Seq: uint64(stored.Seq), Node: c.Node, Op: string(c.Op), Observed: bits(c.Observed)})
}

func decodeObservation(payload []byte) (audit.Observation, error) {
	var d observation
	if err := decode(payload, &d); err != nil {
		return audit.Observation{}, fmt.Errorf("read observation: %w", err)
	}
	return audit.Observation{Seq: audit.Seq(d.Seq), Node: d.Node, Op: audit.Op(d.Op), Observed: timeOf(d.Observed)}, nil
}

// Observations are the further nodes from whose logs a change was read, by
// name. It is empty for a change that one node's log has, or that is not stored.
func (db *DB) Observations(ctx context.Context, s audit.Seq) ([]audit.Observation, error) {
	return list(ctx, db, observationPrefix(s), fmt.Sprintf("observations of change %d", s), decodeObservation)
}
