package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// rest checks what is neither a change nor an index of one.
func (v *verifier) rest() error {
	return v.each(nil, true, func(key []byte, item *badger.Item) error {
		switch keyKind(key[0]) {
		case kindBlock:
			return nil // checked already
		}
		payload, err := payloadOf(item)
		if err != nil {
			return err
		}
		return v.value(key, payload)
	})
}

// value checks that a value can be read and is the one that its key names.
func (v *verifier) value(key, payload []byte) error {
	var want []byte
	var err error
	switch keyKind(key[0]) {
	case kindFormat:
		want = formatKey()
		_, err = checkVersion(payload)
	case kindHead:
		want = headKey()
		_, err = parseUint(payload)
	case kindDivergence:
		v.out.Divergences++
		want, err = v.divergence(payload)
	case kindGap:
		v.out.Gaps++
		var g audit.Gap
		g, err = decodeGap(payload)
		want = gapKey(&g)
	case kindCursor:
		v.out.Cursors++
		var c audit.Cursor
		c, err = decodeCursor(payload)
		want = cursorKey(c.Node, c.Table)
	case kindProgress:
		want, err = v.progress(payload)
	case kindAlert:
		v.out.Alerts++
		var a audit.Alert
		a, err = decodeAlert(v.r.txn, payload)
		want = nameKey(kindAlert, a.ID)
	case kindWindow:
		var w window
		if w, err = decodeWindow(payload); err == nil {
			_, err = w.data(v.r.txn)
		}
		want = nameKey(kindWindow, w.Name)
	case kindNote:
		var n note
		err = decode(payload, &n)
		want = nameKey(kindNote, n.Name)
	case kindSaving:
		var left saving
		if err = decode(payload, &left); err == nil && left.Parts > 0 {
			_, err = left.whole(v.r.txn)
		}
		want = savingKey()
	case kindPart:
		want = key // those that count are read with what they are of
	case kindReverted, kindOwn, kindApply, kindChosen:
		want, err = ledgerKey(key, payload)
	case kindReceipt, kindJournal:
		want, err = v.receipt(key, payload)
	case kindSums, kindChunk, kindShelf, kindTimes, kindColumn, kindCounts, kindSet, kindRecordHash, kindIDHash:
		want = key // what counts of them is compared with the changes
	case kindDoubtful:
		want = key
		_, err = decodeSet(payload, audit.ChunkSize)
	case kindHits:
		want = key
		_, err = decodeTextSet(payload, audit.ChunkSize)
	case kindPiece:
		want, err = v.piece(key)
	case kindImaged, kindStale, kindBody, kindImage, kindShape:
		want, err = v.beside(key, payload)
	default:
		want, err = v.added(key, payload)
	}
	if err == nil && !bytes.Equal(key, want) {
		err = errors.New("its value is that of another key")
	}
	return err
}

func (v *verifier) divergence(payload []byte) ([]byte, error) {
	d, err := decodeDivergence(payload)
	if err != nil {
		return nil, err
	}
	if err := checkValue(d.After.Body); err != nil {
		return nil, err
	}
	if d.Seq == 0 || d.Seq > v.head {
		return nil, fmt.Errorf("a divergence of change %d, which does not exist", d.Seq)
	}
	return divergenceKey(d.Seq, &audit.Change{Op: d.Op, User: d.User, After: d.After}), nil
}

func (v *verifier) progress(payload []byte) ([]byte, error) {
	var m mark
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	if audit.Seq(m.Seq) > v.head {
		return nil, fmt.Errorf("follower %q is at %d, beyond the newest change %d", m.Name, m.Seq, v.head)
	}
	return nameKey(kindProgress, m.Name), nil
}

// receipt checks one key of the journals: that each receipt belongs to a known
// plan. The chains are checked by journals.
func (v *verifier) receipt(key, payload []byte) ([]byte, error) {
	if keyKind(key[0]) == kindJournal {
		v.out.Plans++
		j, err := decodeJournal(payload)
		return nameKey(kindJournal, j.Plan), err
	}
	v.out.Receipts++
	var d receipt
	if err := decode(payload, &d); err != nil {
		return nil, err
	}
	if end, err := readJournal(v.r.txn, d.Plan); err != nil || end.Number < d.Number {
		return nil, fmt.Errorf("receipt %d is beyond the end of its journal (%w)", d.Number, err)
	}
	return receiptKey(d.Plan, d.Number), nil
}

// journals checks the chain of every plan's receipts.
func (v *verifier) journals() error {
	return v.eachValue(kindJournal, func(_, payload []byte) error {
		j, err := decodeJournal(payload)
		if err != nil {
			return nil // reported by rest
		}
		if _, err := readReceipts(v.r.txn, j.Plan); err != nil {
			v.problem("journal of plan %s: %v", j.Plan, err)
		}
		return nil
	})
}
