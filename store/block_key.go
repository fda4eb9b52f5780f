package store

import (
	"strings"

	"recourse/audit"
)

// A keyReader writes out the ids of a block's keys, one after the other.
type keyReader struct {
	m    *blockMeta
	in   sources
	id   []byte
	text strings.Builder // the ids share it
	size int             // bytes of the ids so far
	bad  bool
}

func (m *blockMeta) keyReader() keyReader { return keyReader{m: m, in: m.key} }

// grow makes room for so many bytes, as far as the block can be believed.
func (k *keyReader) grow(n int) { k.text.Grow(max(0, min(n, k.m.keys, 1<<16))) }

// seek goes to a checkpoint, of which the first is 0.
func (k *keyReader) seek(check int) {
	if check > 0 {
		k.in.seek(k.m.checks[checkKey:], check-1)
	}
}

// next is the id of the change at place i, which is the next.
func (k *keyReader) next(i int) audit.ID {
	k.read(i)
	start := k.text.Len()
	k.text.Write(k.id)
	return audit.ID(k.text.String()[start:])
}

// read is that id, in k.id.
func (k *keyReader) read(i int) {
	switch form := k.m.cols[colID].at(i); {
	case form == formText:
		k.id = append(k.id[:0], k.in.run()...)
	case form >= formTemplate && form-formTemplate < uint64(k.m.forms.len()):
		k.id = k.in.text(k.id[:0], k.m.forms.at(int(form-formTemplate)), &k.m.words)
	default:
		k.bad = true
	}
	k.size += len(k.id)
	if k.bad = k.bad || k.in.bad() || k.size > k.m.keys; k.bad {
		k.id = k.id[:0]
	}
}

// pass goes past that id.
func (k *keyReader) pass(i int) {
	switch form := k.m.cols[colID].at(i); {
	case form == formText:
		k.in.run()
	case form >= formTemplate && form-formTemplate < uint64(k.m.forms.len()):
		k.in.passText(k.m.forms.at(int(form - formTemplate)))
	default:
		k.bad = true
	}
	k.bad = k.bad || k.in.bad()
}

// ended says that all ids were read, and nothing else is there.
func (k *keyReader) ended() bool { return !k.bad && k.size == k.m.keys && k.in.ended() }

// key is the id of the key of the change at place i.
func (b *block) key(i int) (audit.ID, error) {
	k := b.meta.keyReader()
	check := i / checkEvery
	k.seek(check)
	for at := check * checkEvery; at < i; at++ {
		k.pass(at)
	}
	if id := k.next(i); !k.bad {
		return id, nil
	}
	return "", b.corrupt("its keys")
}
