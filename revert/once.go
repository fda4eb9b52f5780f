package revert

import "recourse/audit"

// How many records of a table, and bytes of their images, are looked at before the
// first is planned.
const (
	mostAhead      = 2_000
	mostAheadBytes = 16 << 20
)

// A once is a reading of the records that learns and has them planned at the same
// time.
type once struct {
	req     *Request
	managed *managed
	names   func(audit.Table) map[string]bool
	prepare *preparer
	order   inOrder
	ahead   []prepared // of one table, which are not planned yet
	size    int
	turn    map[audit.Table]int // of the tables that are, what was known of them (managed.turns)
}

func newOnce(req *Request) *once {
	m := new(managed)
	return &once{req: req, managed: m, names: m.names(&req.Policy, req.Schema), prepare: newPreparer(),
		order: inOrder{sorted: true}, turn: map[audit.Table]int{}}
}

// take takes the next record, and gives those that can be planned.
func (o *once) take(rec Record, give func(prepared) error) error {
	t := rec.Key.Table
	if len(o.ahead) > 0 && o.ahead[0].Key.Table != t {
		if err := o.flush(give); err != nil {
			return err
		}
	}
	own, others := rec.split(o.req.Policy.Cluster)
	o.managed.learn(own)
	o.order.see(rec.Key)
	turn, begun := o.turn[t]
	if !o.order.sorted || begun && turn != o.managed.turns[t] {
		return errNotAtOnce
	}
	r := o.prepare.record(own, others)
	switch {
	case r.elsewhere():
		return give(r)
	case begun:
		r.managed = o.names(t)
		return give(r)
	}
	o.ahead, o.size = append(o.ahead, r), o.size+r.size()
	if len(o.ahead) == orDefault(o.req.ahead, mostAhead) || o.size > mostAheadBytes {
		return o.flush(give)
	}
	return nil
}

// flush gives the records that were looked at.
func (o *once) flush(give func(prepared) error) error {
	for _, r := range o.ahead {
		t := r.Key.Table
		r.managed, o.turn[t] = o.names(t), o.managed.turns[t]
		if err := give(r); err != nil {
			return err
		}
	}
	o.ahead, o.size = nil, 0
	return nil
}

// size is how many bytes the record's images have.
func (r *Record) size() int {
	n := 0
	for i := range r.Changes {
		n += len(r.Changes[i].Before.Body) + len(r.Changes[i].After.Body)
	}
	return n
}
