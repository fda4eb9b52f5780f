package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"
)

// The hashes of a chunk or shelf are kept in groups, all hashes that begin with
// the same bits in one: each hash as what is left of it, less that of the one
// before, together with the offset in the chunk or shelf. Every group is there,
// so that a lost one is missed.

// A hashed is a hash, and in the bits below it the offset where it stands.
type hashed uint64

func (l layout) offsetBits(v level) uint {
	if v == levelShelf {
		return 20
	}
	return 16
}

func (l layout) groupBits(v level) uint {
	if v == levelShelf {
		return l.shelfBits
	}
	return l.chunkBits
}

// group is in which group a hash is.
func (l layout) group(v level, hash uint32) int { return int(hash >> (hashBits - l.groupBits(v))) }

// hashedOf is hashes with their offsets, in order.
func (l layout) hashedOf(hashes []uint32) []hashed {
	all := make([]hashed, len(hashes))
	for off, h := range hashes {
		all[off] = hashed(h)<<l.offsetBits(levelChunk) | hashed(off)
	}
	sortHashed(all, l.offsetBits(levelChunk))
	return all
}

// sortHashed sorts by hash what is in order of offset: half of the hash's bits
// at a time, the last first.
func sortHashed(all []hashed, offsetBits uint) {
	const half = hashBits / 2
	from, to := all, make([]hashed, len(all))
	for pass := range uint(2) {
		shift := offsetBits + pass*half
		var at [1 << half]int32
		for _, e := range from {
			at[e>>shift&(1<<half-1)]++
		}
		sum := int32(0)
		for i, n := range at {
			at[i], sum = sum, sum+n
		}
		for _, e := range from {
			i := e >> shift & (1<<half - 1)
			to[at[i]] = e
			at[i]++
		}
		from, to = to, from
	}
}

// groups yields the groups from one to before another and what is written of
// each, from all their hashes in order.
func (l layout) groups(v level, from, to int, all []hashed) iter.Seq2[int, []byte] {
	offsetBits, rest := l.offsetBits(v), hashBits-l.groupBits(v)
	return func(yield func(int, []byte) bool) {
		all := all
		for group := from; group < to; group++ {
			var payload []byte
			last := hashed(group) << rest
			for len(all) > 0 && int(all[0]>>(offsetBits+rest)) == group {
				hash, off := all[0]>>offsetBits, all[0]&(1<<offsetBits-1)
				payload = binary.AppendUvarint(payload, uint64((hash-last)<<offsetBits|off))
				last, all = hash, all[1:]
			}
			if !yield(group, payload) {
				return
			}
		}
	}
}

// decodeGroup yields what a group holds, in order.
func (l layout) decodeGroup(v level, group int, payload []byte, yield func(hashed)) error {
	offsetBits, rest := l.offsetBits(v), hashBits-l.groupBits(v)
	hash := uint64(group) << rest
	for len(payload) > 0 {
		e, w := binary.Uvarint(payload)
		if w <= 0 {
			return damagedSum("a broken group")
		}
		payload = payload[w:]
		if hash += e >> offsetBits; hash>>rest != uint64(group) {
			return damagedSum("a hash in the wrong group")
		}
		yield(hashed(hash<<offsetBits | e&(1<<offsetBits-1)))
	}
	return nil
}

// findInGroup yields the offsets at which a hash stands in its group, as far as it
// must be read for that.
func (l layout) findInGroup(v level, payload []byte, hash uint32, yield func(offset int)) error {
	offsetBits, rest := l.offsetBits(v), hashBits-l.groupBits(v)
	left := uint64(hash) & (1<<rest - 1) // less what the entries have exceeded one another by
	in := stream{b: payload}
	for in.pos < len(payload) {
		e := in.uvarint()
		if in.bad {
			return damagedSum("a broken group")
		}
		if e>>offsetBits > left {
			return nil
		}
		if left -= e >> offsetBits; left == 0 {
			yield(int(e & (1<<offsetBits - 1)))
		}
	}
	return nil
}

// fewGroups is how many groups are sooner got one by one than by an iterator.
const fewGroups = 8

// findHash hands to found the offsets at which a hash stands in each of the
// chunks or shelves from one to before another, which must all be there.
func (l layout) findHash(txn *badger.Txn, kind keyKind, v level, hash uint32, from, to int, found func(number, offset int)) error {
	group := l.group(v, hash)
	look := func(number int, payload []byte) error {
		return l.findInGroup(v, payload, hash, func(offset int) { found(number, offset) })
	}
	if to-from <= fewGroups {
		for number := from; number < to; number++ {
			payload, there, err := get(txn, groupKey(kind, v, group, number))
			if err == nil && !there {
				err = missingGroup(number)
			}
			if err == nil {
				err = look(number, payload)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	it := txn.NewIterator(badger.IteratorOptions{Prefix: groupPrefix(kind, v, group)})
	defer it.Close()
	it.Seek(groupKey(kind, v, group, from))
	for number := from; number < to; number++ {
		if !it.Valid() || !bytes.Equal(it.Item().Key(), groupKey(kind, v, group, number)) {
			return missingGroup(number)
		}
		payload, err := payloadOf(it.Item())
		if err == nil {
			err = look(number, payload)
		}
		if err != nil {
			return err
		}
		it.Next()
	}
	return nil
}

func missingGroup(number int) error {
	return fmt.Errorf("%w: a group of hashes of chunk or shelf %d is missing", ErrCorrupt, number)
}
