package ingest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// config compares Harper's configuration with what it was: a log that is
// switched off, a retention that is shortened.
func (r *round) config(ctx context.Context) error {
	cfg, err := r.s.o.Server.Configuration(ctx)
	if isRefused(err) {
		r.s.once("the configuration cannot be read: whether the log is switched off or kept shorter is not known", err)
		return nil
	}
	if err != nil {
		return err
	}
	old := r.m.Config
	if off := cfg.AuditLog != nil && !*cfg.AuditLog; off && (old.AuditLog == nil || *old.AuditLog) && old.Seen != 0 {
		r.raise(Alarm{
			Rule: LogAuditOff, Begin: old.Seen, End: r.server,
			Title: fmt.Sprintf("the configuration of %s was set after %s to keep no audit log (logging.auditLog), from the next restart on at the latest",
				named(r.s.o.Node), clock(old.Seen)),
		}, true)
	}
	if cfg.AuditRetention > 0 && cfg.AuditRetention < old.Retention {
		r.raise(Alarm{
			Rule: LogRetentionShortened, Begin: old.Seen, End: r.server,
			Title: fmt.Sprintf("%s was set after %s to keep its audit log for %s, no longer %s (logging.auditRetention)",
				named(r.s.o.Node), clock(old.Seen), span(cfg.AuditRetention), span(old.Retention)),
		}, true)
	}
	r.m.Config = configMemory{Seen: r.server, AuditLog: cfg.AuditLog, Retention: cfg.AuditRetention, Engine: cfg.StorageEngine}
	r.s.retention.Store(int64(cfg.AuditRetention))
	return nil
}

// span is a length of time for people, in days where it is whole ones.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sizes notices that the log of a database became smaller. On RocksDB the log is
// files, their size is exact, and only a deletion makes it smaller: of what is
// past the retention, or of more.
func (r *round) sizes(ctx context.Context, infos []harper.TableInfo) error {
	now := map[string]int64{}
	for _, info := range infos {
		now[info.Table.Database] = max(now[info.Table.Database], info.AuditSize)
	}
	for db, bytes := range now {
		old, seen := r.m.Sizes[db]
		r.m.Sizes[db] = sizeMemory{Seen: r.server, Bytes: bytes}
		if !seen || bytes >= old.Bytes || !r.countsBytes(old.Bytes, bytes) || r.m.purging(db, old.Seen) {
			continue
		}
		if err := r.shrunk(ctx, db, old, bytes); err != nil {
			return err
		}
	}
	return nil
}

// countsBytes tells RocksDB by its sizes: LMDB's are whole pages.
func (r *round) countsBytes(sizes ...int64) bool {
	const page = 4096
	for _, n := range sizes {
		if n%page != 0 {
			return !strings.EqualFold(r.m.Config.Engine, "lmdb")
		}
	}
	return false
}

// shrunk judges a log that became smaller, by whether changes that Harper has
// yet to keep are still in it. Files go oldest first, so the oldest such change
// tells.
func (r *round) shrunk(ctx context.Context, db string, old sizeMemory, bytes int64) error {
	a := Alarm{Rule: LogPurged, Table: audit.Table{Database: db}, Begin: old.Seen, End: r.server}
	size := fmt.Sprintf("the log of %s became smaller after %s, from %d to %d bytes", named(db), clock(old.Seen), old.Bytes, bytes)
	for _, tm := range r.oldest(db, old.Seen) {
		k := tm.Marks[0]
		state, err := r.inLog(ctx, tm, k)
		if err != nil {
			return err
		}
		switch state {
		case logThere:
			return nil // what went was past the retention
		case logGone:
			a.Title = fmt.Sprintf("%s: changes of all its tables were deleted from it, such as one of %s at %s", size, namedTable(tm.Table), clock(k.Time))
			a.Changes = []audit.Evidence{{Database: db, Table: tm.Table.Name, Key: k.ID, Time: k.Time}}
			r.raise(a, true)
			r.cut(a.Table, 0, "the log was deleted, and with it what of it had not been read")
			return nil
		}
	}
	if r.dropped[db] {
		return nil // its log may have gone with it
	}
	a.Severity, a.Risk, a.Unknown = "high", 60, true
	a.Title = size + ": changes of all its tables were deleted from it, past the retention or not"
	r.raise(a, true)
	r.cut(a.Table, 0, "the log became smaller, and what of it had not been read may have gone")
	return nil
}

// oldest lists some tables of a database by the oldest of their changes that must
// be in the log, which is their only mark in the answer.
func (r *round) oldest(db string, until audit.Time) []*tableMemory {
	young := r.server - r.m.keepsLog()
	var list []*tableMemory
	for _, tm := range r.m.sorted() {
		if tm.Table.Database != db || tm.Seen == 0 {
			continue
		}
		i := slices.IndexFunc(tm.Marks, func(k mark) bool { return k.Time > young && k.Time <= until })
		if i >= 0 {
			list = append(list, &tableMemory{Table: tm.Table, Primary: tm.Primary, Marks: tm.Marks[i : i+1]})
		}
	}
	slices.SortStableFunc(list, func(a, b *tableMemory) int { return cmp.Compare(a.Marks[0].Time, b.Marks[0].Time) })
	return list[:min(len(list), 5)]
}
