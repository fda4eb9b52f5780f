package store

import (
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// unversioned is how far, in milliseconds, a base record whose version is not
// known must be from the record's changes: the clocks of nodes differ, and on
// the LMDB line a change can be logged some time after its own.
const unversioned audit.Time = 60_000

// A base is the base records of the record that a reader looked at last.
type base struct {
	key     audit.Key
	cluster string
	read    bool
	records []audit.BaseRecord
}

// baseOf is what the baselines hold of a record in a cluster.
func (r *reader) baseOf(k audit.Key, cluster string) ([]audit.BaseRecord, error) {
	if r.base.read && r.base.key == k && r.base.cluster == cluster {
		return r.base.records, nil
	}
	if r.bases == nil {
		r.bases = r.txn.NewIterator(badger.IteratorOptions{Prefix: []byte{byte(kindBaseRecord)}})
	}
	var records []audit.BaseRecord
	prefix := appendText(basePrefix(k), cluster)
	for r.bases.Seek(prefix); r.bases.ValidForPrefix(prefix); r.bases.Next() {
		payload, err := payloadOf(r.bases.Item())
		if err != nil {
			return nil, fmt.Errorf("read base record: %w", err)
		}
		b, err := decodeBaseRecord(payload)
		if err != nil {
			return nil, err
		}
		records = append(records, b)
	}
	if r.w != nil { // a transaction that writes has one iterator at a time
		r.bases.Close()
		r.bases = nil
	}
	r.base = base{key: k, cluster: cluster, read: true, records: records}
	return records, nil
}

// raise makes a change's After what a baseline saw, if it saw the record in the
// version that the change made and the log's image cannot be trusted so far.
func (r *reader) raise(c *audit.Change) error {
	if !r.known.based || c.Op.Kind() != audit.KindWrite || c.After.Trust == audit.Exact && c.After.State == audit.Present {
		return nil
	}
	records, err := r.baseOf(c.Key, c.Cluster)
	if err != nil {
		return err
	}
	seen := versionOf(records, c.Time)
	if seen == nil || seen.Lossy && c.After.State != audit.Unknown {
		return nil
	}
	if alone, err := r.alone(c); err != nil || !alone {
		return err
	}
	image := imageOf(seen)
	if reading := (audit.Change{After: image}); sameImage(c, &reading) {
		image.Source = c.After.Source
	}
	c.After = image
	return nil
}

// versionOf is the base record of a version, rather one that lost no types.
func versionOf(records []audit.BaseRecord, version audit.Time) *audit.BaseRecord {
	var found *audit.BaseRecord
	for i := range records {
		if b := &records[i]; version != 0 && b.Version == version && (found == nil || found.Lossy && !b.Lossy) {
			found = b
		}
	}
	return found
}

// alone says that no other change of the record has the change's time: of two,
// the version does not tell which one made the record what it is.
func (r *reader) alone(c *audit.Change) (bool, error) {
	at := sortable(c.Time)
	all, err := r.candidates(c.Key)
	if err != nil {
		return false, err
	}
	for _, p := range all {
		if p.time != at || p.seq == c.Seq {
			continue
		}
		other, err := r.identity(p.seq)
		if err != nil {
			return false, damaged(err)
		}
		if other.Key == c.Key && other.Cluster == c.Cluster {
			return false, nil
		}
	}
	return true, nil
}

// imageOf is a base record as an image.
func imageOf(b *audit.BaseRecord) audit.Image {
	trust := audit.Exact
	switch {
	case b.Lossy:
		trust = audit.Provisional
	case b.Version == 0:
		trust = audit.Prompt
	}
	return audit.PresentImage(b.Body, audit.Baselined, trust)
}

// rebase makes a change's Before what a baseline saw of the record since the
// change that precedes it, if any did, or absent if one was taken and had no such
// record.
func (r *reader) rebase(c, prev *audit.Change) error {
	if !r.known.based {
		return nil
	}
	records, err := r.baseOf(c.Key, c.Cluster)
	if err != nil {
		return err
	}
	seen := lastSeen(records, c, prev)
	if seen == nil {
		if prev == nil && c.Before.State == audit.Unknown && r.absent(c, records) {
			c.Before = audit.AbsentImage(audit.Baselined, audit.Prompt)
		}
		return nil
	}
	if c.Op == audit.OpInsert { // it was deleted meanwhile, and nobody saw that
		c.Before = audit.Image{}
		return nil
	}
	image := imageOf(seen)
	if r.known.hides(c.Key.Table, seen.Seen, c.Time) {
		image.Trust = min(image.Trust, audit.Provisional)
	}
	carried := prev != nil && (seen.Version == prev.Time || c.Before.State == audit.Present && c.Before.Body.Equal(seen.Body))
	if !carried || image.Trust > trustOf(c.Before) {
		c.Before = image
	}
	return nil
}

// lastSeen is the base record that was seen last before a change, if no stored
// change came between the version seen and that change. A record that was seen
// after the change in a version older than it contradicts the change: the change
// lost to another write, or a clock was set. Nothing is then made of it.
func lastSeen(records []audit.BaseRecord, c, prev *audit.Change) *audit.BaseRecord {
	var last *audit.BaseRecord
	for i := range records {
		b := &records[i]
		if !between(b, c, prev) {
			continue
		}
		if last == nil || last.Seen < b.Seen || last.Seen == b.Seen && last.Lossy && !b.Lossy {
			last = b
		}
	}
	return last
}

// between says that a base record shows the record between a change and the one
// that precedes it.
func between(b *audit.BaseRecord, c, prev *audit.Change) bool {
	if b.Version == 0 {
		return b.Until+unversioned < c.Time && (prev == nil || prev.Time < b.Seen-unversioned)
	}
	return b.Version < c.Time && b.Seen < c.Time && (prev == nil || prev.Time <= b.Version)
}

// absent says that there was no record when the newest complete baseline of its
// table before the change was taken, and that none can have come since.
func (r *reader) absent(c *audit.Change, records []audit.BaseRecord) bool {
	var last *audit.Baseline
	for i := range r.known.complete {
		b := &r.known.complete[i]
		if b.Source == audit.FromFile {
			continue // an export is of what somebody searched for
		}
		if b.Table == c.Key.Table && b.Cluster == c.Cluster && b.Ended < c.Time && (last == nil || last.Ended < b.Ended) {
			last = b
		}
	}
	if last == nil || !r.known.covers(c.Key.Table, last.Begun, c.Time) {
		return false
	}
	return !slices.ContainsFunc(records, func(b audit.BaseRecord) bool { return b.Baseline == last.ID || b.Until >= last.Begun })
}
