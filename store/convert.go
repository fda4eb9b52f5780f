package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// change is an audit.Change as formats 1 and 2 kept it, each under a key of its
// own. Times are the bits of their float64, which
// CBOR's floats would not keep of a NaN.
type change struct {
	ID       []byte `cbor:"1,keyasint"`
	Cluster  string `cbor:"2,keyasint,omitempty"`
	Node     string `cbor:"3,keyasint,omitempty"`
	Time     uint64 `cbor:"4,keyasint"`
	User     string `cbor:"5,keyasint,omitempty"`
	Op       string `cbor:"6,keyasint,omitempty"`
	Reported string `cbor:"7,keyasint,omitempty"`
	Database string `cbor:"8,keyasint,omitempty"`
	Table    string `cbor:"9,keyasint,omitempty"`
	Key      string `cbor:"10,keyasint,omitempty"`
	Nth      int    `cbor:"11,keyasint,omitempty"`
	Before   *image `cbor:"12,keyasint,omitempty"` // only if the log held it
	After    *image `cbor:"13,keyasint,omitempty"`
	Size     int    `cbor:"14,keyasint,omitempty"`
	Index    int    `cbor:"15,keyasint,omitempty"`
	Observed uint64 `cbor:"16,keyasint"`
	Lossy    bool   `cbor:"17,keyasint,omitempty"`
	Late     bool   `cbor:"18,keyasint,omitempty"`
	Note     string `cbor:"19,keyasint,omitempty"`
	// Format 2.
	Sent      []byte `cbor:"20,keyasint,omitempty"`
	Synthetic bool   `cbor:"21,keyasint,omitempty"`
}

func decodeChange(seq audit.Seq, payload []byte) (audit.Change, error) {
	var d change
	if err := decode(payload, &d); err != nil {
		return audit.Change{}, err
	}
	c := audit.Change{
		Seq: seq, Cluster: d.Cluster, Node: d.Node, Time: timeOf(d.Time), User: d.User,
		Op: audit.Op(d.Op), Reported: audit.Op(d.Reported),
		Key: audit.Key{Table: audit.Table{Database: d.Database, Name: d.Table}, ID: audit.ID(d.Key)},
		Nth: d.Nth, Before: imageIn(d.Before), After: imageIn(d.After),
		Group: audit.Group{Size: d.Size, Index: d.Index}, Observed: timeOf(d.Observed),
		Lossy: d.Lossy, Late: d.Late, Note: d.Note, Sent: d.Sent, Synthetic: d.Synthetic,
	}
	if len(d.ID) != len(c.ID) {
		return audit.Change{}, fmt.Errorf("%w: an id of %d bytes", ErrCorrupt, len(d.ID))
	}
	copy(c.ID[:], d.ID)
	return c, nil
}

// Keys of formats 1 and 2 that are no more.
const (
	kindOldChange keyKind = 'c' // seq → change
	// The others were for finding changes: by id, by record, by time, and counts
	// by table and by user.
	kindsOld = "citrnm"
)

func oldChangeKey(s audit.Seq) []byte { return appendUint([]byte{byte(kindOldChange)}, uint64(s)) }

func convertKey() []byte { return []byte{byte(kindConvert)} }

// convertBatch is how many changes are converted in one transaction.
const convertBatch = 500

// toConvert says that the store is of an earlier format, or half of it is.
func (db *DB) toConvert(version uint64) (bool, error) {
	if version < 3 {
		return true, nil
	}
	begun := false
	err := db.badger.View(func(txn *badger.Txn) (err error) {
		begun, err = has(txn, convertKey())
		return err
	})
	return begun, err
}

// convert makes a store of format 1 or 2 one of this format. It may be cut off at
// any point: the next opening goes on.
func (db *DB) convert(ctx context.Context) error {
	total, err := db.beginConvert()
	if err != nil {
		return err
	}
	if err := db.load(); err != nil {
		return err
	}
	for db.known.Load().head < total {
		if err := db.tellConverting(total); err != nil {
			return err
		}
		if err := db.convertNext(ctx, total); err != nil {
			return err
		}
	}
	if err := db.convertAlerts(); err != nil {
		return err
	}
	if err := db.dropOld(); err != nil {
		return err
	}
	return db.commit(func(txn *badger.Txn) error { return txn.Delete(convertKey()) })
}

// beginConvert is how many changes there are, which are all to be converted yet
// or were in part.
func (db *DB) beginConvert() (total audit.Seq, err error) {
	err = db.commit(func(txn *badger.Txn) error {
		payload, begun, err := get(txn, convertKey())
		if err != nil {
			return err
		}
		if begun {
			n, err := parseUint(payload)
			total = audit.Seq(n)
			return err
		}
		if total, err = readHead(txn); err != nil {
			return err
		}
		return errors.Join(set(txn, formatKey(), uintPayload(formatVersion)), set(txn, convertKey(), uintPayload(uint64(total))), set(txn, headKey(), uintPayload(0)), set(txn, imagedKey(), uintPayload(0)))
	})
	return total, err
}

func (db *DB) tellConverting(total audit.Seq) error {
	if db.o.Converting == nil {
		return nil
	}
	return db.o.Converting(db.known.Load().head, total)
}

func (db *DB) convertNext(ctx context.Context, total audit.Seq) error {
	var a *appender
	err := db.commit(func(txn *badger.Txn) error {
		a = newAppender(db, txn)
		defer a.r.release()
		for s := a.head + 1; s <= min(total, a.old.head+convertBatch); s++ {
			if err := a.convert(s); err != nil {
				return fmt.Errorf("convert change %d: %w", s, err)
			}
			if a.bytes > maxBatch {
				break
			}
		}
		return errors.Join(a.blocks(), a.marks(), ctx.Err())
	})
	if err != nil {
		return err
	}
	db.sums.open.apply(nil)
	return db.settle(a)
}

func (a *appender) convert(s audit.Seq) error {
	payload, found, err := get(a.txn, oldChangeKey(s))
	if err != nil || !found {
		return errors.Join(err, missing(found))
	}
	c, err := decodeChange(s, payload)
	if err != nil {
		return err
	}
	if c.ID != c.Identify() {
		return fmt.Errorf("%w: its id is not that of what it says", ErrCorrupt)
	}
	h := nameRecord(&c.Key, c.Cluster)
	last, err := a.last(h)
	if err != nil {
		return err
	}
	w := row{c: c}
	if err := a.precede(&w, h, last, placeOf(&c)); err != nil {
		return err
	}
	if err := a.add(&w, h, last); err != nil {
		return err
	}
	amended, err := has(a.txn, amendmentKey(s))
	if err != nil || !amended {
		return err
	}
	return a.alter(&c)
}

// dropOld deletes what this format does not have.
func (db *DB) dropOld() error {
	for _, kind := range []byte(kindsOld) {
		if err := db.badger.DropPrefix([]byte{kind}); err != nil {
			return fmt.Errorf("delete what format 2 had: %w", err)
		}
	}
	return nil
}
