package revert

import (
	"cmp"
	"slices"
)

// sortedKeys are a map's keys, sorted, in memory of just their size.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
