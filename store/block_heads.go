package store

import "recourse/audit"

// heads gives what head does of the changes at these places, which ascend and may
// repeat, with which of the places it is. A change is good until the next.
func (b *block) heads(places []int, give func(at int, c *audit.Change)) error {
	if len(places) < manyPlaces {
		for at, i := range places {
			c, err := b.head(i)
			if err != nil {
				return err
			}
			give(at, &c)
		}
		return nil
	}
	if err := b.load(); err != nil {
		return err
	}
	m := *b.meta
	if !m.spreadColumns(b.n) {
		return b.corrupt("its columns")
	}
	k := m.keyReader()
	k.grow(b.keys)
	var r row
	next := 0 // the place whose key comes next
	for at, i := range places {
		if i < next {
			give(at, &r.c) // the same again
			continue
		}
		if i/checkEvery > next/checkEvery {
			next = i / checkEvery * checkEvery
			k.seek(i / checkEvery)
		}
		for ; next < i; next++ {
			k.pass(next)
		}
		m.fill(i, &r)
		r.c.Key.ID = k.next(i)
		if next++; k.bad {
			return b.corrupt("its keys")
		}
		r.c.After, r.c.Before = audit.Image{}, audit.Image{}
		give(at, &r.c)
	}
	return nil
}
