package ingest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"recourse/audit"
	"recourse/internal/harper"
)

// A reading is the changes of one stretch of one table's log, in the order in
// which Harper showed them. A stretch may be read in several answers, one after
// the other, when it had to be cut around entries that cannot be read.
type reading struct {
	table   audit.Table
	stamp   Stamp
	changes []audit.Change
	stable  []bool // by change: Harper keeps this image whole
	// doubtful lists changes whose kind the answer does not settle.
	doubtful []int
	numbered map[int]bool // those whose Nth is settled
	oneClock bool         // the answers are those of RocksDB
	bytes    int
	// nameless are entries whose key could not be decoded: nothing can be stored
	// of them but that they are there.
	nameless []audit.Gap
	// bare says that the first record of the group at hand lacks the time of its
	// last write, so that the others may.
	bare bool
	// reloads are the moments at which the table was copied onto this node from
	// another: Harper logs none of the copied records, only that it happened.
	reloads []audit.Time
}

func newReading(table audit.Table, stamp Stamp) *reading {
	return &reading{table: table, stamp: stamp}
}

// truncate forgets all but the first changes and nameless entries.
func (r *reading) truncate(changes, nameless int) {
	for _, c := range r.changes[changes:] {
		r.bytes -= sizeOf(&c)
	}
	r.changes, r.stable, r.nameless = r.changes[:changes], r.stable[:changes], r.nameless[:nameless]
	r.doubtful = slices.DeleteFunc(r.doubtful, func(i int) bool { return i >= changes })
}

// sizeOf is about how many bytes a change takes up while it is held.
func sizeOf(c *audit.Change) int { return len(c.After.Body) + len(c.Before.Body) + 512 }

// add takes the next record of an answer.
func (r *reading) add(row harper.AuditRow) {
	if row.ID == "" && row.Operation == audit.OpReload {
		r.reloads = append(r.reloads, row.Time)
		return
	}
	if row.ID == "" {
		r.nameless = append(r.nameless, audit.Gap{
			Node: r.stamp.Node, Table: r.table, From: row.Time, To: row.Time, Entries: 1, Observed: r.stamp.Observed,
			Kind: audit.GapUnreadable, Reason: fmt.Sprintf("an entry (%s) whose key cannot be read: %v", row.Operation, row.Err),
		})
		return
	}
	r.oneClock = row.IDsField
	op, doubt := operationOf(row)
	op, doubt = r.weigh(row, op, doubt)
	c := audit.Change{
		Cluster:  r.stamp.Cluster,
		Node:     r.stamp.Node,
		Time:     row.Time,
		User:     row.User,
		Op:       op,
		Reported: row.Operation,
		Key:      audit.Key{Table: r.table, ID: row.ID},
		Group:    audit.Group{Size: row.Size, Index: row.Index},
		Observed: r.stamp.Observed,
		Lossy:    r.stamp.Lossy || row.Lossy,
	}
	c.After, c.Note = r.afterOf(op, row)
	if row.Original != nil {
		c.Before = audit.PresentImage(row.Original, audit.Logged, audit.Exact)
		if op.Kind() == audit.KindWrite && c.After.State == audit.Present {
			// Harper before 4.2 logs what was sent, which it merged into the record.
			fields := maps.Collect(row.Original.Fields())
			maps.Insert(fields, row.Record.Fields())
			c.After = audit.PresentImage(audit.Object(fields), audit.Folded, audit.Provisional)
		}
	}
	redact(&c)
	if doubt {
		r.doubtful = append(r.doubtful, len(r.changes))
	}
	r.changes = append(r.changes, c)
	r.stable = append(r.stable, isStable(op, row))
	r.bytes += sizeOf(&c)
}

// weigh corrects what happened to one record of a group by what its image lacks.
// Every record has its key and, in most tables, the time of its last write. What
// has not is rather a message, which a transaction published beside writes and
// which Harper shows under the operation of the first.
func (r *reading) weigh(row harper.AuditRow, op audit.Op, doubt bool) (audit.Op, bool) {
	key, updated := r.stamp.PrimaryKey, r.stamp.UpdatedTime
	if row.Index == 0 {
		r.bare = row.Record != nil && row.Record.Get(updated) == nil
	}
	if row.Index == 0 || row.Record.Kind() != audit.KindObject || key == "" && updated == "" {
		return op, doubt
	}
	hasKey, hasTime := key != "" && row.Record.Get(key) != nil, updated != "" && row.Record.Get(updated) != nil
	switch row.Operation.Kind() {
	case audit.KindMessage:
		if hasTime {
			op = audit.OpUpsert
		}
	case audit.KindDelete:
		if !hasKey && !hasTime {
			op = audit.OpMessage
		}
	case audit.KindWrite:
		if updated != "" && !hasTime && !r.bare && row.Record.Len() > 0 {
			return audit.OpMessage, true
		}
		doubt = doubt || key != "" && !hasKey
	}
	return op, doubt
}

// operationOf is what happened to one record of a group, and whether that is
// in doubt. Harper names only the operation of the group's first record
// (groupRecordsInHistory), so of the others the image tells: none means
// deleted, one under a delete means written. Within a group of patches, no
// image may also be a patch whose image Harper could not rebuild, which CBOR
// shows as null and not as undefined; and what stands with a message may be a
// write.
func operationOf(row harper.AuditRow) (audit.Op, bool) {
	if row.Index == 0 || row.Err != nil {
		return row.Operation, false
	}
	switch gone := row.Record == nil; {
	case row.Null && row.Operation.Kind() == audit.KindWrite:
		return row.Operation, false
	case row.Null:
		return audit.OpPatch, false
	case gone && row.Operation == audit.OpDelete:
		return audit.OpDelete, false
	case gone:
		return audit.OpDelete, true
	case row.Operation == audit.OpDelete:
		return audit.OpUpsert, true
	case row.Operation == audit.OpMessage:
		return audit.OpMessage, true
	}
	return row.Operation, false
}

// afterOf is the image that the answer shows, before it is known how far it can
// be trusted.
func (r *reading) afterOf(op audit.Op, row harper.AuditRow) (audit.Image, string) {
	switch {
	case row.Err != nil:
		return audit.Image{}, "the image could not be decoded: " + row.Err.Error()
	case op.Kind() == audit.KindDelete:
		return audit.AbsentImage(audit.Logged, audit.Exact), ""
	case row.Record == nil:
		return audit.Image{}, "Harper showed no image of this " + string(op)
	case row.Record.Kind() != audit.KindObject && op.Kind() != audit.KindMessage:
		return audit.Image{}, "Harper showed a " + row.Record.Kind().String() + " in place of a record"
	case !isStable(op, row) && r.isBeforeImage(row):
		return audit.Image{}, "Harper showed the record as it was before this change"
	}
	return audit.PresentImage(row.Record, audit.Logged, audit.Provisional), ""
}

// isStable says that Harper stores the change's image whole, so that it reads
// the same for ever: inserts on both lines, and on the LMDB line every write of
// the operations API. Everything else may be a patch, whose image is computed
// when it is read (docs/harper.md, "Patch images").
func isStable(op audit.Op, row harper.AuditRow) bool {
	switch op {
	case audit.OpDelete, audit.OpMessage, audit.OpInsert:
		return true
	case audit.OpUpdate, audit.OpUpsert:
		// Only the first record of a group is certain to be what the group says:
		// code inside Harper may mix patches into a transaction.
		return !row.IDsField && row.Original == nil && (row.Index == 0 || op == audit.OpUpdate)
	}
	return false
}

// isBeforeImage recognises a fault of Harper 5.1 on LMDB, which shows the record
// before each patch in place of the one after it: the record's own time of last
// write is then older than the change.
func (r *reading) isBeforeImage(row harper.AuditRow) bool {
	if !row.IDsField {
		return false
	}
	updated, ok := row.Record.Get(r.stamp.updatedTime()).Float64()
	return ok && updated > 0 && audit.Time(updated) < row.Time
}

// An extent says of which changes a reading shows all later ones: if it reached
// the log's end, of those from a time on.
type extent struct {
	reachedEnd bool
	from       audit.Time
	ahead      map[audit.ID]audit.Time // the newest times of records that were handed over before
}

// settle gives every change its identity and decides how far each image can be
// trusted. An image that Harper computed is prompt if the reading shows that
// nothing later was done to the record, neither in the order of the log nor by
// the changes' times; otherwise it is provisional.
func (r *reading) settle(x extent, seen *occurrences) {
	type last struct {
		index int
		time  audit.Time
	}
	newest := map[audit.ID]last{} // needed only if the end was reached
	unsure := map[int]bool{}
	for _, i := range r.doubtful {
		unsure[i] = true
	}
	for i := range r.changes {
		c := &r.changes[i]
		if r.numbered[i] {
			c.ID = c.Identify()
		} else {
			seen.number(c)
		}
		if !x.reachedEnd {
			continue
		}
		if c.Op.Kind() != audit.KindMessage {
			newest[c.Key.ID] = last{i, max(c.Time, newest[c.Key.ID].time, x.ahead[c.Key.ID])}
		}
	}
	for i := range r.changes {
		c := &r.changes[i]
		switch {
		case c.After.State != audit.Present || unsure[i]:
		case r.stable[i]:
			c.After.Trust = audit.Exact
		case x.reachedEnd && newest[c.Key.ID] == (last{i, c.Time}) && c.Time >= x.from && r.isOf(c):
			c.After.Trust = audit.Prompt
		}
	}
}

// isOf says that a patch's image may be the one that the patch led to: no raw
// operation leaked into it, and where the table keeps the time of a record's last
// write, that is the patch's. A record that was evicted meanwhile, which no log
// tells, shows by that.
func (r *reading) isOf(c *audit.Change) bool {
	if hasOperator(c.After.Body) {
		return false
	}
	if r.stamp.UpdatedTime == "" {
		return true
	}
	updated := c.After.Body.Get(r.stamp.UpdatedTime)
	if at, ok := updated.Float64(); ok {
		return math.Abs(at-float64(c.Time)) < 1
	}
	return updated.Kind() != audit.KindMissing && updated.Kind() != audit.KindNull
}

// hasOperator recognises an image into which Harper let a raw operation leak:
// {"n":{"__op__":"add","value":3}} in place of a number.
func hasOperator(body audit.Value) bool {
	for _, v := range body.Fields() {
		if v.Kind() == audit.KindObject && v.Get("__op__") != nil {
			return true
		}
	}
	return false
}
