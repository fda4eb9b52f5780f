package query

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"recourse/audit"
)

// Limits of the lives that are held at once. One record's is held whole, however
// large it is.
const (
	mostLives      = 128 << 10 // records
	mostHeld       = 256 << 10 // their changes
	mostHeldBytes  = 64 << 20  // of their images
	judgedTogether = 64        // records
)

// errHeldTooMuch says that fewer records are to be read at once.
var errHeldTooMuch = errors.New("the lives of these records are too large")

// lives are the changes of some records, held at once.
type lives struct {
	keys  []audit.Key
	place map[audit.Key]int
	of    []life // by the place of the key; once they are sorted in the order of time
	mu    sync.Mutex
	arena // for images
}

// judgeLives reads the lives of records, which are sorted, and hands over what judge
// makes of each, cluster by cluster. A block is read once for all records whose
// lives can be held at once, and several lives are judged at once.
func judgeLives[T any](ctx context.Context, r *run, keys []audit.Key, judge func(audit.Key, string, life) (T, bool), take func(*T) error) error {
	return byPages(ctx, r, keys, mostHeld, func(keys []audit.Key, seqs []audit.Seq) error {
		l, err := r.lives(ctx, keys, seqs)
		if err != nil {
			return err
		}
		return judgeAll(ctx, r.parallel, len(keys), func(place int, add func(T)) {
			l.each(place, func(k audit.Key, cluster string, of life) {
				if made, ok := judge(k, cluster, of); ok {
					add(made)
				}
			})
		}, take)
	})
}

// byPages does something with the first of some records, and the numbers of the changes
// that may be of them, and so on until all are done. Of errHeldTooMuch it is done with
// fewer again.
func byPages(ctx context.Context, r *run, keys []audit.Key, changes int, do func(keys []audit.Key, seqs []audit.Seq) error) error {
	most := mostLives
	for len(keys) > 0 {
		n := min(most, len(keys))
		seqs, err := r.view.Touching(ctx, keys[:n])
		if err != nil {
			return err
		}
		if len(seqs) > changes && n > 1 {
			most = max(1, min(n-1, n*changes/len(seqs)))
			continue
		}
		err = do(keys[:n], seqs)
		if errors.Is(err, errHeldTooMuch) {
			most = n / 2
			continue
		}
		if err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// lives reads those of records, whose changes are among those of some numbers.
func (r *run) lives(ctx context.Context, keys []audit.Key, seqs []audit.Seq) (*lives, error) {
	l := &lives{keys: keys, place: make(map[audit.Key]int, len(keys)), of: make([]life, len(keys))}
	for i, k := range keys {
		l.place[k] = i
	}
	_, err := r.look(ctx, seqs, wanted{}, func(_, _ int, c *audit.Change) error { return l.hold(c) })
	return l, err
}

// hold adds a change. What it has of its block's memory is copied, so that the rest
// need not be held; mostly the image before is that after the change before.
func (l *lives) hold(c *audit.Change) error {
	i, ours := l.place[c.Key]
	if !ours || c.Op.Kind() == audit.KindMessage {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	own, of := *c, l.of[i]
	own.After.Body, own.Sent = l.own(c.After.Body), l.own(c.Sent)
	if n := len(of); n > 0 && of[n-1].After.Body != nil && bytes.Equal(of[n-1].After.Body, c.Before.Body) {
		own.Before.Body = of[n-1].After.Body
	} else {
		own.Before.Body = l.own(c.Before.Body)
	}
	l.of[i] = append(of, own)
	if l.bytes > mostHeldBytes && len(l.keys) > 1 {
		return errHeldTooMuch
	}
	return nil
}

// An arena is memory for values whose block's need not be held.
type arena struct {
	left  []byte // of what was taken
	bytes int    // that values have
}

// own is a value in memory of the arena's.
func (m *arena) own(v audit.Value) audit.Value {
	if len(v) == 0 {
		return v
	}
	m.bytes += len(v)
	if len(m.left) < len(v) {
		m.left = make([]byte, max(1<<16, len(v)))
	}
	n := copy(m.left, v)
	v, m.left = m.left[:n:n], m.left[n:]
	return v
}

// each visits the record at a place, cluster by cluster.
func (l *lives) each(place int, visit func(audit.Key, string, life)) {
	all := l.of[place]
	slices.SortFunc(all, func(a, b audit.Change) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
	})
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Cluster == all[0].Cluster {
			n++
		}
		of := all[:n:n]
		for i := range of {
			born(&of[i])
		}
		visit(l.keys[place], of[0].Cluster, of)
		all = all[n:]
	}
	l.of[place] = nil
}

// A judged batch is what was made of some records' lives.
type judged[T any] struct {
	from, to int // places
	out      []T
	err      error
	done     chan struct{}
}

// judgeAll judges several batches of n records at once, and hands over in order what
// was made of each.
func judgeAll[T any](ctx context.Context, parallel, n int, judge func(place int, add func(T)), take func(*T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue, work := make(chan *judged[T], 2*parallel), make(chan *judged[T], 2*parallel)
	go func() {
		defer close(work)
		defer close(queue)
		for from := 0; from < n && ctx.Err() == nil; from += judgedTogether {
			b := &judged[T]{from: from, to: min(from+judgedTogether, n), done: make(chan struct{})}
			select {
			case queue <- b:
				work <- b
			case <-ctx.Done():
			}
		}
	}()
	for range parallel {
		go func() {
			for b := range work {
				b.make(judge)
			}
		}()
	}
	var err error
	for b := range queue {
		<-b.done
		err = cmp.Or(err, ctx.Err(), b.err)
		for i := range b.out {
			if err == nil {
				err = take(&b.out[i])
			}
		}
		if err != nil {
			cancel()
		}
	}
	return cmp.Or(err, ctx.Err())
}

func (b *judged[T]) make(judge func(place int, add func(T))) {
	defer close(b.done)
	defer audit.Guard(&b.err)
	for place := b.from; place < b.to; place++ {
		judge(place, func(made T) { b.out = append(b.out, made) })
	}
}
