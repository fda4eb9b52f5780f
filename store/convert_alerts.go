package store

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// convertAlerts enters the evidence of the alerts of an earlier format as that of
// their rules, and puts it into pieces. Those of which that was done are left alone.
func (db *DB) convertAlerts() error {
	var old []alert
	err := db.badger.View(func(txn *badger.Txn) error {
		return scan(txn, []byte{byte(kindAlert)}, func(_, payload []byte) error {
			var d alert
			err := decode(payload, &d)
			if len(d.Changes) > 0 {
				old = append(old, d)
			}
			return err
		})
	})
	for i := range old {
		if err == nil {
			err = db.convertAlert(&old[i])
		}
	}
	if err != nil {
		return fmt.Errorf("convert alerts: %w", err)
	}
	return nil
}

func (db *DB) convertAlert(d *alert) error {
	p, err := db.newParting()
	if err != nil {
		return err
	}
	txn := db.badger.NewTransaction(false)
	defer txn.Discard()
	a, err := d.in(txn)
	if err != nil {
		return err
	}
	g, err := grow(txn, p, &a, &alert{})
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		return err
	}
	g.Hits = stored(g.Hits, db.known.Load().head)
	return db.commit(func(txn *badger.Txn) error {
		g.Alert.keep(d)
		return g.write(txn, db.sums.layout)
	})
}

// stored are the numbers of changes that there are.
func stored(seqs []uint64, head audit.Seq) []uint64 {
	var out []uint64
	for _, s := range seqs {
		if s <= uint64(head) {
			out = append(out, s)
		}
	}
	return out
}
