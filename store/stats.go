package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Stats are a store's figures.
type Stats struct {
	Changes int
	Oldest  audit.Time // the smallest Time of a change; 0 in an empty store
	Newest  audit.Time // the largest
	Gaps    int        // healed ones too
	Healed  int        // of the gaps: those that were read after all
	Spans   int        // stretches of logs that were read
	// Baselines counts those that are complete.
	Baselines int
	Disk      int64 // bytes that the store's files take up; sparse parts do not count
}

// Stats counts, without reading the changes.
func (db *DB) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := db.view(ctx, func(r *reader) error {
		s.Changes = int(r.known.head)
		for _, gaps := range r.known.gaps {
			s.Gaps += len(gaps)
			for i := range gaps {
				if gaps[i].Healed != 0 {
					s.Healed++
				}
			}
		}
		for _, spans := range r.known.spans {
			s.Spans += len(spans)
		}
		s.Baselines = len(r.known.complete)
		var err error
		s.Disk, err = diskUse(db.dir)
		return err
	})
	if err == nil {
		s.Oldest, s.Newest, err = db.edges(ctx)
	}
	if err != nil {
		return Stats{}, fmt.Errorf("stats: %w", err)
	}
	return s, nil
}

// edges are the smallest and the largest time of a change; 0 in an empty store.
func (db *DB) edges(ctx context.Context) (oldest, newest audit.Time, err error) {
	v, err := db.View(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer v.Close()
	first := true
	for _, c := range v.Chunks() {
		if c.N == 0 {
			continue
		}
		if first || sortable(c.Min) < sortable(oldest) {
			oldest = c.Min
		}
		if first || sortable(c.Max) > sortable(newest) {
			newest = c.Max
		}
		first = false
	}
	return oldest, newest, nil
}

func diskUse(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				sum += fileUse(info)
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // compacted away meanwhile
			return nil
		}
		return err
	})
	return sum, err
}

// tablesThen are the counts that a moment has: one of the same snapshot and the same open
// chunks has the same.
type tablesThen struct {
	at, version uint64
	counts      map[audit.Table]int
}

// Tables counts the changes of each table, of all clusters together.
func (db *DB) Tables(ctx context.Context) (map[audit.Table]int, error) {
	var then tablesThen
	err := db.view(ctx, func(r *reader) error {
		if was, ok := db.lists.Load(kindCounts); ok && was.(tablesThen).is(r) {
			then = was.(tablesThen)
		}
		return nil
	})
	if err == nil && then.counts == nil {
		if then, err = db.tablesNow(ctx); err == nil {
			db.lists.Store(kindCounts, then)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return maps.Clone(then.counts), nil
}

func (t tablesThen) is(r *reader) bool {
	return t.at == r.txn.ReadTs() && t.version == r.opened.version
}

func (db *DB) tablesNow(ctx context.Context) (tablesThen, error) {
	v, err := db.View(ctx)
	if err != nil {
		return tablesThen{}, err
	}
	defer v.Close()
	sealed, err := v.sealedTables(ctx)
	if err != nil {
		return tablesThen{}, err
	}
	tables := maps.Clone(sealed)
	for _, c := range v.chunks[len(v.sealed.chunks):] {
		if err := v.addTables(ctx, c.Index, tables); err != nil {
			return tablesThen{}, err
		}
	}
	maps.DeleteFunc(tables, func(_ audit.Table, n int) bool { return n == 0 })
	return tablesThen{v.r.txn.ReadTs(), v.opened.version, tables}, nil
}

// sealedTables is how many changes of sealed chunks each table has. Every question
// asks for it; what table a change is of is never in doubt. Shared.
func (v *View) sealedTables(ctx context.Context) (map[audit.Table]int, error) {
	name := cached{what: kindCounts, facet: audit.FacetTable, value: "all", version: v.sealed.version}
	return through(v.sums.cache, name, func() (map[audit.Table]int, int, error) {
		tables := map[audit.Table]int{}
		for chunk := range v.sealed.chunks {
			if err := v.addTables(ctx, chunk, tables); err != nil {
				return nil, 0, err
			}
		}
		return tables, 200 * len(tables), nil
	})
}

// addTables adds how many changes of a chunk each table has.
func (v *View) addTables(ctx context.Context, chunk int, tables map[audit.Table]int) error {
	z, err := v.at(ctx, chunk)
	var counts map[string]int
	switch {
	case err != nil:
	case z != nil:
		counts = z.tables()
	default:
		counts, err = v.Counts(ctx, chunk, audit.FacetTable)
	}
	for name, n := range counts {
		// Harper allows no dot in a database's name.
		database, table, _ := strings.Cut(name, ".")
		tables[audit.Table{Database: database, Name: table}] += n
	}
	return err
}

// Users counts the changes of each user; those of nobody are under "".
func (db *DB) Users(ctx context.Context) (map[string]int, error) {
	users, err := db.countUsers(ctx)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

func (db *DB) countUsers(ctx context.Context) (map[string]int, error) {
	v, err := db.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	all := map[string]int{}
	for _, c := range v.Chunks() {
		counts, err := v.Counts(ctx, c.Index, audit.FacetUser)
		if err != nil {
			return nil, err
		}
		for value, n := range counts {
			all[value] += n
		}
		if err := v.recount(ctx, c, all); err != nil {
			return nil, err
		}
	}
	maps.DeleteFunc(all, func(_ string, n int) bool { return n == 0 })
	return all, nil
}

// recount puts right what was counted of changes that sums may be wrong about.
func (v *View) recount(ctx context.Context, c audit.Chunk, users map[string]int) error {
	doubtful, err := v.Doubtful(ctx, c.Index)
	if err != nil || doubtful.IsEmpty() {
		return err
	}
	codes, values, err := v.Column(ctx, c.Index, audit.FacetUser)
	if err != nil {
		return err
	}
	var seqs []audit.Seq
	for it := doubtful.Iterator(); it.HasNext(); {
		off := it.Next()
		users[values[codes[off]]]--
		seqs = append(seqs, c.First+audit.Seq(off))
	}
	changes, err := v.Read(ctx, seqs)
	for i := range changes {
		users[changes[i].User]++
	}
	return err
}

// RunGC gives back the room of large values that were replaced, until there is
// little to be gained or ctx ends. Changes are never replaced: what it finds is old
// images of large records, so once in some hours is often enough.
func (db *DB) RunGC(ctx context.Context) error {
	if err := db.enter(ctx); err != nil {
		return fmt.Errorf("collect garbage: %w", err)
	}
	defer db.users.Done()
	for ctx.Err() == nil {
		db.collect.Lock()
		err := db.badger.RunValueLogGC(0.5)
		db.collect.Unlock()
		if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) {
			return nil // nothing worth it, or it runs already
		}
		if err != nil {
			return fmt.Errorf("collect garbage: %w", err)
		}
	}
	return ctx.Err()
}
