package index

import "encoding/binary"

// An entry is a word and where it was met. What is asked of each word of each change is
// in one place of memory.
type entry struct {
	lead   lead
	at     uint32 // where in text it begins
	size   uint32
	seen   uint32 // in how many blocks it is
	latest uint32 // the last block in which it is, by its place among blocks
}

// A met is a word that is no longer than its lead and was met, and what the table has by its hash.
type met struct {
	lead lead
	size int
	hash uint32
	slot uint64
}

// A lead is the first bytes of a word as numbers that sort as they do, with zeros after its
// end. Most words are no longer.
type lead [2]uint64

const leadSize = 16

func leadOf(word []byte) lead {
	var start [leadSize]byte
	copy(start[:], word)
	return lead{binary.BigEndian.Uint64(start[:8]), binary.BigEndian.Uint64(start[8:])}
}

// append appends the first bytes of the word.
func (l lead) append(dst []byte, size int) []byte {
	dst = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, l[0]), l[1])
	return dst[:len(dst)-leadSize+size]
}
