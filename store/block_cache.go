package store

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"recourse/audit"
)

// readerBlocks is how many blocks a reader has at hand.
const readerBlocks = 8

// block is a block, opened, and kept for those who want another of its changes.
func (r *reader) block(n int) (stowed, error) {
	if b, found := r.blocks[n]; found {
		return b, nil
	}
	b, err := r.shared(n, true)
	if err != nil {
		return b, err
	}
	if len(r.blocks) >= readerBlocks || r.blocks == nil {
		r.blocks = map[int]stowed{}
	}
	r.blocks[n] = b
	return b, nil
}

// passing is a block that is read as a whole, one of many: it is taken from the
// cache, but would only push others out.
func (r *reader) passing(n int) (stowed, error) { return r.shared(n, false) }

// shared is a block from the cache that all readers share, or else from the store.
// A whole block is never written again. One that is not is written anew whenever
// changes are added, each time with another version: a reader is given the one that
// its snapshot has, which only the store tells.
func (r *reader) shared(n int, keep bool) (stowed, error) {
	if r.w != nil || r.opens == nil {
		// What a transaction is about to write has no version of its own yet.
		return readBlock(r.txn, n)
	}
	name := cached{what: kindBlock, number: n}
	read := func() (stowed, error) { return readBlock(r.txn, n) }
	if firstOf(n+1)-1 > r.known.head {
		item, err := r.txn.Get(blockKey(n))
		if err != nil {
			return read()
		}
		name.version = item.Version()
		read = func() (stowed, error) { return stowedOf(item, n) }
	}
	if b, ok := r.opens.get(name); ok {
		return b.(stowed), nil
	}
	b, err := read()
	if err == nil && keep {
		r.opens.put(name, b, b.memory())
	}
	return b, err
}

// memory is about how many bytes a block takes when it is unpacked.
func (b *block) memory() int {
	bytes := 1<<12 + b.keys + 64*b.n
	for _, f := range b.frames {
		if bytes += len(f.stored); len(f.stored) < f.size {
			bytes += f.size
		}
	}
	return bytes
}

// ahead opens the blocks of changes that will be wanted one after the other, on
// all processors, as far as the cache can be trusted to keep them.
func (r *reader) ahead(seqs []audit.Seq) error {
	if r.w != nil || r.opens == nil {
		return nil
	}
	var blocks []int
	seen := map[int]bool{}
	for _, s := range seqs {
		n := audit.BlockOf(s)
		if _, have := r.blocks[n]; !have && !seen[n] && s != 0 && s <= r.known.head && len(blocks) < mostAhead {
			seen[n] = true
			blocks = append(blocks, n)
		}
	}
	if len(blocks) < 2 {
		return nil
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make([]error, min(len(blocks), runtime.GOMAXPROCS(0)))
	for worker := range errs {
		wait.Go(func() {
			defer audit.Guard(&errs[worker])
			for i := int(next.Add(1)) - 1; i < len(blocks) && errs[worker] == nil; i = int(next.Add(1)) - 1 {
				b, err := r.shared(blocks[i], true)
				if err == nil {
					err = b.load()
				}
				errs[worker] = err
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("read ahead: %w", err)
	}
	return nil
}

// mostAhead is how many blocks are opened before they are wanted.
const mostAhead = 32
