package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// receipt is an audit.Receipt on disk. Number counts within the plan from 1;
// Previous is the SHA-256 of the preceding receipt's encoding, and of nothing
// for the first.
type receipt struct {
	Number   uint64 `cbor:"1,keyasint"`
	Previous []byte `cbor:"2,keyasint"`
	Plan     string `cbor:"3,keyasint,omitempty"`
	Step     int    `cbor:"4,keyasint,omitempty"`
	Phase    string `cbor:"5,keyasint,omitempty"`
	Database string `cbor:"6,keyasint,omitempty"`
	Table    string `cbor:"7,keyasint,omitempty"`
	Key      string `cbor:"8,keyasint,omitempty"`
	At       uint64 `cbor:"9,keyasint"`
	Guard    uint64 `cbor:"10,keyasint"`
	Replaced *image `cbor:"11,keyasint,omitempty"`
	Wrote    *image `cbor:"12,keyasint,omitempty"`
	Version  uint64 `cbor:"13,keyasint"`
	By       string `cbor:"14,keyasint,omitempty"`
	Why      string `cbor:"15,keyasint,omitempty"`
	Attempt  int    `cbor:"16,keyasint,omitempty"`
	Class    string `cbor:"17,keyasint,omitempty"`
}

// journal is where a plan's receipts end: without it, receipts that were cut
// off the end would not be missed.
type journal struct {
	Plan   string `cbor:"1,keyasint,omitempty"`
	Number uint64 `cbor:"2,keyasint"`
	Hash   []byte `cbor:"3,keyasint"` // of the last receipt's encoding
}

func receiptOut(r *audit.Receipt, number uint64, previous []byte) receipt {
	return receipt{Number: number, Previous: previous, Plan: r.Plan, Step: r.Step, Phase: string(r.Phase),
		Database: r.Key.Table.Database, Table: r.Key.Table.Name, Key: string(r.Key.ID),
		At: bits(r.At), Guard: bits(r.Guard), Replaced: imageOut(r.Replaced), Wrote: imageOut(r.Wrote),
		Version: bits(r.Version), By: r.By, Why: r.Why, Attempt: r.Attempt, Class: r.Class}
}

func receiptIn(d *receipt) audit.Receipt {
	return audit.Receipt{Plan: d.Plan, Step: d.Step, Phase: audit.Phase(d.Phase),
		Key: audit.Key{Table: audit.Table{Database: d.Database, Name: d.Table}, ID: audit.ID(d.Key)},
		At:  timeOf(d.At), Guard: timeOf(d.Guard), Replaced: imageIn(d.Replaced), Wrote: imageIn(d.Wrote),
		Version: timeOf(d.Version), By: d.By, Why: d.Why, Attempt: d.Attempt, Class: d.Class}
}

// mostReceipts is how many bytes of receipts one transaction takes, well below
// Badger's limit.
const mostReceipts = 128 << 10

// AddReceipt adds lines to the journal of their plan, which is one plan for all.
// When it returns, they are on disk: a compensating write may then be sent. Many
// lines are written in several transactions, each of them whole.
func (db *DB) AddReceipt(ctx context.Context, receipts ...audit.Receipt) error {
	for len(receipts) > 0 {
		n := 0
		err := db.update(ctx, func(txn *badger.Txn) (err error) {
			n, err = appendReceipts(txn, receipts)
			return err
		})
		if err != nil {
			return fmt.Errorf("add receipt of plan %s, step %d: %w", receipts[0].Plan, receipts[0].Step, err)
		}
		receipts = receipts[n:]
	}
	return nil
}

// appendReceipts appends at least one receipt, and as many more as fit, and says
// how many.
func appendReceipts(txn *badger.Txn, receipts []audit.Receipt) (n int, err error) {
	plan := receipts[0].Plan
	end, err := readJournal(txn, plan)
	if err != nil {
		return 0, err
	}
	for size := 0; n < len(receipts) && size < mostReceipts; n++ {
		if receipts[n].Plan != plan {
			return 0, fmt.Errorf("a receipt of plan %s among those of another", receipts[n].Plan)
		}
		payload, err := encode(receiptOut(&receipts[n], end.Number+1, end.Hash))
		if err != nil {
			return 0, err
		}
		if size += min(len(payload), valueThreshold); n > 0 && size > mostReceipts {
			break
		}
		if err := set(txn, receiptKey(plan, end.Number+1), payload); err != nil {
			return 0, err
		}
		sum := sha256.Sum256(payload)
		end.Number, end.Hash = end.Number+1, sum[:]
	}
	return n, setEncoded(txn, nameKey(kindJournal, plan), end)
}

// readJournal is where a plan's journal ends; that of an unknown plan is empty.
func readJournal(txn *badger.Txn, plan string) (journal, error) {
	nothing := sha256.Sum256(nil)
	end := journal{Plan: plan, Hash: nothing[:]}
	payload, found, err := get(txn, nameKey(kindJournal, plan))
	if err == nil && found {
		end, err = decodeJournal(payload)
	}
	return end, err
}

func decodeJournal(payload []byte) (journal, error) {
	var j journal
	err := decode(payload, &j)
	return j, err
}

// Receipts are a plan's journal, in order; empty for an unknown plan. It fails
// with ErrCorrupt if a line is missing, altered or out of its place.
func (db *DB) Receipts(ctx context.Context, plan string) ([]audit.Receipt, error) {
	var all []audit.Receipt
	err := db.view(ctx, func(r *reader) (err error) {
		all, err = readReceipts(r.txn, plan)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("receipts of plan %s: %w", plan, err)
	}
	return all, nil
}

func readReceipts(txn *badger.Txn, plan string) ([]audit.Receipt, error) {
	end, err := readJournal(txn, plan)
	if err != nil {
		return nil, err
	}
	var all []audit.Receipt
	hash := sha256.Sum256(nil)
	number := uint64(0)
	err = scan(txn, nameKey(kindReceipt, plan), func(key, payload []byte) error {
		number++
		var d receipt
		if err := decode(payload, &d); err != nil {
			return fmt.Errorf("receipt %d: %w", number, err)
		}
		if d.Number != number || d.Plan != plan || !bytes.Equal(key, receiptKey(plan, number)) || !bytes.Equal(d.Previous, hash[:]) {
			return fmt.Errorf("%w: receipt %d does not continue the one before", ErrCorrupt, number)
		}
		hash = sha256.Sum256(payload)
		all = append(all, receiptIn(&d))
		return nil
	})
	if err == nil && (number != end.Number || !bytes.Equal(hash[:], end.Hash)) {
		err = fmt.Errorf("%w: the journal ends with receipt %d, not %d", ErrCorrupt, number, end.Number)
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Plans are the plans that have receipts, sorted.
func (db *DB) Plans(ctx context.Context) ([]string, error) {
	ends, err := list(ctx, db, []byte{byte(kindJournal)}, "plans", decodeJournal)
	if err != nil {
		return nil, err
	}
	var plans []string
	for _, j := range ends {
		plans = append(plans, j.Plan)
	}
	return plans, nil
}
