package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A valueCount is a value and how many changes have it.
type valueCount struct {
	value string
	n     int
}

// sortCounts puts the values of the most changes first: the order of their
// codes in a column, which is shorter for it.
func sortCounts(counts []valueCount) {
	slices.SortFunc(counts, func(a, b valueCount) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.value, b.value))
	})
}

// countsPage is about how many bytes of counts are kept under one key. Whoever
// writes records chooses the names of their attributes, so there may be more
// than fits one value.
const countsPage = 1 << 20

// countsEntries are counts as they are stored: pages, of which all but the last
// begin with 1.
func countsEntries(counts []valueCount, f audit.Facet, v level, number int, g generation) []entry {
	var entries []entry
	payload := []byte{0}
	page := func(more byte) {
		payload[0] = more
		entries = append(entries, entry{countsKey(f, v, number, g, len(entries)), payload})
		payload = []byte{0}
	}
	for _, c := range counts {
		if len(payload) >= countsPage {
			page(1)
		}
		payload = binary.AppendUvarint(appendList(payload, c.value), uint64(c.n))
	}
	page(0)
	return entries
}

// readCounts is the counts of a facet in their order, and how many pages they
// have; none if they were not written. A last page that is missing is an error
// if whole is asked for.
func readCounts(txn *badger.Txn, f audit.Facet, v level, number int, g generation, whole bool) (counts []valueCount, pages int, err error) {
	for more := true; more; pages++ {
		payload, found, err := get(txn, countsKey(f, v, number, g, pages))
		switch {
		case err != nil:
			return nil, 0, fmt.Errorf("read counts of %s: %w", f, err)
		case !found && !whole:
			return counts, pages, nil
		case !found:
			return nil, 0, fmt.Errorf("%w: counts of %s are missing", ErrCorrupt, f)
		case len(payload) == 0 || payload[0] > 1:
			return nil, 0, damagedSum("a broken page of counts")
		}
		if counts, err = appendCounts(counts, payload[1:]); err != nil {
			return nil, 0, err
		}
		more = payload[0] == 1
	}
	return counts, pages, nil
}

func appendCounts(counts []valueCount, data []byte) ([]valueCount, error) {
	for len(data) > 0 {
		value, rest, ok := cutString(data)
		if !ok {
			return nil, damagedSum("a broken value")
		}
		n, rest, ok := cutUvarint(rest)
		if !ok {
			return nil, damagedSum("a broken count")
		}
		counts, data = append(counts, valueCount{value, int(n)}), rest
	}
	return counts, nil
}
