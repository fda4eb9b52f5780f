package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// changes checks every block and every change in it.
func (v *verifier) changes() error {
	want, chain := 0, link{}
	err := v.each([]byte{byte(kindBlock)}, true, func(key []byte, item *badger.Item) error {
		if len(key) != 9 {
			return errors.New("not the key of a block")
		}
		n, err := parseUint(key[1:])
		if err != nil {
			return err
		}
		v.missing(firstOf(want), firstOf(int(n)))
		want = int(n) + 1
		payload, err := blockPayload(v.r.txn, item, int(n))
		if err != nil {
			v.problem("block %d, of the changes from %d on: %v", n, firstOf(int(n)), err)
			return nil
		}
		if chain.next(sha256.Sum256(payload[chainSize:])) != link(payload[:chainSize]) {
			v.problem("block %d, of the changes from %d on: its link does not fit the block before", n, firstOf(int(n)))
		}
		chain = link(payload[:chainSize])
		v.block(int(n), payload[chainSize:])
		return nil
	})
	if err != nil {
		return err // what was not read yet is not missing
	}
	v.compare()
	if v.head > 0 {
		v.missing(firstOf(want), firstOf(audit.BlockOf(v.head)+1))
	}
	return nil
}

// block checks the changes of a block.
func (v *verifier) block(n int, payload []byte) {
	b, err := openBlock(firstOf(n), payload)
	var rows []row
	if err == nil {
		rows, err = b.rows()
	}
	if err != nil {
		v.problem("block %d, of the changes from %d on: %v", n, firstOf(n), err)
		return
	}
	if last := firstOf(n) + audit.Seq(len(rows)) - 1; len(rows) < audit.BlockSize && last != v.head || last > v.head {
		v.problem("block %d ends with change %d, and the head says %d", n, last, v.head)
	}
	for i := range rows {
		w := &rows[i]
		if w.c.Seq > v.head {
			break
		}
		if err := v.r.fetch(w); err != nil {
			v.problem("change %d: %v", w.c.Seq, err)
			continue
		}
		v.row(w)
	}
}

// row checks a change, and that what its block says of the image before is what
// the change before it left.
func (v *verifier) row(w *row) {
	v.out.Changes++
	for _, body := range w.bodies {
		if isStub(*body) {
			continue
		}
		if err := checkValue(*body); err != nil {
			v.problem("change %d: %v", w.c.Seq, err)
		}
	}
	v.follows(w)
	c, err := v.r.change(w)
	if err != nil {
		v.problem("change %d: %v", w.c.Seq, err)
		v.view = nil // its sums would differ, and that says nothing
		return
	}
	v.sum(&c)
}

// sum sums up a change again, and compares a whole chunk's sums.
func (v *verifier) sum(c *audit.Change) {
	if v.view == nil {
		return
	}
	l := v.view.sums.layout
	if v.sums == nil {
		v.sums = newSums(l, l.chunkOf(c.Seq))
	}
	if want := l.first(v.sums.chunk) + audit.Seq(v.sums.n()); c.Seq != want {
		v.view = nil // a block is missing, which is said
		return
	}
	v.sums.add(c)
	if v.sums.full() {
		v.compare()
	}
}

// compare holds the sums of a chunk against those that were made anew.
func (v *verifier) compare() {
	if v.view == nil || v.sums == nil {
		return
	}
	chunk := v.sums.chunk
	if chunks := v.view.Chunks(); chunk >= len(chunks) || chunks[chunk].N != v.sums.n() {
		v.problem("chunk %d: not as many changes are summed up as the %d that there are", chunk, v.sums.n())
		v.view = nil
		return
	}
	if err := v.view.compare(v.ctx, v.sums.freeze(), func(problem string) { v.problem("%s", problem) }); err != nil && v.ctx.Err() == nil {
		v.problem("sums of chunk %d: %v", v.sums.chunk, err)
	}
	v.sums = nil
}

// A left is what a verifier remembers of a record's last change.
type left struct {
	at    place
	image uint64 // a hash of it
}

// follows checks what a row says of the change before it, unless that change or
// this one was read better since.
func (v *verifier) follows(w *row) {
	c := &w.c
	name := nameRecord(&c.Key, c.Cluster)
	before, found := v.lasts[name]
	late := found && before.at.compare(placeOf(c)) > 0
	if !v.r.known.isStale(c.Seq) && !late && c.Before.Source != audit.Logged {
		switch {
		case w.prev == 0 && found:
			v.problem("change %d: it says that it is the first of its record, and change %d is before it", c.Seq, before.at.seq)
		case w.prev == 0:
		case !found || before.at != (place{sortable(w.prevTime), w.prev}):
			v.problem("change %d: it says that it follows change %d, which it does not", c.Seq, w.prev)
		case !isStub(w.was.Body) && !v.r.known.isStale(w.prev) && v.hash(&w.was) != before.image:
			v.problem("change %d: what it says of the image before is not what change %d left", c.Seq, w.prev)
		}
	}
	if c.Op.Kind() != audit.KindMessage && !late {
		v.lasts[name] = left{placeOf(c), v.hash(&c.After)}
	}
}

// hash tells two images apart but for very few.
func (v *verifier) hash(i *audit.Image) uint64 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	_, _ = h.Write([]byte{byte(i.State), byte(i.Source), byte(i.Trust)}) // it never fails
	_, _ = h.Write(i.Body)
	return h.Sum64()
}

// beside checks what belongs to blocks and lies beside them: it is the key that
// the value should have.
func (v *verifier) beside(key, payload []byte) ([]byte, error) {
	switch keyKind(key[0]) {
	case kindImaged:
		seq, err := parseUint(payload)
		if err == nil && audit.Seq(seq) > v.head {
			err = fmt.Errorf("last images are of %d changes, there are %d", seq, v.head)
		}
		return imagedKey(), err
	case kindStale:
		chunk, err := parseUint(key[1:])
		if err != nil {
			return nil, err
		}
		_, err = decodeSet(payload, audit.ChunkSize)
		return staleKey(int(chunk)), err
	case kindBody:
		if len(key) != 10 {
			return nil, errors.New("not the key of a body")
		}
		seq, err := parseUint(key[1:9])
		if err != nil {
			return nil, err
		}
		_, err = unsqueeze(payload)
		return bodyKey(audit.Seq(seq), key[9]), errors.Join(err, v.exists("a body", audit.Seq(seq)))
	case kindShape:
		n, err := parseUint(key[1:])
		if err != nil {
			return nil, err
		}
		return shapeKey(int(n)), new(imageShapes).add(payload)
	default:
		return key, v.image(key, payload)
	}
}

// image checks a last image on disk. Unless newer ones are not written yet it is
// that of the record's last change.
func (v *verifier) image(key, payload []byte) error {
	if len(key) != 1+len(recordName{}) {
		return errors.New("not the key of a last image")
	}
	i, err := decodeLast(payload)
	if err != nil {
		return err
	}
	after := i.after
	if i.packed != nil {
		if after.Body, err = v.shapes.unpack(nil, i.packed); err != nil {
			return err
		}
	}
	last, found := v.lasts[recordName(key[1:])]
	switch {
	case i.at.seq == 0 || v.out.Problems > 0:
	case !found || last.at.compare(i.at) < 0:
		return fmt.Errorf("a last image of change %d, which is no record's last", i.at.seq)
	case last.at == i.at && !i.bodyless && !v.r.known.isStale(i.at.seq) && v.hash(&after) != last.image:
		return fmt.Errorf("a last image that is not what change %d left", i.at.seq)
	case last.at != i.at && last.at.seq <= v.imaged:
		return fmt.Errorf("a last image of change %d, and change %d is its record's last", i.at.seq, last.at.seq)
	}
	return nil
}
