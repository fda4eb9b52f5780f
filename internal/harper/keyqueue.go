package harper

import "encoding/binary"

// A keyQueue holds the keys of a group as they were sent, from where the group
// lists them until each is joined with its record: a bulk write can have a
// million. The zero value is empty.
type keyQueue struct {
	chunks [][]byte // a length and a key, over and over; a length of 0 is a key that was too large
	read   int      // how much of the first chunk was taken
	size   int      // how many keys were put in
}

// keyChunk is how large a chunk of a keyQueue is, unless a single key is larger.
const keyChunk = 64 << 10

// put adds a key, which is nil if it was too large.
func (q *keyQueue) put(raw []byte) {
	q.size++
	last := len(q.chunks) - 1
	need := len(raw) + binary.MaxVarintLen32
	if last < 0 || cap(q.chunks[last])-len(q.chunks[last]) < need {
		q.chunks = append(q.chunks, make([]byte, 0, max(need, keyChunk)))
		last++
	}
	c := binary.AppendUvarint(q.chunks[last], uint64(len(raw)))
	q.chunks[last] = append(c, raw...)
}

// take is the next key, valid until the next reset, and whether there was one.
func (q *keyQueue) take() (raw []byte, ok bool) {
	for len(q.chunks) > 0 && q.read == len(q.chunks[0]) {
		if len(q.chunks) == 1 {
			return nil, false
		}
		q.chunks, q.read = q.chunks[1:], 0
	}
	if len(q.chunks) == 0 {
		return nil, false
	}
	rest := q.chunks[0][q.read:]
	n, head := binary.Uvarint(rest)
	end := head + int(n)
	q.read += end
	return rest[head:end], true
}

// reset empties the queue and keeps one chunk for the next group.
func (q *keyQueue) reset() {
	if len(q.chunks) == 0 || cap(q.chunks[0]) > keyChunk {
		*q = keyQueue{}
		return
	}
	*q = keyQueue{chunks: append(q.chunks[:0:0], q.chunks[0][:0])}
}
