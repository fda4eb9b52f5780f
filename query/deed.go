package query

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"recourse/audit"
)

// A deed is a change without its images: what it edited, and of the values those
// that changes in question wrote.
type deed struct {
	seq           audit.Seq
	id            audit.ChangeID
	time          audit.Time
	user, node    string
	op            audit.Op
	late          bool
	before, after audit.Image // without their bodies
	from, to      uint64      // hashes of those; 0: they were not read
	left          audit.Seq   // the change that left what was before; 0: that is not known
	nth           int
	edits         audit.Diff // of Change.Touched
}

// Limits of the deeds that are held at once.
const (
	mostSketched  = 2 << 20   // changes that are looked at
	mostDeedBytes = 128 << 20 // taken
)

// change is the change of a record in outline.
func (d *deed) change(key audit.Key, cluster string) audit.Change {
	return audit.Change{Seq: d.seq, ID: d.id, Cluster: cluster, Key: key, Nth: d.nth, Time: d.time,
		User: d.user, Node: d.node, Op: d.op, Late: d.late, Before: d.before, After: d.after}
}

func (d *deed) compare(e *deed) int {
	return cmp.Or(cmp.Compare(d.time, e.time), cmp.Compare(d.seq, e.seq))
}

// deedBytes and editBytes are about what a deed and one of its edits take.
const (
	deedBytes = 256
	editBytes = 64
)

// A suspicion is the changes in question of one record.
type suspicion struct {
	seqs    []audit.Seq // sorted, once all are known
	cluster string
	first   deed // the earliest of them: its time and number
	// odd says that what the record's changes edited does not tell what became of
	// it: late images are to be weighed against others, or it is in several clusters.
	odd bool
}

func (s *suspicion) add(c *audit.Change) {
	at := deed{time: c.Time, seq: c.Seq}
	if len(s.seqs) == 0 {
		s.cluster, s.first = c.Cluster, at
	}
	if at.compare(&s.first) < 0 {
		s.first = at
	}
	s.seqs = append(s.seqs, c.Seq)
	s.odd = s.odd || s.oddWith(c)
}

func (s *suspicion) has(seq audit.Seq) bool {
	_, found := slices.BinarySearch(s.seqs, seq)
	return found
}

func (s *suspicion) oddWith(c *audit.Change) bool {
	return c.Cluster != s.cluster || c.Before.Late() || c.After.Late() || c.Before.State == audit.Unknown && c.Sent != nil
}

// A doing is a record's deeds since the first of those in question.
type doing struct {
	*suspicion
	mu     sync.Mutex
	deeds  []deed
	odd    bool
	newest deed   // its time and number
	now    []byte // the body that it left
}

// deeds are those of some records, held at once.
type deeds struct {
	keys  []audit.Key
	place map[audit.Key]int
	of    []doing // by the place of the key
	hands []hand  // by the number of the worker
}

// A hand is the memory of one worker.
type hand struct {
	arena      // for values; its bytes are those of the deeds, too
	paths kept // by themselves
	names kept // the paths of attributes by their names
}

func newDeeds(keys []audit.Key, suspect map[audit.Key]*suspicion, workers int) *deeds {
	d := &deeds{keys: keys, place: make(map[audit.Key]int, len(keys)), of: make([]doing, len(keys)), hands: make([]hand, workers)}
	for i, k := range keys {
		d.place[k] = i
		d.of[i].suspicion = suspect[k]
	}
	for i := range d.hands {
		d.hands[i].paths, d.hands[i].names = kept{}, kept{}
	}
	return d
}

// bodySeed begins the hashes of bodies, by which one is known to be another's.
var bodySeed = maphash.MakeSeed()

// want says how much is to be read of a change: all of those in question and of what
// may be a record's newest, and of others since the first of these what they edited.
func (d *deeds) want(c *audit.Change) audit.Depth {
	i, ours := d.place[c.Key]
	if !ours || c.Op.Kind() == audit.KindMessage || d.of[i].oddWith(c) {
		return audit.Outlined
	}
	of, at := &d.of[i], deed{time: c.Time, seq: c.Seq}
	switch {
	case at.compare(&of.first) < 0:
		return audit.Outlined
	case of.has(c.Seq):
		return audit.Whole
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	if of.newest.seq == 0 || at.compare(&of.newest) > 0 {
		return audit.Whole
	}
	return audit.Edited
}

// add takes a change, if it is of one of the records.
func (d *deeds) add(worker int, k *audit.Sketch) error {
	c := &k.Change
	i, ours := d.place[c.Key]
	if !ours || c.Op.Kind() == audit.KindMessage {
		return nil
	}
	of, h := &d.of[i], &d.hands[worker]
	if born(c); of.oddWith(c) {
		of.turn()
		return nil
	}
	at := deed{seq: c.Seq, time: c.Time}
	if at.compare(&of.first) < 0 {
		return nil // what was before the first of those in question is of no account
	}
	one := deed{seq: c.Seq, id: c.ID, time: c.Time, user: c.User, node: c.Node, op: c.Op, late: c.Late,
		before: c.Before, after: c.After, left: k.From, nth: c.Nth}
	one.before.Body, one.after.Body = nil, nil
	if k.Depth == audit.Whole {
		one.from, one.to = maphash.Bytes(bodySeed, c.Before.Body), maphash.Bytes(bodySeed, c.After.Body)
		one.edits = h.edits(c, of.has(c.Seq))
	} else {
		one.edits = h.named(k.Edited)
	}
	h.bytes += of.add(one, c.After.Body)
	if h.bytes > mostDeedBytes/len(d.hands) && len(d.keys) > 1 {
		return errHeldTooMuch
	}
	return nil
}

// turn makes the record one that has to be read whole.
func (of *doing) turn() {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.odd, of.deeds, of.now = true, nil, nil
}

// add keeps a deed, and tells how many bytes more are held.
func (of *doing) add(one deed, body []byte) int {
	of.mu.Lock()
	defer of.mu.Unlock()
	if of.odd {
		return 0
	}
	bytes := deedBytes + editBytes*len(one.edits)
	if of.deeds == nil {
		of.deeds = make([]deed, 0, len(of.seqs)+2)
	}
	of.deeds = append(of.deeds, one)
	if of.newest.seq != 0 && one.compare(&of.newest) < 0 {
		return bytes
	}
	was := cap(of.now)
	of.newest = deed{seq: one.seq, time: one.time}
	of.now = append(of.now[:0], body...)
	return bytes + cap(of.now) - was
}

// edits are those of Touched; their values are kept where they are asked for, and
// else whether the old one was an object.
func (h *hand) edits(c *audit.Change, values bool) audit.Diff {
	d := c.Touched()
	for i := range d {
		e := &d[i]
		e.Path = h.paths.path(e.Path, e.Path)
		switch {
		case values:
			e.Old, e.New = h.own(e.Old), h.own(e.New)
		case e.Old.Kind() == audit.KindObject:
			e.Old, e.New = noAttributes, nil
		default:
			e.Old, e.New = nil, nil
		}
	}
	return d
}

// named are edits of attributes as a whole, of which no more is known.
func (h *hand) named(names []string) audit.Diff {
	d := make(audit.Diff, len(names))
	for i, name := range names {
		path, known := h.names[name]
		if !known {
			path = h.names.path(name, audit.JoinPath("", name))
		}
		d[i].Path = path
	}
	return d
}

// kept are paths that are kept once, by what they are made from.
type kept map[string]string

// path is the kept path, which is this one if there is none yet.
func (k kept) path(of, path string) string {
	if old, known := k[of]; known {
		return old
	}
	path = strings.Clone(path)
	if len(k) < mostKept {
		k[strings.Clone(of)] = path
	}
	return path
}

const mostKept = 1 << 12

var noAttributes = audit.Object(nil)

// settle puts the deeds in order; false: the record has to be read whole.
func (of *doing) settle() bool {
	slices.SortFunc(of.deeds, func(a, b deed) int { return a.compare(&b) })
	for i := 1; i < len(of.deeds); i++ {
		of.odd = of.odd || !of.deeds[i].follows(&of.deeds[i-1])
	}
	return !of.odd
}

// life is the record's life since the first of the changes in question, in outline
// but for the last image, and without IDs if they are not asked for. It stands in room,
// which is empty, if that is large enough.
func (of *doing) life(room life, key audit.Key, ids bool) life {
	l := slices.Grow(room, len(of.deeds))[:len(of.deeds)]
	for i := range of.deeds {
		if l[i] = of.deeds[i].change(key, of.cluster); ids && l[i].ID == (audit.ChangeID{}) {
			l[i].ID = l[i].Identify()
		}
	}
	if n := len(l); n > 0 && l[n-1].After.State == audit.Present {
		l[n-1].After.Body = of.now
	}
	return l
}

// edits are what each change of that life did.
func (of *doing) edits() []audit.Diff {
	d := make([]audit.Diff, len(of.deeds))
	for i := range of.deeds {
		d[i] = of.deeds[i].edits
	}
	return d
}

// follows says that what the record was before a change is what the one before it
// left, or is not known, or that one of them is not there: then its attributes need
// not be compared.
func (d *deed) follows(before *deed) bool {
	return d.before.State == audit.Unknown || d.before.State != before.after.State ||
		d.left == before.seq || d.from != 0 && d.from == before.to
}
