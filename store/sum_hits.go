package store

import (
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// byChunk are the offsets of changes in each of their chunks.
func (l layout) byChunk(seqs []audit.Seq) map[int]*roaring.Bitmap {
	of := map[int]*roaring.Bitmap{}
	for _, s := range seqs {
		chunk := l.chunkOf(s)
		if of[chunk] == nil {
			of[chunk] = roaring.New()
		}
		of[chunk].Add(uint32(s - l.first(chunk)))
	}
	return of
}

// addHits stores that changes are evidence for a rule, in whatever chunk they
// are. It writes only what is new, under a key of its own: rules conclude
// something for most changes, a few at a time.
func addHits(txn *badger.Txn, l layout, rule string, seqs []audit.Seq) error {
	for chunk, set := range l.byChunk(seqs) {
		if err := addHitsIn(txn, l, rule, chunk, set); err != nil {
			return err
		}
	}
	return nil
}

// addHitsIn is addHits of one chunk.
func addHitsIn(txn *badger.Txn, l layout, rule string, chunk int, set *roaring.Bitmap) error {
	key := hitsKey(rule, chunk, uint16(set.Minimum()))
	if err := joinSet(txn, key, longText(rule), set, l.size); err != nil {
		return fmt.Errorf("add hits of rule %q: %w", rule, err)
	}
	return nil
}

// longText begins the payload of a rule's hits: the rule, if the key has only its
// hash.
func longText(rule string) []byte {
	if len(rule) <= maxKeyText {
		rule = ""
	}
	return appendList(nil, rule)
}

// joinSet adds to the set under a key.
func joinSet(txn *badger.Txn, key, head []byte, add *roaring.Bitmap, limit int) error {
	payload, found, err := get(txn, key)
	if err != nil {
		return err
	}
	if found {
		was, err := decodeSet(payload[min(len(head), len(payload)):], limit)
		if err != nil {
			return err
		}
		add.Or(was)
	}
	payload, err = encodeSet(add)
	if err != nil {
		return err
	}
	return set(txn, key, append(head, payload...))
}

// decodeTextSet reads a set behind what longText wrote.
func decodeTextSet(payload []byte, limit int) (*roaring.Bitmap, error) {
	_, data, ok := cutString(payload)
	if !ok {
		return nil, damagedSum("a broken value")
	}
	return decodeSet(data, limit)
}

// readHits is the changes of a chunk that are evidence for a rule, and the keys
// under which that stands.
func readHits(txn *badger.Txn, l layout, rule string, chunk int) (*roaring.Bitmap, [][]byte, error) {
	all := roaring.New()
	var keys [][]byte
	err := scan(txn, hitsPrefix(rule, chunk), func(key, payload []byte) error {
		b, err := decodeTextSet(payload, l.size)
		if err != nil {
			return err
		}
		keys = append(keys, key)
		all.Or(b)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read hits of rule %q in chunk %d: %w", rule, chunk, err)
	}
	return all, keys, nil
}

// tidyHits puts the hits of each rule in a chunk under one key.
func tidyHits(commit committer, l layout, chunk int) error {
	var rules []string
	err := commit(func(txn *badger.Txn) (err error) {
		rules, err = rulesHit(txn)
		return err
	})
	if err != nil {
		return err
	}
	for _, rule := range rules {
		err := commit(func(txn *badger.Txn) error {
			all, keys, err := readHits(txn, l, rule, chunk)
			if err != nil || len(keys) < 2 {
				return err
			}
			for _, k := range keys[1:] {
				if err := txn.Delete(k); err != nil {
					return err
				}
			}
			payload, err := encodeSet(all)
			if err != nil {
				return err
			}
			return set(txn, keys[0], append(longText(rule), payload...))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rulesHit is the rules that have hits, each once and sorted.
func rulesHit(txn *badger.Txn) ([]string, error) {
	prefix := []byte{byte(kindHits)}
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	var rules []string
	for it.Rewind(); it.Valid(); {
		key := it.Item().KeyCopy(nil)
		rule, hashed, rest, ok := cutText(key[len(prefix):])
		if !ok {
			return nil, damagedSum("a key without its rule")
		}
		if hashed {
			payload, err := payloadOf(it.Item())
			if err != nil {
				return nil, err
			}
			if rule, _, ok = cutString(payload); !ok || len(rule) <= maxKeyText {
				return nil, damagedSum("a broken rule")
			}
		}
		rules = append(rules, rule)
		// No key of this rule follows after that.
		it.Seek(append(key[:len(key)-len(rest)], 0xff))
	}
	slices.Sort(rules)
	return rules, nil
}

// addDoubtful stores that the sums of their chunks may be wrong about changes.
func addDoubtful(txn *badger.Txn, l layout, seqs []audit.Seq) error {
	for chunk, set := range l.byChunk(seqs) {
		if err := joinSet(txn, doubtfulKey(chunk), nil, set, l.size); err != nil {
			return fmt.Errorf("add doubts of chunk %d: %w", chunk, err)
		}
	}
	return nil
}

// readDoubtful is the changes of a chunk that its sums may be wrong about. To
// sum up a chunk again, delete doubtfulKey in the step from which that counts.
func readDoubtful(txn *badger.Txn, l layout, chunk int) (*roaring.Bitmap, error) {
	payload, found, err := get(txn, doubtfulKey(chunk))
	if err == nil && !found {
		return roaring.New(), nil
	}
	var b *roaring.Bitmap
	if err == nil {
		b, err = decodeSet(payload, l.size)
	}
	if err != nil {
		return nil, fmt.Errorf("read doubts of chunk %d: %w", chunk, err)
	}
	return b, nil
}
