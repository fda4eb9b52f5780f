package store

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
		read = func() (stowed, error) { return stowedOf(r.txn, item, n) }
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
