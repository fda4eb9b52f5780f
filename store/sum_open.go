package store

import (
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// An openSums is the sums of the chunks that are not sealed: of the last one,
// and of a full one before it until that is on disk. The one writer and the
// views share it. The zero value holds none.
//
// The writer applies a commit after it; what a commit may make otherwise of
// changes that are summed up, it announces before.
type openSums struct {
	mu      sync.RWMutex
	chunks  []*sums // consecutive
	doubt   []audit.Seq
	version uint64  // rises with every change of what is here
	frozen  *opened // as it is; nil: to be made
}

// announce says that a commit is about to make some changes otherwise than they
// are summed up. Until the next apply they are doubtful.
func (o *openSums) announce(seqs []audit.Seq) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.doubt, o.version, o.frozen = seqs, o.version+1, nil
}

// apply changes the sums after a commit, or with f nil after one that failed.
// The result of f takes the place of the chunks.
func (o *openSums) apply(f func([]*sums) []*sums) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.doubt, o.version, o.frozen = nil, o.version+1, nil
	if f != nil {
		o.chunks = f(o.chunks)
	}
}

// An opened is an openSums at one moment. All who look at that moment share it: for
// sets each makes a copy of the chunks (upTo).
type opened struct {
	version uint64
	chunks  []*frozen
	doubt   []audit.Seq
}

func (o *openSums) freeze() opened {
	// Freezing marks the sums as shared, so readers exclude one another.
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.frozen == nil {
		p := opened{version: o.version, doubt: o.doubt}
		for _, s := range o.chunks {
			z := s.freeze()
			z.grows = &growing{s, &o.mu}
			p.chunks = append(p.chunks, z)
		}
		o.frozen = &p
	}
	return *o.frozen
}

// is says whether a moment still lasts.
func (o *openSums) is(p opened) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.version == p.version
}

// doubtful is the offsets in a chunk that a commit under way makes doubtful.
func (p opened) doubtful(l layout, chunk int) *roaring.Bitmap {
	b := roaring.New()
	for _, s := range p.doubt {
		if l.chunkOf(s) == chunk {
			b.Add(uint32(s - l.first(chunk)))
		}
	}
	return b
}
