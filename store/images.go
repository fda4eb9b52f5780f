package store

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A recordName stands for one record in one cluster. It is half of a SHA-256, because
// whoever writes records chooses their keys and must not be able to make two of
// them one.
type recordName [16]byte

func nameRecord(k *audit.Key, cluster string) recordName {
	var room [256]byte
	b := room[:0]
	for _, s := range [...]string{cluster, k.Table.Database, k.Table.Name, string(k.ID)} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	sum := sha256.Sum256(b)
	return recordName(sum[:16])
}

// A lastImage is the newest change of a record that is no message: where it
// stands and what it left behind. A body that is too large to be kept, or is not
// at hand, is to be read from the change.
type lastImage struct {
	at    place
	after audit.Image
	// packed is the body in place of after.Body; nil: that is it.
	packed packedBody
	shape  int // that the body may have
	// said is the sortable time of the record's newest message; 0: there is none.
	said uint64
	// bodyless says that the body is not here.
	bodyless bool
}

// lastImages is the last image of as many records as a budget of memory allows,
// and for a while of those that had to make room. It is the writer's own.
//
// Images lie one after the other in slabs, so that the garbage collector has
// nothing to look at; the oldest slab makes room for the next, and what was used
// since it was written moves on.
type lastImages struct {
	shapes *imageShapes
	slabs  [][]byte
	first  int          // the number of slabs[0], which are counted from 0
	most   int          // how many there may be
	spare  func() int64 // bytes of memory for more
	table  imageTable
	// displaced are images that had to make room and are not on disk yet. A miss
	// looks here before it looks on disk, where an older one may be.
	displaced map[recordName]lastImage
	hasBrief  bool // of some the disk may have no body
	// whole says that every record has its image here.
	whole   bool
	scratch []byte
	bodies  []byte // memory of those that are unpacked

	fetched int        // from disk
	after   int        // fetched images it is seen whether all have room here
	onDisk  func() int // at most how many there are
	view    func(func(*badger.Txn) error) error
}

const (
	slabSize = 1 << 20
	// An entry is so many bytes or a multiple of it, and so is where it begins.
	imageUnit = 8
	slabUnits = slabSize / imageUnit
	// mostBody is how large a body may be to be kept in memory or with others in
	// a block.
	mostBody  = 16 << 10
	imageHead = 16 + 1 + 3 + 8 + 8 + 2 + 2 // hash, flags, image, place, room, length
)

const (
	imageDirty    byte = 1 << iota // newer than what is on disk
	imageUsed                      // since it was written here
	imageBodyless                  // its body is not here
	imageHasBody                   // there is a body, though it be empty
	imageBrief                     // what is on disk has not its body
	imageSaid                      // when the last message was stands before the body
)

func newLastImages(db *DB, shapes *imageShapes) *lastImages {
	limits := db.imageLimits()
	return &lastImages{shapes: shapes, most: max(2, int(limits.memory/slabSize)), spare: db.spare, displaced: map[recordName]lastImage{}, after: limits.after, onDisk: db.imagesOnDisk, view: db.badger.View}
}

// entry is the bytes of an image.
func (l *lastImages) entry(at uint32) []byte {
	// Numbers of slabs go round, long after the slab is gone.
	return l.slabs[(int(at/slabUnits)-l.first)&slabMask][at%slabUnits*imageUnit:]
}

// slabMask is of the numbers of slabs that are told apart: the most that there may be.
const slabMask = 1<<32/slabUnits - 1

func (l *lastImages) hashAt(at uint32) uint64 { return binary.LittleEndian.Uint64(l.entry(at)) }

// find is the cell of a record's image.
func (l *lastImages) find(h *recordName) (cell int, found bool) {
	return l.table.find(hashOf(h), func(at uint32) bool { return recordName(l.entry(at)[:16]) == *h })
}

// get is a record's last image if it is in memory. What it holds is good until the
// next put.
func (l *lastImages) get(h *recordName) (lastImage, bool) {
	cell, found := l.find(h)
	if !found {
		i, found := l.displaced[*h]
		return i, found
	}
	e := l.entry(l.table.at(cell))
	e[16] |= imageUsed
	return readImage(e), true
}

// body is what an image has packed, in memory of its own.
func (l *lastImages) body(p packedBody) (audit.Value, error) {
	need := l.shapes.unpackedSize(p)
	if cap(l.bodies)-len(l.bodies) < need {
		const together = 64 << 10
		l.bodies = make([]byte, 0, max(need, together))
	}
	from := len(l.bodies)
	all, err := l.shapes.unpack(l.bodies, p)
	if err != nil {
		return nil, err
	}
	l.bodies = all
	return all[from:len(all):len(all)], nil
}

// readImage is the image of an entry, its body a part of that.
func readImage(e []byte) lastImage {
	i := lastImage{
		after: audit.Image{State: audit.State(e[17]), Source: audit.Source(e[18]), Trust: audit.Trust(e[19])},
		at:    place{binary.LittleEndian.Uint64(e[20:]), audit.Seq(binary.LittleEndian.Uint64(e[28:]))},
		shape: plainBody,
	}
	i.bodyless = e[16]&imageBodyless != 0
	rest := e[imageHead:]
	if e[16]&imageSaid != 0 {
		i.said, rest = binary.LittleEndian.Uint64(rest), rest[8:]
	}
	if e[16]&imageHasBody != 0 {
		end := bodyLen(e)
		i.packed = rest[:end:end]
		i.shape = shapeIn(i.packed)
	}
	return i
}

// bodyLen is how long the packed body is.
func bodyLen(e []byte) int { return int(binary.LittleEndian.Uint16(e[38:])) }

// entryLen is how long an entry is.
func entryLen(e []byte) int { return int(binary.LittleEndian.Uint16(e[36:])) * imageUnit }

// put makes an image the last of its record. dirty says that it is not on disk.
func (l *lastImages) put(h *recordName, i *lastImage, dirty bool) {
	packed, bodyless := l.pack(i)
	need := imageHead + len(packed)
	flags := imageUsed
	if i.said != 0 {
		need += 8
		flags |= imageSaid
	}
	cell, found := l.find(h)
	var e []byte
	if found {
		e = l.entry(l.table.at(cell))
		flags |= e[16] & (imageDirty | imageBrief)
	}
	if !found || entryLen(e) < need {
		e = l.allot(h, need)
	}
	delete(l.displaced, *h)
	if dirty {
		flags |= imageDirty
	}
	if bodyless {
		flags |= imageBodyless
	}
	if packed != nil {
		flags |= imageHasBody
	}
	e[16], e[17], e[18], e[19] = flags, byte(i.after.State), byte(i.after.Source), byte(i.after.Trust)
	binary.LittleEndian.PutUint64(e[20:], i.at.time)
	binary.LittleEndian.PutUint64(e[28:], uint64(i.at.seq))
	binary.LittleEndian.PutUint16(e[38:], uint16(len(packed)))
	rest := e[imageHead:]
	if i.said == 0 {
		copy(rest, packed)
		return
	}
	copy(rest[8:], packed) // which may be what stands there
	binary.LittleEndian.PutUint64(rest, i.said)
}

// pack is an image's body as it is kept, and whether it is not. It is good until the
// next one.
func (l *lastImages) pack(i *lastImage) (packed packedBody, bodyless bool) {
	switch {
	case i.bodyless:
		return nil, true
	case i.packed != nil:
		return i.packed, false
	case i.after.Body == nil:
		return nil, false
	case len(i.after.Body) > mostBody:
		return nil, true
	}
	l.scratch, _ = l.shapes.pack(l.scratch[:0], i.after.Body, i.shape)
	return l.scratch, false
}

// allot finds room for an image, which it takes from others if there is none.
func (l *lastImages) allot(h *recordName, need int) []byte {
	need = (need + 31) &^ 15 // records grow by a little, again and again
	if n := len(l.slabs); n == 0 || cap(l.slabs[n-1])-len(l.slabs[n-1]) < need {
		l.slab()
	}
	last := len(l.slabs) - 1
	offset := len(l.slabs[last])
	l.slabs[last] = l.slabs[last][:offset+need]
	e := l.slabs[last][offset:]
	at := place32(l.first+last, offset)
	if cell, found := l.find(h); found { // it was not made room of
		l.table.move(cell, at)
	} else {
		l.table.put(hashOf(h), at, l.hashAt)
	}
	copy(e, h[:])
	binary.LittleEndian.PutUint16(e[36:], uint16(need/imageUnit))
	return e
}

func place32(slab, offset int) uint32 {
	return uint32(slab&slabMask)*slabUnits + uint32(offset/imageUnit)
}

// slab begins a new slab. If there are too many, the images in the oldest move
// on if they were used, and are displaced if not.
func (l *lastImages) slab() {
	fresh := make([]byte, 0, slabSize)
	if l.slabs = append(l.slabs, fresh); len(l.slabs) <= l.room() {
		return
	}
	l.turn()
	for extra := min(len(l.slabs)-l.most, 2); extra > 0 && l.spare() <= 0; extra-- { // somebody else needs it now
		l.turn()
	}
}

// room is how many slabs there may be now.
func (l *lastImages) room() int {
	n := l.most
	if n < len(l.slabs) && l.spare() >= slabSize {
		n = len(l.slabs)
	}
	return min(n, slabMask)
}

// turn has the oldest slab make room. What moves on goes into the newest.
func (l *lastImages) turn() {
	old, last := l.slabs[0], len(l.slabs)-1
	for offset := 0; offset < len(old); {
		e := old[offset:]
		size := entryLen(e)
		h := recordName(e[:16])
		at := place32(l.first, offset)
		offset += size
		cell, live := l.find(&h)
		newest := l.slabs[last]
		switch {
		case !live || l.table.at(cell) != at:
		case e[16]&imageUsed != 0 && cap(newest)-len(newest) >= size && len(newest) < slabSize/2:
			l.table.move(cell, place32(l.first+last, len(newest)))
			newest = append(newest, e[:size]...)
			newest[len(newest)-size+16] &^= imageUsed
			l.slabs[last] = newest
		default:
			l.table.remove(cell, l.hashAt)
			l.whole = false
			// One of which the disk has not the body is worth writing when it makes
			// room: reading the body from the change takes its whole block.
			if e[16]&(imageDirty|imageBrief) != 0 {
				i := readImage(e)
				i.packed = slices.Clone(i.packed)
				l.displaced[h] = i
			}
		}
	}
	l.slabs = append(l.slabs[:0], l.slabs[1:]...)
	l.first++
}
