package store

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// baseline is an audit.Baseline on disk.
type baseline struct {
	ID       string `cbor:"1,keyasint,omitempty"`
	Cluster  string `cbor:"2,keyasint,omitempty"`
	Node     string `cbor:"3,keyasint,omitempty"`
	Database string `cbor:"4,keyasint,omitempty"`
	Table    string `cbor:"5,keyasint,omitempty"`
	Begun    uint64 `cbor:"6,keyasint"`
	Ended    uint64 `cbor:"7,keyasint"`
	Source   string `cbor:"8,keyasint,omitempty"`
	Records  int    `cbor:"9,keyasint,omitempty"`
	Lossy    bool   `cbor:"10,keyasint,omitempty"`
}

// baseRecord is an audit.BaseRecord on disk.
type baseRecord struct {
	Baseline string `cbor:"1,keyasint,omitempty"`
	Cluster  string `cbor:"2,keyasint,omitempty"`
	Database string `cbor:"3,keyasint,omitempty"`
	Table    string `cbor:"4,keyasint,omitempty"`
	Key      string `cbor:"5,keyasint,omitempty"`
	Version  uint64 `cbor:"6,keyasint"`
	Seen     uint64 `cbor:"7,keyasint"`
	Until    uint64 `cbor:"8,keyasint"`
	Body     []byte `cbor:"9,keyasint,omitempty"`
	Lossy    bool   `cbor:"10,keyasint,omitempty"`
}

func baselineOut(b audit.Baseline) baseline {
	return baseline{ID: b.ID, Cluster: b.Cluster, Node: b.Node, Database: b.Table.Database, Table: b.Table.Name,
		Begun: bits(b.Begun), Ended: bits(b.Ended), Source: string(b.Source), Records: b.Records, Lossy: b.Lossy}
}

func decodeBaseline(payload []byte) (audit.Baseline, error) {
	var d baseline
	if err := decode(payload, &d); err != nil {
		return audit.Baseline{}, fmt.Errorf("read baseline: %w", err)
	}
	return audit.Baseline{ID: d.ID, Cluster: d.Cluster, Node: d.Node, Table: audit.Table{Database: d.Database, Name: d.Table},
		Begun: timeOf(d.Begun), Ended: timeOf(d.Ended), Source: audit.BaselineSource(d.Source), Records: d.Records, Lossy: d.Lossy}, nil
}

func baseRecordOut(r audit.BaseRecord) baseRecord {
	return baseRecord{Baseline: r.Baseline, Cluster: r.Cluster, Database: r.Key.Table.Database, Table: r.Key.Table.Name,
		Key: string(r.Key.ID), Version: bits(r.Version), Seen: bits(r.Seen), Until: bits(r.Until), Body: r.Body, Lossy: r.Lossy}
}

func decodeBaseRecord(payload []byte) (audit.BaseRecord, error) {
	var d baseRecord
	if err := decode(payload, &d); err != nil {
		return audit.BaseRecord{}, fmt.Errorf("read base record: %w", err)
	}
	return audit.BaseRecord{Baseline: d.Baseline, Cluster: d.Cluster,
		Key:     audit.Key{Table: audit.Table{Database: d.Database, Name: d.Table}, ID: audit.ID(d.Key)},
		Version: timeOf(d.Version), Seen: timeOf(d.Seen), Until: timeOf(d.Until), Body: d.Body, Lossy: d.Lossy}, nil
}

// Baselines are the snapshots of tables, complete or not, by ID.
func (db *DB) Baselines(ctx context.Context) ([]audit.Baseline, error) {
	return list(ctx, db, []byte{byte(kindBaseline)}, "baselines", decodeBaseline)
}

// BaseRecords are what baselines hold of a record, by cluster and version.
func (db *DB) BaseRecords(ctx context.Context, k audit.Key) ([]audit.BaseRecord, error) {
	return list(ctx, db, basePrefix(k), "base records of "+k.Table.String(), decodeBaseRecord)
}

// TableBase yields what baselines hold of a table's records, by key, cluster and
// version.
func (db *DB) TableBase(ctx context.Context, t audit.Table) iter.Seq2[audit.BaseRecord, error] {
	prefix := tableKey(kindBaseRecord, t)
	return func(yield func(audit.BaseRecord, error) bool) {
		next := prefix
		pages(yield, "base records of "+t.String(), func() (page []audit.BaseRecord, more bool, err error) {
			err = db.view(ctx, func(r *reader) (err error) {
				page, next, err = r.basePage(prefix, next)
				return err
			})
			return page, next != nil, err
		})
	}
}

// basePage is some base records from a key on, and the key that follows; nil: none
// does.
func (r *reader) basePage(prefix, from []byte) (page []audit.BaseRecord, next []byte, err error) {
	it := r.txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 32, Prefix: prefix})
	defer it.Close()
	size := 0
	for it.Seek(from); it.Valid(); it.Next() {
		if len(page) == pageChanges || size > pageBytes {
			return page, it.Item().KeyCopy(nil), nil
		}
		payload, err := payloadOf(it.Item())
		if err != nil {
			return page, nil, fmt.Errorf("read base record: %w", err)
		}
		rec, err := decodeBaseRecord(payload)
		if err != nil {
			return page, nil, err
		}
		page, size = append(page, rec), size+len(rec.Body)
	}
	return page, nil, nil
}

// baseline stores a baseline, in place of one with its ID.
func (a *appender) baseline(b audit.Baseline) error {
	k := a.edit()
	k.complete = slices.DeleteFunc(slices.Clone(k.complete), func(old audit.Baseline) bool { return old.ID == b.ID })
	if b.Ended != 0 {
		k.complete = append(k.complete, b)
		k.based = true
	}
	return setEncoded(a.txn, nameKey(kindBaseline, b.ID), baselineOut(b))
}

func (a *appender) baseRecord(r audit.BaseRecord) error {
	payload, err := encode(baseRecordOut(r))
	if err != nil {
		return err
	}
	if !a.known.based || !a.known.basedOn(r.Key.Table) {
		k := a.edit()
		k.based, k.basedTables = true, with(k.basedTables, r.Key.Table, true)
	}
	a.bytes += len(payload)
	a.written += len(payload)
	if err := set(a.txn, baseKey(&r), payload); err != nil {
		return err
	}
	a.r.base = base{}
	return a.seen(&r)
}

// seen makes the changes of a record stale that a baseline has seen: what was
// before them may be known now, and what one of them left.
func (a *appender) seen(r *audit.BaseRecord) error {
	last, err := a.last(nameRecord(&r.Key, r.Cluster))
	if err != nil || last.at.seq == 0 && last.said == 0 {
		return err
	}
	all, err := a.r.places(r.Key, place{})
	if err != nil {
		return err
	}
	for _, p := range all {
		w, err := a.r.row(p.seq)
		if err != nil {
			return damaged(err)
		}
		if w.c.Cluster == r.Cluster {
			a.mark(p.seq)
			if err := a.refresh(&w.c); err != nil {
				return err
			}
		}
	}
	return nil
}
