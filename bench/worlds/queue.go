package worlds

import (
	"container/heap"

	"recourse/audit"
)

// A queue is what will happen, by time; of the same time, what was asked for
// first comes first.
type queue struct {
	items []item
	made  int
}

type item struct {
	at audit.Time
	n  int
	do func()
}

func (q *queue) add(at audit.Time, do func()) {
	q.made++
	heap.Push(q, item{at, q.made, do})
}

func (q *queue) next() item { return heap.Pop(q).(item) }

// Len, Less, Swap, Push and Pop are heap.Interface.
func (q *queue) Len() int { return len(q.items) }

func (q *queue) Less(i, j int) bool {
	a, b := q.items[i], q.items[j]
	return a.at < b.at || a.at == b.at && a.n < b.n
}

func (q *queue) Swap(i, j int) { q.items[i], q.items[j] = q.items[j], q.items[i] }

func (q *queue) Push(x any) { q.items = append(q.items, x.(item)) }

func (q *queue) Pop() any {
	last := q.items[len(q.items)-1]
	q.items[len(q.items)-1] = item{}
	q.items = q.items[:len(q.items)-1]
	return last
}
