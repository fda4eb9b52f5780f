package query

import (
	"container/heap"
	"slices"
)

// A sorting keeps what it is given until the end, or the first so many in order.
type sorting struct {
	sink
	x      *execution
	keys   []SortKey
	places []int
	most   int // 0: all
	items  []sortItem
	n      int
}

type sortItem struct {
	flow
	keys []any
	nth  int // what is alike stays in the order in which it came
	size int64
}

func newSort(x *execution, p PipeSort, columns []string, most int, to sink) sink {
	fields := make([]PipeField, len(p.Keys))
	for i, k := range p.Keys {
		fields[i] = k.Field
	}
	return &sorting{sink: to, x: x, keys: p.Keys, places: placesOf(fields, columns), most: most}
}

func (s *sorting) compare(a, b *sortItem) int {
	for i, k := range s.keys {
		c, none := compareCells(a.keys[i], b.keys[i])
		if c != 0 {
			if k.Desc && !none {
				return -c
			}
			return c
		}
	}
	return a.nth - b.nth
}

// Len, Less, Swap, Push and Pop are those of a heap with the last item on top.
func (s *sorting) Len() int           { return len(s.items) }
func (s *sorting) Less(i, j int) bool { return s.compare(&s.items[i], &s.items[j]) > 0 }
func (s *sorting) Swap(i, j int)      { s.items[i], s.items[j] = s.items[j], s.items[i] }

// Push adds an item.
func (s *sorting) Push(x any) { s.items = append(s.items, x.(sortItem)) }

// Pop takes the last item away.
func (s *sorting) Pop() any {
	x := s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return x
}

func (s *sorting) put(f flow) error {
	item := sortItem{flow: f, keys: make([]any, len(s.keys)), nth: s.n, size: 64 + flowSize(f)}
	s.n++
	for i, k := range s.keys {
		item.keys[i] = f.of(k.Field, s.places[i])
		item.size += 16 + cellSize(item.keys[i])
	}
	if s.most == 0 {
		s.items = append(s.items, item)
		return s.x.keep(item.size)
	}
	if len(s.items) == s.most {
		if s.compare(&item, &s.items[0]) > 0 {
			return nil
		}
		if err := s.x.keep(-s.items[0].size); err != nil {
			return err
		}
		s.items[0] = item
		heap.Fix(s, 0)
		return s.x.keep(item.size)
	}
	heap.Push(s, item)
	return s.x.keep(item.size)
}

func (s *sorting) end() error {
	slices.SortFunc(s.items, func(a, b sortItem) int { return s.compare(&a, &b) })
	for i := range s.items {
		if err := s.sink.put(s.items[i].flow); err != nil {
			return endAfter(s.sink, err)
		}
	}
	return s.sink.end()
}
