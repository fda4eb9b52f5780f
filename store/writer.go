package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A writer is what the one who appends keeps in memory. It can be made again
// from what is on disk.
type writer struct {
	rest        // of what is stored
	next   rest // of what is about to be
	sums   *summing
	layout layout
	sealed int // how many chunks have their sums on disk
	images *lastImages
	// imaged is the number up to which last images are on disk.
	imaged audit.Seq
	// owned is the number up to which rows are the writer's own memory.
	owned audit.Seq
}

// A rest is what goes into the block that is not full yet, and the link of the
// chain up to it.
type rest struct {
	rows []row
	link link
}

// imageLimits are how many last images are kept.
type imageLimits struct {
	memory int64 // bytes of them in memory
	// displaced is how many of those that had to make room are written together.
	displaced int
	// every is after how many changes all are written: reading changes again from
	// there is what a crash costs.
	every audit.Seq
	// after is after how many images that were looked for on disk it is seen whether all
	// of them have room in memory: to read one after the other takes a tenth of what it
	// takes to look for each.
	after int
}

// imageLimits are those of a store.
func (db *DB) imageLimits() imageLimits {
	every := audit.Seq(4 * audit.ChunkSize)
	if db.o.Spare != nil { // who has memory to spare waits for nobody, and may once wait some seconds
		every *= 4
	}
	return cmp.Or(db.o.images, imageLimits{memory: imageMemory(db.o), displaced: 2048, every: every, after: 16 << 10})
}

func imageKey(h recordName) []byte { return append([]byte{byte(kindImage)}, h[:]...) }

func imagedKey() []byte { return []byte{byte(kindImaged)} }

// last is a record's last image. One with the number 0 says that nothing is
// stored of the record, or only messages.
func (a *appender) last(h recordName) (lastImage, error) {
	i, found := a.lasts[h]
	if !found {
		i, found = a.w.images.get(&h)
	}
	if found || a.w.images.whole {
		return i, nil
	}
	return a.w.images.fetch(a.txn, &h)
}

func readLast(txn *badger.Txn, h recordName) (lastImage, bool, error) {
	payload, found, err := get(txn, imageKey(h))
	if err != nil || !found {
		return lastImage{}, false, err
	}
	i, err := decodeLast(payload)
	return i, true, err
}

// imageOf is what a last image holds, read from its change if it is not at hand.
func (a *appender) imageOf(i *lastImage) (audit.Image, error) {
	if i.bodyless {
		return a.r.after(i.at.seq)
	}
	image := i.after
	var err error
	if i.packed != nil {
		image.Body, err = a.w.images.body(i.packed)
	}
	return image, err
}

// refresh takes a change's image anew if it is its record's last: more is known
// of it now. That is written at once, as nothing else would tell after a crash.
func (a *appender) refresh(c *audit.Change) error {
	h := nameRecord(&c.Key, c.Cluster)
	last, err := a.last(h)
	if err != nil || last.at.seq != c.Seq {
		return err
	}
	after, err := a.r.after(c.Seq)
	if err != nil {
		return err
	}
	a.lasts[h] = lastImage{at: last.at, after: after, said: last.said}
	return set(a.txn, imageKey(h), encodeLast(&lastImage{at: last.at, bodyless: true, said: last.said}))
}

// imageFixed is the length of a last image on disk without its body.
const imageFixed = 28

// encodeLast is a last image on disk: state, source, trust, a byte that is 1 if
// its body is to be read from the change, 2 if there is one and 3 if it is packed, its
// place, when the last message was, body.
func encodeLast(i *lastImage) []byte {
	how := byte(0)
	switch {
	case i.bodyless:
		how = 1
	case i.packed != nil:
		how = 3
	case i.after.Body != nil:
		how = 2
	}
	b := append(make([]byte, 0, imageFixed+len(i.after.Body)+len(i.packed)), byte(i.after.State), byte(i.after.Source), byte(i.after.Trust), how)
	b = appendUint(appendPlace(b, i.at), i.said)
	switch how {
	case 2:
		b = append(b, i.after.Body...)
	case 3:
		b = append(b, i.packed...)
	}
	return b
}

func decodeLast(payload []byte) (lastImage, error) {
	if len(payload) < imageFixed || payload[3] > 3 || payload[3] == 3 && len(payload) == imageFixed || payload[3] < 2 && len(payload) > imageFixed {
		return lastImage{}, fmt.Errorf("read last image: %w: %d bytes", ErrCorrupt, len(payload))
	}
	u := binary.BigEndian.Uint64
	i := lastImage{at: place{u(payload[4:]), audit.Seq(u(payload[12:]))}, said: u(payload[20:]), shape: plainBody, after: audit.Image{State: audit.State(payload[0]), Source: audit.Source(payload[1]), Trust: audit.Trust(payload[2])}}
	switch payload[3] {
	case 1:
		i.bodyless = true
	case 2:
		i.after.Body = payload[imageFixed:len(payload):len(payload)]
	case 3:
		i.packed = payload[imageFixed:len(payload):len(payload)]
		i.shape = shapeIn(i.packed)
	}
	return i, nil
}

// imagesTogether is how many bytes of last images are written before it is looked
// at what Badger has mapped meanwhile.
const imagesTogether = 2 << 20

// writeImages writes last images; brief leaves their bodies out. between is called
// now and then.
func (db *DB) writeImages(all iter.Seq2[recordName, lastImage], brief bool, between func()) error {
	if err := db.room.check(16 << 20); err != nil {
		return err
	}
	if db.o.cut != nil {
		if err := db.o.cut(); err != nil {
			return err
		}
	}
	if err := db.saveShapes(db.writer.images.shapes); err != nil {
		return err
	}
	batch := db.badger.NewWriteBatch()
	defer func() { batch.Cancel() }()
	size := 0
	for h, i := range all {
		if brief && i.packed != nil {
			i.packed, i.bodyless = nil, true
		}
		key := imageKey(h)
		value := seal(key, encodeLast(&i))
		if err := batch.Set(key, value); err != nil {
			return err
		}
		if size += len(value); size >= imagesTogether {
			if err := batch.Flush(); err != nil {
				return err
			}
			between()
			batch, size = db.badger.NewWriteBatch(), 0
		}
	}
	return batch.Flush()
}

// saveImages writes all last images that are not on disk, in brief, or those of
// which the disk has not all, whole: that is when the store is closed.
func (db *DB) saveImages(brief bool) error {
	w, head := db.writer, db.known.Load().head
	if w.imaged == head && (brief || !w.images.hasBrief) {
		return nil
	}
	between := func() {}
	if !brief {
		between = db.shedNow // nobody else uses the store
	}
	if err := db.writeImages(w.images.unsaved(!brief), brief, between); err != nil {
		return fmt.Errorf("write last images: %w", err)
	}
	if err := db.commit(func(txn *badger.Txn) error { return set(txn, imagedKey(), uintPayload(uint64(head))) }); err != nil {
		return fmt.Errorf("write last images: %w", err)
	}
	w.images.saved(brief)
	w.imaged = head
	return nil
}

// saveDisplaced writes the images that had to make room, once they are many.
func (db *DB) saveDisplaced() error {
	l := db.writer.images
	if len(l.displaced) < db.imageLimits().displaced {
		return nil
	}
	err := db.writeImages(byName(slices.Collect(maps.Keys(l.displaced)), func(h *recordName) lastImage { return l.displaced[*h] }), false, func() {})
	if err == nil {
		clear(l.displaced)
	}
	return err
}
