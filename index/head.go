package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/blevesearch/bleve/v2/util"
	"go.etcd.io/bbolt"

	"recourse/audit"
)

// keyHead is bleve's internal key for what the index knows of itself.
var keyHead = []byte("recourse.head")

// A head is what an index knows of itself. It is written in the same batch as
// the documents that it speaks of.
type head struct {
	version  uint64
	progress audit.Seq // every change up to it is indexed; a multiple of audit.BlockSize
	batch    uint64    // how many batches there were
}

func (h head) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, h.version)
	b = binary.BigEndian.AppendUint64(b, uint64(h.progress))
	return binary.BigEndian.AppendUint64(b, h.batch)
}

func decodeHead(b []byte) (head, bool) {
	if len(b) != 24 {
		return head{}, false
	}
	h := head{binary.BigEndian.Uint64(b), audit.Seq(binary.BigEndian.Uint64(b[8:])), binary.BigEndian.Uint64(b[16:])}
	return h, h.progress%audit.BlockSize == 0
}

// blocks is how many blocks are indexed, each as one document.
func (h head) blocks() int { return int(h.progress / audit.BlockSize) }

// load reads the head and checks that it is the newest, and speaks of what is
// there.
func (x *Index) load(newest []byte) (err error) {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	raw, err := s.GetInternal(keyHead)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRebuild, err)
	}
	h, ok := decodeHead(raw)
	switch {
	case !ok:
		return fmt.Errorf("%w: its making was not finished", ErrRebuild)
	case h.version < segmentVersion:
		return ErrEarlier
	case h.version != segmentVersion:
		return fmt.Errorf("%w: it has format %d and not %d", ErrRebuild, h.version, segmentVersion)
	case !bytes.Equal(raw, newest):
		return fmt.Errorf("%w: what was written last cannot be read", ErrRebuild)
	}
	if err := checkBlocks(s, h.blocks()); err != nil {
		return fmt.Errorf("%w: %w", ErrRebuild, err)
	}
	x.head.Store(&h)
	return nil
}

// newestHead is the head that was written last, as bbolt has it. bleve itself
// goes back to an earlier state, with a line in the process's log, when it cannot
// open what belongs to the last one; and that would lack what was indexed again.
func newestHead(dir string, wait time.Duration) (raw []byte, err error) {
	db, err := bbolt.Open(boltFile(dir), 0o600, &bbolt.Options{ReadOnly: true, Timeout: wait})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// While it is open nobody else changes it.
	if err := unseal(dir); err != nil {
		return nil, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		states := tx.Bucket(util.BoltSnapshotsBucket)
		if states == nil {
			return nil
		}
		last, _ := states.Cursor().Last()
		if state := states.Bucket(last); state != nil {
			if own := state.Bucket(util.BoltInternalKey); own != nil {
				raw = bytes.Clone(own.Get(keyHead))
			}
		}
		return nil
	})
	return raw, err
}
