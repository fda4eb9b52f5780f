package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// A block that is full is never written again, and goes to the engine's value log, where
// it lies once. One that is not full is written anew with every append: there it would
// leave its like behind each time, so it stays among the smaller values, in pieces if it
// is larger. Under its key stands then how many there are, which is too short for a
// block. One that is larger still goes to the value log, too, for a transaction takes
// only so many small values.
const (
	blockPiece = valueThreshold * 3 / 4 // the size of every piece but the last
	inPieces   = mostThreshold          // blocks below that stand in pieces
	mostPieces = inPieces/blockPiece + 1
)

func pieceKey(n, i int) []byte { return appendUint(blockKeyOf(kindPiece, n), uint64(i)) }

// setOpenBlock writes a block that is not full. begun says that it was written before.
func setOpenBlock(txn *badger.Txn, n int, payload []byte, begun bool) error {
	pieces := 0
	if len(payload)+sealSize >= valueThreshold && len(payload) < inPieces {
		for rest := payload; len(rest) > 0; pieces++ {
			piece := rest[:min(len(rest), blockPiece)]
			if err := set(txn, pieceKey(n, pieces), piece); err != nil {
				return err
			}
			rest = rest[len(piece):]
		}
		payload = binary.AppendUvarint(nil, uint64(pieces))
	}
	if err := set(txn, blockKey(n), payload); err != nil || !begun {
		return err
	}
	return dropPieces(txn, n, pieces)
}

// setFullBlock writes a block that is full. begun says that it was written before.
func setFullBlock(txn *badger.Txn, n int, payload []byte, begun bool) error {
	if err := set(txn, blockKey(n), payload); err != nil || !begun {
		return err
	}
	return dropPieces(txn, n, 0)
}

// dropPieces takes out the pieces of a block from a place on.
func dropPieces(txn *badger.Txn, n, from int) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: blockKeyOf(kindPiece, n)})
	defer it.Close()
	for it.Seek(pieceKey(n, from)); it.Valid(); it.Next() {
		if err := txn.Delete(it.Item().KeyCopy(nil)); err != nil {
			return err
		}
	}
	return nil
}

// blockPayload is the payload of a block, copied, put together if it stands in pieces.
func blockPayload(txn *badger.Txn, item *badger.Item, n int) ([]byte, error) {
	payload, err := payloadOf(item)
	if err == nil && len(payload) < chainSize {
		payload, err = joined(txn, n, payload)
	}
	return payload, err
}

// piece checks the key of a piece: that its block stands in as many.
func (v *verifier) piece(key []byte) ([]byte, error) {
	if len(key) != len(pieceKey(0, 0)) {
		return nil, errors.New("not the key of a piece")
	}
	n, i := int(binary.BigEndian.Uint64(key[1:])), int(binary.BigEndian.Uint64(key[9:]))
	said, _, err := get(v.r.txn, blockKey(n))
	if err != nil {
		return nil, err
	}
	if pieces, size := binary.Uvarint(said); size != len(said) || len(said) == 0 || uint64(i) >= pieces {
		return nil, fmt.Errorf("piece %d of a block that does not stand in so many", i+1)
	}
	return pieceKey(n, i), nil
}

// joined is the payload of a block that stands in as many pieces as is said.
func joined(txn *badger.Txn, n int, said []byte) ([]byte, error) {
	pieces, size := binary.Uvarint(said)
	if size != len(said) || pieces == 0 || pieces > mostPieces {
		return nil, fmt.Errorf("%w: a block of %d bytes", ErrCorrupt, len(said))
	}
	var payload []byte
	for i := range int(pieces) {
		piece, found, err := get(txn, pieceKey(n, i))
		if err == nil && !found {
			err = fmt.Errorf("%w: piece %d of %d is missing", ErrCorrupt, i+1, pieces)
		}
		if err != nil {
			return nil, err
		}
		payload = append(payload, piece...)
	}
	if len(payload) < chainSize {
		return nil, fmt.Errorf("%w: a block of %d bytes", ErrCorrupt, len(payload))
	}
	return payload, nil
}
