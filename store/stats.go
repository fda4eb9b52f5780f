package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

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
		head, err := readHead(r.txn)
		if err != nil {
			return err
		}
		s.Changes = int(head)
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
		s.Oldest, s.Newest = r.edge(false), r.edge(true)
		s.Disk, err = diskUse(db.dir)
		return err
	})
	if err != nil {
		return Stats{}, fmt.Errorf("stats: %w", err)
	}
	return s, nil
}

// edge is the first or the last time in the time index.
func (r *reader) edge(last bool) audit.Time {
	it := r.txn.NewIterator(badger.IteratorOptions{Reverse: last, Prefix: []byte{byte(kindTime)}})
	defer it.Close()
	from := place{}
	if last {
		from = place{^uint64(0), ^audit.Seq(0)}
	}
	if it.Seek(timeKey(from)); it.Valid() {
		if p, ok := cutPlace(it.Item().Key()); ok {
			return unsortable(p.time)
		}
	}
	return 0
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

// Tables counts the changes of each table, of all clusters together.
func (db *DB) Tables(ctx context.Context) (map[audit.Table]int, error) {
	counts, err := list(ctx, db, []byte{byte(kindTableCount)}, "tables", decodeCount)
	if err != nil {
		return nil, err
	}
	tables := make(map[audit.Table]int, len(counts))
	for _, c := range counts {
		tables[audit.Table{Database: c.Database, Name: c.Table}] = c.N
	}
	return tables, nil
}

// Users counts the changes of each user; those of nobody are under "".
func (db *DB) Users(ctx context.Context) (map[string]int, error) {
	counts, err := list(ctx, db, []byte{byte(kindUserCount)}, "users", decodeCount)
	if err != nil {
		return nil, err
	}
	users := make(map[string]int, len(counts))
	for _, c := range counts {
		users[c.User] = c.N
	}
	return users, nil
}

func decodeCount(payload []byte) (count, error) {
	var c count
	err := decode(payload, &c)
	return c, err
}

// RunGC gives back the room of large values that were replaced, until there is
// little to be gained or ctx ends. Changes are never replaced: what it finds
// is old rule state and alerts, so once in some hours is often enough.
func (db *DB) RunGC(ctx context.Context) error {
	if err := db.enter(ctx); err != nil {
		return fmt.Errorf("collect garbage: %w", err)
	}
	defer db.users.Done()
	for ctx.Err() == nil {
		err := db.badger.RunValueLogGC(0.5)
		if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) {
			return nil // nothing worth it, or it runs already
		}
		if err != nil {
			return fmt.Errorf("collect garbage: %w", err)
		}
	}
	return ctx.Err()
}
