package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// amendment is what later readings knew better of a stored change, which itself
// stays as it was first read. Number counts amendments; that of a change that
// is amended again is a new one.
type amendment struct {
	Seq      uint64 `cbor:"1,keyasint"`
	Number   uint64 `cbor:"2,keyasint"`
	Node     string `cbor:"3,keyasint,omitempty"` // whose log told it
	Observed uint64 `cbor:"4,keyasint"`
	Op       string `cbor:"5,keyasint,omitempty"`
	User     string `cbor:"6,keyasint,omitempty"`
	After    *image `cbor:"7,keyasint,omitempty"`
	SameBody bool   `cbor:"8,keyasint,omitempty"` // After's body is the first reading's and left out here
	Sent     []byte `cbor:"9,keyasint,omitempty"`
	Lossy    bool   `cbor:"10,keyasint,omitempty"`
	Note     string `cbor:"11,keyasint,omitempty"`
}

// amend stores what a change is now known to be, told by a reading of it.
func (a *appender) amend(best, by *audit.Change) error {
	stored, err := a.r.row(best.Seq)
	if err != nil {
		return err
	}
	first := &stored.c
	k := a.edit()
	if k.amended {
		old, found, err := readAmendment(a.txn, best.Seq)
		if err != nil {
			return err
		}
		if found {
			if err := a.txn.Delete(amendedKey(old.Number)); err != nil {
				return err
			}
		}
	}
	k.amendment++
	k.amended = true
	d := amendment{Seq: uint64(best.Seq), Number: k.amendment, Node: by.Node, Observed: bits(by.Observed), Op: string(best.Op),
		User: best.User, After: imageOut(best.After), Sent: best.Sent, Lossy: best.Lossy, Note: best.Note}
	if d.After != nil && d.After.Body != nil && bytes.Equal(d.After.Body, first.After.Body) {
		d.After.Body, d.SameBody = nil, true
	}
	payload, err := encode(d)
	if err != nil {
		return err
	}
	if err := set(a.txn, amendmentKey(best.Seq), payload); err != nil {
		return err
	}
	a.written += len(payload)
	a.out.Amended++
	if err := set(a.txn, amendedKey(d.Number), uintPayload(uint64(best.Seq))); err != nil {
		return err
	}
	return a.alter(best)
}

// alter makes a stored change stale of which more is known now, and the one that
// follows it.
func (a *appender) alter(c *audit.Change) error {
	a.mark(c.Seq)
	if c.Op.Kind() == audit.KindMessage {
		return nil
	}
	if err := a.refresh(c); err != nil {
		return err
	}
	return a.markAfter(c)
}

func readAmendment(txn *badger.Txn, seq audit.Seq) (amendment, bool, error) {
	payload, found, err := get(txn, amendmentKey(seq))
	if err != nil || !found {
		return amendment{}, false, err
	}
	d, err := decodeAmendment(payload)
	return d, true, err
}

func decodeAmendment(payload []byte) (amendment, error) {
	var d amendment
	if err := decode(payload, &d); err != nil {
		return d, fmt.Errorf("read amendment: %w", err)
	}
	return d, nil
}

// apply turns a first reading into what is known of the change.
func (d *amendment) apply(c *audit.Change) {
	body := c.After.Body
	c.Op, c.User, c.After = audit.Op(d.Op), d.User, imageIn(d.After)
	if d.SameBody {
		c.After.Body = body
	}
	c.Sent, c.Lossy, c.Note = d.Sent, d.Lossy, d.Note
}

// amend applies what later readings knew better, in a store where any did.
func (k *known) amend(txn *badger.Txn, c *audit.Change) error {
	if !k.amended {
		return nil
	}
	d, found, err := readAmendment(txn, c.Seq)
	if err != nil {
		return fmt.Errorf("read amendment of change %d: %w", c.Seq, err)
	}
	if found {
		d.apply(c)
	}
	return nil
}

// An Amended names a change that a later reading told more of.
type Amended struct {
	Number uint64 // counts amendments
	Seq    audit.Seq
}

// AmendedSince yields the changes that were amended after the amendment of that
// number, in the order of their last amendments: what was concluded from them,
// and from the change that follows each (see Next), may have to be looked at
// again.
func (db *DB) AmendedSince(ctx context.Context, number uint64) iter.Seq2[Amended, error] {
	return func(yield func(Amended, error) bool) {
		pages(yield, "list amendments", func() (page []Amended, more bool, err error) {
			err = db.view(ctx, func(r *reader) (err error) {
				page, err = r.amendedSince(number)
				return err
			})
			if len(page) > 0 {
				number = page[len(page)-1].Number
			}
			return page, len(page) == pageKeys, err
		})
	}
}

func (r *reader) amendedSince(number uint64) (page []Amended, err error) {
	it := r.txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 64, Prefix: []byte{byte(kindAmended)}})
	defer it.Close()
	for it.Seek(amendedKey(number + 1)); it.Valid() && len(page) < pageKeys; it.Next() {
		a, err := amendedOf(it.Item())
		if err != nil {
			return page, err
		}
		page = append(page, a)
	}
	return page, nil
}

func amendedOf(item *badger.Item) (Amended, error) {
	payload, err := payloadOf(item)
	if err != nil {
		return Amended{}, err
	}
	number, err := parseUint(item.Key()[1:])
	if err != nil {
		return Amended{}, err
	}
	seq, err := parseUint(payload)
	return Amended{Number: number, Seq: audit.Seq(seq)}, err
}

// lastAmended is the number of the newest amendment.
func lastAmended(txn *badger.Txn) uint64 {
	it := txn.NewIterator(badger.IteratorOptions{Reverse: true, Prefix: []byte{byte(kindAmended)}})
	defer it.Close()
	if it.Seek(amendedKey(^uint64(0))); !it.Valid() || len(it.Item().Key()) != 9 {
		return 0
	}
	number, _ := parseUint(it.Item().Key()[1:])
	return number
}
