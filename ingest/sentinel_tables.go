package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/internal/harper"
)

// tables compares how Harper describes its tables with how it did before.
func (r *round) tables(ctx context.Context) error {
	infos, err := r.s.o.Server.DescribeAll(ctx)
	if err != nil {
		return err
	}
	// What is counted was written before this time.
	if r.server, _, err = r.s.o.Server.ServerTime(ctx); err != nil {
		return err
	}
	var errs []error
	there := map[string]bool{}
	for _, tm := range r.m.Tables {
		tm.before = 0
	}
	for _, info := range infos {
		there[tableName(info.Table)] = true
		if err := r.table(ctx, info); err != nil {
			errs = append(errs, err)
		}
	}
	for _, tm := range r.m.sorted() {
		if tm.Seen != 0 && !there[tableName(tm.Table)] {
			errs = append(errs, r.missing(ctx, tm))
		}
	}
	return errors.Join(append(errs, r.sizes(ctx, infos))...)
}

// table compares one table with how it was.
func (r *round) table(ctx context.Context, info harper.TableInfo) error {
	tm := r.m.table(info.Table)
	cursor, _, err := r.s.o.Store.Cursor(ctx, r.s.o.Node, info.Table)
	if err != nil {
		return err
	}
	r.auditFlag(tm, info)
	if tm.Seen != 0 {
		if err := r.shape(ctx, tm, info, cursor.Time); err != nil {
			return err
		}
	}
	if tm.First == 0 {
		tm.First = r.server
	}
	tm.Seen, tm.Sourced, tm.Expires, tm.Primary = r.server, info.Sourced, info.Expires, info.PrimaryKey
	if len(info.Attributes) > 0 {
		tm.Attributes = attributeNames(info)
	}
	tm.before, tm.Read, tm.Writes = tm.Read, cursor.Time, 0
	tm.Count.look(info, r.server)
	return nil
}

func attributeNames(info harper.TableInfo) []string {
	names := make([]string, len(info.Attributes))
	for i, a := range info.Attributes {
		names[i] = a.Name
	}
	return names
}

// auditFlag notices that a table's log was switched off, and keeps what was
// written since from looking like silence.
func (r *round) auditFlag(tm *tableMemory, info harper.TableInfo) {
	switch {
	case info.Audit:
		if tm.Off != 0 {
			r.unaudited(tm)
			tm.Off = 0
		}
		tm.Audited = r.server
		return
	case tm.Off != 0:
	case tm.Audited != 0:
		tm.Off = tm.Audited
		r.s.o.Log.Warn("the audit log of a table was switched off", "table", info.Table.String())
	default:
		tm.Off = r.server // it had none when it was seen first
	}
	r.unaudited(tm)
}

// unaudited stores the stretch for which a table has no log as a gap, which
// grows; and an alert, if the table had a log before.
func (r *round) unaudited(tm *tableMemory) {
	if r.server <= tm.Off {
		return
	}
	r.gap(audit.Gap{Table: tm.Table, From: tm.Off, To: r.server, Kind: audit.GapUnaudited, Reason: "Harper keeps no audit log of this table"})
	if tm.Audited == 0 {
		return
	}
	r.raise(Alarm{
		Rule: LogAuditOff, Table: tm.Table, Begin: tm.Off, End: r.server,
		Title: fmt.Sprintf("the audit log of %s was switched off after %s: what is written since then is not known", namedTable(tm.Table), clock(tm.Off)),
	}, tm.Seen == tm.Off)
}

// shape judges what changed in a table's description: attributes that are gone,
// another primary key, too few records.
func (r *round) shape(ctx context.Context, tm *tableMemory, info harper.TableInfo, read audit.Time) error {
	var lost []string
	if len(info.Attributes) > 0 { // else this user is shown none
		names := attributeNames(info)
		lost = slices.DeleteFunc(slices.Clone(tm.Attributes), func(a string) bool { return slices.Contains(names, a) })
	}
	rekeyed := tm.Primary != "" && info.PrimaryKey != tm.Primary
	emptied := tm.Count.Last.Count > 0 && info.RecordCount < tm.Count.Last.Count && info.RecordCount <= tm.Writes
	short, missing := r.shortage(tm, read)
	if !rekeyed && !emptied && !short && len(lost) == 0 {
		return nil
	}
	log, err := r.known(ctx, tm)
	if err != nil {
		return err
	}
	bare := len(lost) > 0 && len(lost)+4 > len(tm.Attributes) // but for the key and two times
	switch {
	case rekeyed, log == logGone && (emptied || bare):
		r.remade(tm, false)
	case log == logUnclear && bare && emptied:
		r.remade(tm, true)
	case len(lost) > 0:
		r.raise(Alarm{
			Rule: LogAttributeDropped, Table: tm.Table, Begin: tm.Seen, End: r.server, Case: strings.Join(lost, "\x00"),
			Unknown: log != logThere,
			Title: fmt.Sprintf("%s of %s was dropped after %s: all its records changed without an entry in the log",
				attributesNamed(lost), namedTable(tm.Table), clock(tm.Seen)),
		}, true)
	case short:
		r.raise(missing, true)
		tm.Count.rebase()
	}
	return nil
}

func attributesNamed(list []string) string {
	if len(list) == 1 {
		return "the attribute " + named(list[0])
	}
	return fmt.Sprintf("%s (%s …)", counted(len(list), "attribute"), named(list[0]))
}

// remade raises that a table was dropped and made again, and begins its memory
// anew.
func (r *round) remade(tm *tableMemory, inferred bool) {
	r.raise(Alarm{
		Rule: LogTableRecreated, Table: tm.Table, Begin: tm.Seen, End: r.server, Unknown: inferred,
		Title: fmt.Sprintf("%s was dropped and made again after %s: its records (about %d) and its log are gone", namedTable(tm.Table), clock(tm.Seen), tm.Count.Last.Count),
	}, true)
	r.unread(tm, "the table was dropped and made again, and with it went what of its log had not been read")
	*tm = tableMemory{Table: tm.Table, First: r.server, Audited: tm.Audited, Off: tm.Off, Pending: tm.Pending, Burst: tm.Burst}
}

// unread is the gap between what the tail had read and now, of a log that is no
// more.
func (r *round) unread(tm *tableMemory, why string) {
	r.dropped[tm.Table.Database] = true
	if from := tm.Read; from != 0 && from < r.server {
		r.gap(audit.Gap{Table: tm.Table, From: from, To: r.server, Kind: audit.GapPurged, Reason: why})
	}
}

// missing judges a table that Harper no longer lists: it is dropped, or this
// user may not see it any more.
func (r *round) missing(ctx context.Context, tm *tableMemory) error {
	_, err := r.s.o.Server.DescribeTable(ctx, tm.Table)
	switch {
	case err == nil:
		return nil // it was not listed, which says nothing
	case errors.Is(err, harper.ErrForbidden):
		r.s.once("the user may not see "+namedTable(tm.Table)+" any more: whether it is still there is not known", err)
		return nil
	case !errors.Is(err, harper.ErrNotFound):
		return err
	}
	r.raise(Alarm{
		Rule: LogTableDropped, Table: tm.Table, Begin: tm.Seen, End: r.server,
		Title: fmt.Sprintf("%s was dropped after %s: its records (about %d) and its log are gone", namedTable(tm.Table), clock(tm.Seen), tm.Count.Last.Count),
	}, true)
	r.unread(tm, "the table was dropped, and with it went what of its log had not been read")
	if len(tm.Pending) == 0 {
		delete(r.m.Tables, tableName(tm.Table))
		return nil
	}
	*tm = tableMemory{Table: tm.Table, Pending: tm.Pending, Burst: tm.Burst}
	return nil
}

// A logState is whether a log still has the changes that it had.
type logState uint8

const (
	logUnclear logState = iota // nothing is known of it, or it cannot be read
	logThere
	logGone
)

// known looks whether a change of the table that was stored before the last look
// is still in its log.
func (r *round) known(ctx context.Context, tm *tableMemory) (logState, error) {
	young := r.server - r.m.keepsLog()
	for _, list := range [][]mark{tm.Newest, tm.Marks} {
		for i := len(list) - 1; i >= 0; i-- {
			if k := list[i]; k.Time <= tm.Seen && k.Time > young {
				return r.inLog(ctx, tm, k)
			}
		}
	}
	return logUnclear, nil
}

// inLogRows is how many rows are read to find one.
const inLogRows = 5000

// inLog looks for one change in the log. On the LMDB line the log's clock is
// that of the commit, mostly a little after the change's: it is looked for there
// first, and then behind.
func (r *round) inLog(ctx context.Context, tm *tableMemory, k mark) (logState, error) {
	state, err := r.within(ctx, tm, k, k.Time+commitSlack)
	if err != nil || state == logThere {
		return state, err
	}
	return r.within(ctx, tm, k, 0)
}

func (r *round) within(ctx context.Context, tm *tableMemory, k mark, to audit.Time) (logState, error) {
	rows := 0
	for row, err := range r.s.o.Server.AuditLog(ctx, harper.AuditQuery{Table: tm.Table, From: k.Time, To: to, PrimaryKey: tm.Primary}) {
		var broken *harper.TruncatedError
		switch {
		case ctx.Err() != nil:
			return logUnclear, ctx.Err()
		case errors.As(err, &broken):
			return logUnclear, nil // an entry cannot be read; it may be this one
		case err != nil:
			return logUnclear, err
		}
		if row.Time == k.Time && row.ID == k.ID {
			return logThere, nil
		}
		if rows++; rows == inLogRows {
			return logUnclear, nil
		}
	}
	return logGone, nil
}
