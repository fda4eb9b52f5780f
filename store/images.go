package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"maps"
	"slices"

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
	// said is the sortable time of the record's newest message; 0: there is none.
	said uint64
	// bodyless says that after.Body is not here.
	bodyless bool
}

// lastImages is the last image of as many records as a budget of memory allows,
// and for a while of those that had to make room. It is the writer's own.
//
// Images lie one after the other in slabs, so that the garbage collector has
// nothing to look at; the oldest slab makes room for the next, and what was used
// since it was written moves on.
type lastImages struct {
	slabs [][]byte
	first int // the number of slabs[0], which are counted from 0
	most  int // how many there may be
	at    map[recordName]slot
	// displaced are images that had to make room and are not on disk yet. A miss
	// looks here before it looks on disk, where an older one may be.
	displaced map[recordName]lastImage
	hasBrief  bool // of some the disk may have no body
}

// A slot is where an image lies.
type slot struct {
	slab   uint32 // number
	offset uint32
}

const (
	slabSize = 1 << 20
	// mostBody is how large a body may be to be kept in memory or with others in
	// a block.
	mostBody  = 16 << 10
	imageHead = 16 + 1 + 3 + 8 + 8 + 4 + 4 + 8 // hash, flags, image, place, room, length, said
)

const (
	imageDirty    byte = 1 << iota // newer than what is on disk
	imageUsed                      // since it was written here
	imageBodyless                  // its body is not here
	imageHasBody                   // there is a body, though it be empty
	imageBrief                     // what is on disk has not its body
)

func newLastImages(memory int64) *lastImages {
	return &lastImages{most: max(2, int(memory/slabSize)), at: map[recordName]slot{}, displaced: map[recordName]lastImage{}}
}

// entry is the bytes of an image.
func (l *lastImages) entry(s slot) []byte {
	return l.slabs[int(s.slab)-l.first][s.offset:]
}

// get is a record's last image if it is in memory. Its body is good until the
// next put.
func (l *lastImages) get(h recordName) (lastImage, bool) {
	s, found := l.at[h]
	if !found {
		i, found := l.displaced[h]
		return i, found
	}
	e := l.entry(s)
	e[16] |= imageUsed
	return readImage(e), true
}

// readImage is the image of an entry, its body a part of that.
func readImage(e []byte) lastImage {
	i := lastImage{
		after: audit.Image{State: audit.State(e[17]), Source: audit.Source(e[18]), Trust: audit.Trust(e[19])},
		at:    place{binary.LittleEndian.Uint64(e[20:]), audit.Seq(binary.LittleEndian.Uint64(e[28:]))},
	}
	i.bodyless = e[16]&imageBodyless != 0
	i.said = binary.LittleEndian.Uint64(e[44:])
	if e[16]&imageHasBody != 0 {
		end := imageHead + bodyLen(e)
		i.after.Body = e[imageHead:end:end]
	}
	return i
}

func bodyLen(e []byte) int { return int(binary.LittleEndian.Uint32(e[40:])) }

func bodyRoom(e []byte) int { return int(binary.LittleEndian.Uint32(e[36:])) }

// put makes an image the last of its record. dirty says that it is not on disk.
func (l *lastImages) put(h recordName, i *lastImage, dirty bool) {
	delete(l.displaced, h)
	if len(i.after.Body) > mostBody {
		short := *i
		short.after.Body, short.bodyless = nil, true
		i = &short
	}
	s, found := l.at[h]
	if !found || bodyRoom(l.entry(s)) < len(i.after.Body) {
		s = l.allot(h, len(i.after.Body))
		l.at[h] = s
	} else if l.entry(s)[16]&imageDirty != 0 {
		dirty = true
	}
	e := l.entry(s)
	flags := imageUsed
	if dirty {
		flags |= imageDirty
	}
	if i.bodyless {
		flags |= imageBodyless
	}
	if i.after.Body != nil {
		flags |= imageHasBody
	}
	e[16], e[17], e[18], e[19] = flags, byte(i.after.State), byte(i.after.Source), byte(i.after.Trust)
	binary.LittleEndian.PutUint64(e[20:], i.at.time)
	binary.LittleEndian.PutUint64(e[28:], uint64(i.at.seq))
	binary.LittleEndian.PutUint32(e[40:], uint32(len(i.after.Body)))
	binary.LittleEndian.PutUint64(e[44:], i.said)
	copy(e[imageHead:], i.after.Body)
}

// allot finds room for an image, which it takes from others if there is none.
func (l *lastImages) allot(h recordName, body int) slot {
	room := (body + 31) &^ 31 // records grow by a little
	need := imageHead + room
	if n := len(l.slabs); n == 0 || cap(l.slabs[n-1])-len(l.slabs[n-1]) < need {
		l.slab()
	}
	last := len(l.slabs) - 1
	offset := len(l.slabs[last])
	l.slabs[last] = l.slabs[last][:offset+need]
	e := l.slabs[last][offset:]
	copy(e, h[:])
	binary.LittleEndian.PutUint32(e[36:], uint32(room))
	return slot{uint32(l.first + last), uint32(offset)}
}

// slab begins a new slab. If there are too many, the images in the oldest move
// on if they were used, and are displaced if not.
func (l *lastImages) slab() {
	if len(l.slabs) < l.most {
		l.slabs = append(l.slabs, make([]byte, 0, slabSize))
		return
	}
	old := l.slabs[0]
	l.slabs = append(l.slabs[:0], l.slabs[1:]...)
	l.first++
	fresh := make([]byte, 0, slabSize)
	for offset := 0; offset < len(old); {
		e := old[offset:]
		size := imageHead + bodyRoom(e)
		h := recordName(e[:16])
		s, live := l.at[h]
		live = live && int(s.slab) == l.first-1 && int(s.offset) == offset
		offset += size
		switch {
		case !live:
		case e[16]&imageUsed != 0 && cap(fresh)-len(fresh) >= size && len(fresh) < slabSize/2:
			l.at[h] = slot{uint32(l.first + len(l.slabs)), uint32(len(fresh))}
			fresh = append(fresh, e[:size]...)
			fresh[len(fresh)-size+16] &^= imageUsed
		default:
			delete(l.at, h)
			// One of which the disk has not the body is worth writing when it makes
			// room: reading the body from the change takes its whole block.
			if e[16]&(imageDirty|imageBrief) != 0 {
				i := readImage(e)
				i.after.Body = slices.Clone(i.after.Body)
				l.displaced[h] = i
			}
		}
	}
	l.slabs = append(l.slabs, fresh)
}

// unsaved are the images that are not on disk, and, if whole, those of which the
// disk has not the body.
func (l *lastImages) unsaved(whole bool) iter.Seq2[recordName, lastImage] {
	flags := imageDirty
	if whole {
		flags |= imageBrief
	}
	all := slices.Collect(maps.Keys(l.displaced))
	for h, s := range l.at {
		if l.entry(s)[16]&flags != 0 {
			all = append(all, h)
		}
	}
	return byName(all, func(h recordName) lastImage {
		if s, found := l.at[h]; found {
			return readImage(l.entry(s))
		}
		return l.displaced[h]
	})
}

// byName yields images in the order of their keys: what is written together then
// stands together, and Badger does not merge it with all others.
func byName(all []recordName, image func(recordName) lastImage) iter.Seq2[recordName, lastImage] {
	slices.SortFunc(all, func(a, b recordName) int { return bytes.Compare(a[:], b[:]) })
	return func(yield func(recordName, lastImage) bool) {
		for _, h := range all {
			if !yield(h, image(h)) {
				return
			}
		}
	}
}

// saved says that everything is on disk now, the bodies too if not in brief.
func (l *lastImages) saved(brief bool) {
	clear(l.displaced)
	for _, s := range l.at {
		e := l.entry(s)
		switch {
		case !brief:
			e[16] &^= imageDirty | imageBrief
		case e[16]&imageDirty != 0:
			e[16] = e[16]&^imageDirty | imageBrief
		}
	}
	l.hasBrief = brief
}
