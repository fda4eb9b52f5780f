package store

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"

	"recourse/audit"
)

// A packedBlock is a block, or why there is none.
type packedBlock struct {
	payload []byte
	sum     [sha256.Size]byte // of the payload
	err     error
}

// packAll packs rows, block by block, on as many processors as there are.
func packAll(rows []row) []packedBlock {
	all := make([]packedBlock, (len(rows)+audit.BlockSize-1)/audit.BlockSize)
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(all) {
				return
			}
			part := rows[i*audit.BlockSize : min((i+1)*audit.BlockSize, len(rows))]
			p := &all[i]
			if p.payload, p.err = encodeBlock(part[0].c.Seq, part); p.err == nil {
				p.sum = sha256.Sum256(p.payload)
			}
		}
	}
	var others sync.WaitGroup
	for range min(len(all), runtime.GOMAXPROCS(0)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return all
}
