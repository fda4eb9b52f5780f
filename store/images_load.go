package store

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// imageSize is how many bytes a last image takes in memory, at least and about, as some of the
// entries that Badger counts are old ones. Loading ends when there is no room after all.
const imageSize = 144

// fetch is a record's last image on disk. After many it takes all of them into memory,
// if there is room, so that nothing needs to be looked for any more.
func (l *lastImages) fetch(txn *badger.Txn, h *recordName) (lastImage, error) {
	if l.fetched++; l.fetched == l.after && len(l.displaced) == 0 && int64(l.onDisk())*imageSize < int64(l.most-len(l.slabs))*slabSize+l.spare() {
		// Of what is committed: what the transaction has written may not come to be.
		if err := l.view(l.load); err != nil {
			return lastImage{}, err
		}
		if i, _ := l.get(h); l.whole {
			return i, nil
		}
	}
	i, _, err := readLast(txn, *h)
	return i, err
}

// load takes the images on disk into memory, but for those of which a newer one is here;
// it ends when there is no room for more.
func (l *lastImages) load(txn *badger.Txn) (err error) {
	l.whole = true // until one has to make room
	defer func() { l.whole = l.whole && err == nil }()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kindImage)}})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if len(item.Key()) != 1+len(recordName{}) {
			return fmt.Errorf("read last images: %w: a key of %d bytes", ErrCorrupt, len(item.Key()))
		}
		h := recordName(item.Key()[1:])
		if _, here := l.find(&h); here {
			continue
		}
		if !l.hasRoom() {
			l.whole = false
			return nil
		}
		err := item.Value(func(value []byte) error {
			payload, err := unseal(item.Key(), value)
			if err != nil {
				return err
			}
			i, err := decodeLast(payload)
			if err == nil {
				l.put(&h, &i, false)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read last image %x: %w", h, err)
		}
	}
	return nil
}

// hasRoom says that no image has to make room for another, however large that is.
func (l *lastImages) hasRoom() bool {
	const largest = imageHead + 8 + 1 + mostBody + 31
	n := len(l.slabs)
	return n < l.most || cap(l.slabs[n-1])-len(l.slabs[n-1]) >= largest || n < slabMask && l.spare() >= slabSize
}

// spare is how much memory last images may take beyond what the store may.
func (db *DB) spare() int64 {
	if db.o.Spare == nil {
		return 0
	}
	return db.o.Spare()
}

// imagesOnDisk is about how many last images are on disk, or more: the tables say how
// many entries they have, old ones too.
func (db *DB) imagesOnDisk() int {
	n := 0
	for _, t := range db.badger.Tables() {
		if len(t.Left) > 0 && len(t.Right) > 0 && t.Left[0] <= byte(kindImage) && t.Right[0] >= byte(kindImage) {
			n += int(t.KeyCount)
		}
	}
	return n
}
