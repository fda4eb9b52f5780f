package rules

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math"
	"strings"

	"recourse/audit"
)

// A pool is the texts that the entries of all rules have, records' keys and values that
// are counted, each once: a change that ten rules keep is of one record. A text is known
// by its number, from 1, as long as something uses it.
type pool struct {
	seed  maphash.Seed
	mask  uint64 // of hashes; fewer bits are for tests
	texts texts
	of    slots // by the hash of the text
	all   []pooled
	free  []uint32
	buf   []byte // its memory is used again

	// The key that was asked for last: several rules ask for the same.
	last   audit.Key
	number uint32 // 0: none
}

// A pooled is a text of a pool. Its first byte says what it is.
type pooled struct {
	text int // where it stands
	hash uint32
	uses uint32
}

// What a text of a pool is.
const (
	pooledText  = 't'
	pooledTable = 'd' // the length of the database's name, that, and the table's
	pooledKey   = 'k' // the number of its table, and the id
)

func newPool() *pool {
	return &pool{seed: maphash.MakeSeed(), mask: math.MaxUint64, all: make([]pooled, 1)}
}

// put is the number of a text, which is used once more.
func (p *pool) put(s []byte) uint32 {
	hash := uint32(maphash.Bytes(p.seed, s) & p.mask)
	for number, at := p.of.find(hash, int(hash)); number != 0; number, at = p.of.find(hash, at+1) {
		if bytes.Equal(p.at(number), s) {
			p.all[number].uses++
			return number
		}
	}
	number := uint32(len(p.all))
	if last := len(p.free) - 1; last >= 0 {
		number, p.free = p.free[last], p.free[:last]
	} else {
		p.all = append(p.all, pooled{})
	}
	p.all[number] = pooled{text: p.texts.put(s), hash: hash, uses: 1}
	p.of.put(hash, number)
	return number
}

// at is the text of a number. It is good until another is put.
func (p *pool) at(number uint32) []byte {
	s, _ := p.texts.at(p.all[number].text)
	return s
}

// drop uses a text once less.
func (p *pool) drop(number uint32) {
	n := &p.all[number]
	if n.uses--; n.uses > 0 {
		return
	}
	if s := p.at(number); s[0] == pooledKey {
		table, _ := binary.Uvarint(s[1:])
		defer p.drop(uint32(table))
	}
	if number == p.number {
		p.number = 0
	}
	p.texts.drop(n.text, 1)
	p.of.drop(n.hash, number)
	p.free = append(p.free, number)
}

// text is the number of a value, which is used once more.
func (p *pool) text(s []byte) uint32 {
	p.buf = append(append(p.buf[:0], pooledText), s...)
	return p.put(p.buf)
}

// key is the number of a record's key, which is used once more.
func (p *pool) key(k audit.Key) uint32 {
	if p.number != 0 && p.last == k {
		p.all[p.number].uses++
		return p.number
	}
	p.buf = binary.AppendUvarint(append(p.buf[:0], pooledTable), uint64(len(k.Table.Database)))
	p.buf = append(append(p.buf, k.Table.Database...), k.Table.Name...)
	table := p.put(p.buf)
	p.buf = binary.AppendUvarint(append(p.buf[:0], pooledKey), uint64(table))
	p.buf = append(p.buf, k.ID...)
	number := p.put(p.buf)
	if p.all[number].uses > 1 {
		p.drop(table) // the key uses it already
	}
	p.last, p.number = k, number
	return number
}

// keyAt is the key of a number.
func (p *pool) keyAt(number uint32) (db, table, id []byte) {
	s := p.at(number)[1:]
	t, size := binary.Uvarint(s)
	id = s[size:]
	s = p.at(uint32(t))[1:]
	n, size := binary.Uvarint(s)
	return s[size : size+int(n)], s[size+int(n):], id
}

// keyText is the number of the text that fields have for a key, which is used once
// more: of nearly all the key itself, whose text no other has.
func (p *pool) keyText(k audit.Key) uint32 {
	const apart = "./" // what stands between the parts
	if !strings.ContainsAny(k.Table.Database, apart) && !strings.ContainsAny(k.Table.Name, apart) &&
		len(k.Table.Database)+len(k.Table.Name)+len(k.ID)+len(apart) <= longestField {
		return p.key(k)
	}
	return p.text(boundedBytes([]byte(k.String())))
}

// valueAt is the text of a value, written to memory that is used again.
func (p *pool) valueAt(number uint32) []byte {
	if s := p.at(number); s[0] == pooledText {
		return s[1:]
	}
	db, table, id := p.keyAt(number)
	p.buf = append(append(append(p.buf[:0], db...), '.'), table...)
	p.buf = append(append(p.buf, '/'), id...)
	return p.buf
}

// tidy puts the texts together anew when half of them are of no use any more.
func (p *pool) tidy() {
	if !p.texts.wasteful() {
		return
	}
	old := p.texts
	p.texts = texts{}
	for i := range p.all {
		if n := &p.all[i]; n.uses > 0 {
			n.text = p.texts.copied(&old, n.text, 1)
		}
	}
}
