package store

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// cleanShelf deletes what a shelf took the place of, and what was begun of it.
func cleanShelf(commit committer, l layout, shelf int) error {
	var s shelfSum
	err := commit(func(txn *badger.Txn) error {
		s = shelfSum{}
		_, err := getDecoded(txn, shelfKey(shelf), &s)
		return err
	})
	if err != nil || s.tidy() {
		return err
	}
	if !s.Clean && s.Counts != 0 {
		for i, g := range s.Merged {
			if err := cleanMerged(commit, l, shelf*l.shelf+i, g); err != nil {
				return err
			}
		}
	}
	for _, g := range s.unused() {
		if err := dropGeneration(commit, levelShelf, shelf, g); err != nil {
			return err
		}
	}
	s.Begun, s.Stale, s.Clean = 0, nil, s.Counts != 0
	return commit(func(txn *badger.Txn) error { return setEncoded(txn, shelfKey(shelf), s) })
}

func (s *shelfSum) tidy() bool { return s.Clean == (s.Counts != 0) && len(s.unused()) == 0 }

// cleanMerged deletes of a chunk what its shelf has.
func cleanMerged(commit committer, l layout, chunk int, g generation) error {
	keys, _, err := keysOf(commit, levelChunk, chunk, g)
	if err != nil {
		return err
	}
	for group := range 1 << l.chunkBits {
		keys = append(keys, groupKey(kindRecordHash, levelChunk, group, chunk), groupKey(kindIDHash, levelChunk, group, chunk))
	}
	return deleteKeys(commit, keys)
}

// tidySums deletes what was left where writing sums was cut off. It is for when
// no other writes sums, such as the opening of a store.
func tidySums(commit committer, l layout) error {
	var h sumsHead
	err := commit(func(txn *badger.Txn) (err error) {
		h, err = readSumsHead(txn)
		return err
	})
	if err != nil {
		return fmt.Errorf("tidy sums: %w", err)
	}
	// One more of each may have been begun.
	for chunk := range h.Chunks + 1 {
		if err := cleanChunk(commit, chunk); err != nil {
			return fmt.Errorf("tidy sums of chunk %d: %w", chunk, err)
		}
	}
	for shelf := range h.Shelves + 1 {
		if err := cleanShelf(commit, l, shelf); err != nil {
			return fmt.Errorf("tidy sums of shelf %d: %w", shelf, err)
		}
	}
	return nil
}
