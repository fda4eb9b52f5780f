package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/fxamacker/cbor/v2"

	"recourse/audit"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sealSize = 4

// seal is a value as it is stored: CRC-32C of key and payload, then the
// payload. With the key in it, a value that ended up under another key fails too.
func seal(key, payload []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, payload)
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, sealSize+len(payload)), sum), payload...)
}

// unseal is the payload, a part of value.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < sealSize {
		return nil, fmt.Errorf("%w: a value of %d bytes", ErrCorrupt, len(value))
	}
	payload := value[sealSize:]
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, payload)
	if binary.BigEndian.Uint32(value) != sum {
		return nil, fmt.Errorf("%w: a value fails its checksum", ErrCorrupt)
	}
	return payload, nil
}

func set(txn *badger.Txn, key, payload []byte) error {
	// Badger would say so too, with a dump of the value in its error.
	if len(payload) > maxValue {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(payload))
	}
	return txn.Set(key, seal(key, payload))
}

// get is the payload under a key, copied, and whether there is one.
func get(txn *badger.Txn, key []byte) (payload []byte, found bool, err error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	payload, err = payloadOf(item)
	return payload, true, err
}

func payloadOf(item *badger.Item) ([]byte, error) {
	value, err := item.ValueCopy(nil)
	if err != nil {
		// Badger's own errors here speak of a value log that it cannot read.
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return unseal(item.Key(), value)
}

func has(txn *badger.Txn, key []byte) (bool, error) {
	_, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	return err == nil, err
}

// scan hands every key that begins with prefix to f, in order, with its
// payload. Both are f's to keep.
func scan(txn *badger.Txn, prefix []byte, f func(key, payload []byte) error) error {
	return scanFrom(txn, prefix, prefix, f)
}

// scanFrom is scan but for the keys before one of them.
func scanFrom(txn *badger.Txn, prefix, from []byte, f func(key, payload []byte) error) error {
	it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 32, Prefix: prefix})
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		payload, err := payloadOf(it.Item())
		if err != nil {
			return fmt.Errorf("read key %x: %w", shorten(it.Item().Key()), err)
		}
		if err := f(it.Item().KeyCopy(nil), payload); err != nil {
			return err
		}
	}
	return nil
}

func shorten(key []byte) []byte { return key[:min(len(key), 48)] }

func uintPayload(n uint64) []byte { return appendUint(nil, n) }

func parseUint(payload []byte) (uint64, error) {
	if len(payload) != 8 {
		return 0, fmt.Errorf("%w: a number of %d bytes", ErrCorrupt, len(payload))
	}
	return binary.BigEndian.Uint64(payload), nil
}

func readHead(txn *badger.Txn) (audit.Seq, error) {
	payload, found, err := get(txn, headKey())
	if err == nil && !found {
		err = fmt.Errorf("%w: it is missing", ErrCorrupt)
	}
	var n uint64
	if err == nil {
		n, err = parseUint(payload)
	}
	if err != nil {
		return 0, fmt.Errorf("read head: %w", err)
	}
	return audit.Seq(n), nil
}

// encode is v in deterministic CBOR.
func encode(v any) ([]byte, error) {
	mode, err := cborEncoding()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(v)
}

// decode reads what encode wrote, and nothing else: a field that this program
// does not know is an error, for it might change what the others mean.
func decode(payload []byte, v any) error {
	mode, err := cborDecoding()
	if err != nil {
		return err
	}
	if err := mode.Unmarshal(payload, v); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

// image is an audit.Image on disk.
type image struct {
	_                    struct{} `cbor:",toarray"`
	State, Source, Trust uint8
	Body                 []byte
}

// imageOut is nil for the image of which nothing is known.
func imageOut(i audit.Image) *image {
	if i.State == 0 && i.Source == 0 && i.Trust == 0 && i.Body == nil {
		return nil
	}
	return &image{State: uint8(i.State), Source: uint8(i.Source), Trust: uint8(i.Trust), Body: i.Body}
}

func imageIn(i *image) audit.Image {
	if i == nil {
		return audit.Image{}
	}
	return audit.Image{State: audit.State(i.State), Source: audit.Source(i.Source), Trust: audit.Trust(i.Trust), Body: slices.Clip(i.Body)}
}

// encode modes are cheap to use and costly to make.
var (
	cborEncoding = sync.OnceValues(func() (cbor.EncMode, error) { return cbor.CoreDetEncOptions().EncMode() })
	cborDecoding = sync.OnceValues(func() (cbor.DecMode, error) {
		return cbor.DecOptions{
			DupMapKey:         cbor.DupMapKeyEnforcedAPF,
			ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
			UTF8:              cbor.UTF8DecodeInvalid, // a user's name may be any bytes
			MaxArrayElements:  1<<31 - 1,
			MaxMapPairs:       1<<31 - 1,
		}.DecMode()
	})
)
