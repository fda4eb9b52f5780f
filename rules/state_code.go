package rules

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"

	"recourse/audit"

	"github.com/fxamacker/cbor/v2"
)

// A value of the saved state is a row of records, each after a byte that says of
// what it is.
const (
	recordRule  = 1 // its groups follow, up to the next rule
	recordGroup = 2
	recordGone  = 3 // a group that is no more
	// A group of the first kind had less; it is still read.
	recordFullGroup = 4
	recordHeard     = 5 // what the rule is to hear, all of it
	recordLearning  = 6
	recordRows      = 7 // how many records tables have; of no rule
	recordGrown     = 8 // what has changed of a group
)

type savedRule struct {
	_       struct{} `cbor:",toarray"`
	Hash    string
	Touches uint64
	Stats   RuleStats
}

// A stateWriter writes one value. Texts are written once and then by their number,
// numbers of changes and times as what they are more than the one before.
type stateWriter struct {
	b     []byte
	seed  maphash.Seed
	mask  uint64            // of hashes; fewer bits are for tests
	texts map[uint64]uint64 // the number of one text of each hash
	where []int             // where each text stands in b, by its number, counted from 1
	seq   audit.Seq
	time  uint64
}

func newStateWriter() *stateWriter {
	return &stateWriter{seed: maphash.MakeSeed(), mask: math.MaxUint64, texts: map[uint64]uint64{}}
}

// take is what was written, and makes the writer ready for another value.
func (w *stateWriter) take() []byte {
	out := bytes.Clone(w.b)
	clear(w.texts)
	w.b, w.where, w.seq, w.time = w.b[:0], w.where[:0], 0, 0
	return out
}

func (w *stateWriter) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

func (w *stateWriter) int(n int64) { w.b = binary.AppendVarint(w.b, n) }

// text writes a text; one with the hash of another is written as often as it comes.
func (w *stateWriter) text(s string) {
	hash := maphash.String(w.seed, s) & w.mask
	n, known := w.texts[hash]
	if known && string(w.written(n)) == s {
		w.uint(n)
		return
	}
	w.begin(hash, known, len(s))
	w.b = append(w.b, s...)
}

func (w *stateWriter) bytes(s []byte) {
	hash := maphash.Bytes(w.seed, s) & w.mask
	n, known := w.texts[hash]
	if known && bytes.Equal(w.written(n), s) {
		w.uint(n)
		return
	}
	w.begin(hash, known, len(s))
	w.b = append(w.b, s...)
}

// begin begins to write a text that is not there yet.
func (w *stateWriter) begin(hash uint64, known bool, size int) {
	w.uint(0)
	w.where = append(w.where, len(w.b))
	if !known {
		w.texts[hash] = uint64(len(w.where))
	}
	w.uint(uint64(size))
}

// written is the text of a number.
func (w *stateWriter) written(n uint64) []byte {
	b := w.b[w.where[n-1]:]
	length, size := binary.Uvarint(b)
	return b[size : size+int(length)]
}

func (w *stateWriter) number(s audit.Seq) {
	w.b = binary.AppendVarint(w.b, int64(s-w.seq))
	w.seq = s
}

func (w *stateWriter) at(t audit.Time) {
	bits := math.Float64bits(float64(t))
	w.b = binary.AppendVarint(w.b, int64(bits-w.time))
	w.time = bits
}

func (w *stateWriter) flags(flags ...bool) {
	b := byte(0)
	for i, set := range flags {
		if set {
			b |= 1 << i
		}
	}
	w.b = append(w.b, b)
}

func (w *stateWriter) rule(r *ruleState) error {
	r.stats.Groups = r.held.n
	b, err := cbor.Marshal(savedRule{Hash: r.Hash, Touches: r.touches, Stats: r.stats})
	w.b = append(w.b, recordRule)
	w.text(r.ID)
	w.uint(uint64(len(b)))
	w.b = append(w.b, b...)
	return err
}

func (w *stateWriter) gone(name []byte) {
	w.b = append(w.b, recordGone)
	w.bytes(name)
}

// A stateReader reads what a stateWriter wrote. After an error all that it reads is
// zero.
type stateReader struct {
	b     []byte
	texts []string
	seq   audit.Seq
	time  uint64
	bad   bool

	entries []readEntry // its memory is used again
}

func (r *stateReader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	return r.cut(n, size)
}

func (r *stateReader) int() uint64 {
	n, size := binary.Varint(r.b)
	return r.cut(uint64(n), size)
}

func (r *stateReader) cut(n uint64, size int) uint64 {
	if size <= 0 || r.bad {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count is how many things follow, each of a byte at least.
func (r *stateReader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *stateReader) bytes() []byte {
	n := r.count()
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *stateReader) text() string {
	n := r.uint()
	switch {
	case n > uint64(len(r.texts)):
		r.bad, r.b = true, nil
		return ""
	case n > 0:
		return r.texts[n-1]
	}
	s := string(r.bytes())
	r.texts = append(r.texts, s)
	return s
}

func (r *stateReader) number() audit.Seq {
	r.seq += audit.Seq(r.int())
	return r.seq
}

func (r *stateReader) at() audit.Time {
	r.time += r.int()
	return audit.Time(math.Float64frombits(r.time))
}

// flags sets those that were written as set.
func (r *stateReader) flags(flags ...*bool) {
	if len(r.b) == 0 {
		r.bad = true
		return
	}
	f := r.b[0]
	r.b = r.b[1:]
	for i, to := range flags {
		*to = f&(1<<i) != 0
	}
}

// read takes the records of a value. Those of rules that are no more, or no longer
// the same, are passed over, and all is saved anew.
func (e *Engine) read(data []byte) error {
	in := &stateReader{b: data}
	var rule *ruleState
	for len(in.b) > 0 && !in.bad {
		kind := in.b[0]
		in.b = in.b[1:]
		switch kind {
		case recordRule:
			id, saved := in.text(), savedRule{}
			if err := cbor.Unmarshal(in.bytes(), &saved); err != nil {
				return fmt.Errorf("%w: %w", ErrState, err)
			}
			if rule = e.rule(id, saved.Hash); rule == nil {
				e.kept.stale = true
				continue
			}
			rule.touches, rule.stats, rule.fresh = saved.Touches, saved.Stats, false
			rule.stats.Rule = rule.ID
		case recordGroup, recordFullGroup:
			g := in.group(kind == recordFullGroup)
			if rule != nil && !in.bad {
				rule.restore(g)
			}
		case recordGrown:
			if g := in.grown(); rule != nil && !in.bad {
				in.bad = !rule.restoreGrown(g)
			}
		case recordGone:
			if name := []byte(in.text()); rule != nil {
				if g := rule.held.find(name); g != nil {
					rule.held.drop(g)
				}
			}
		case recordHeard:
			if h := in.heard(); rule != nil {
				rule.waiting = h
			}
		case recordLearning:
			if l := in.learning(); rule != nil {
				rule.learning = l
			}
		case recordRows:
			t := in.rows()
			e.tables[t.table] = t
		default:
			in.bad = true
		}
	}
	if in.bad {
		return ErrState
	}
	return nil
}

// rule is the engine's rule of that id and definition, or nil.
func (e *Engine) rule(id, hash string) *ruleState {
	for _, r := range e.rules {
		if r.ID == id && r.Hash == hash {
			return r
		}
	}
	return nil
}
