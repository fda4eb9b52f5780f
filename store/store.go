// Package store keeps everything the program knows, in order: the changes that
// Harper's audit logs told, how far each log was read, what could not be read,
// and what was concluded and done. It is the truth from which indexes, windows
// and reports can be made again.
//
// Start with [Open] and [DB.Append]; [DB.Follow], [DB.History] and [DB.ByTime]
// read back what was appended. keys.go lists every key on disk, and
// docs/storage.md describes them for people.
//
// What a method that writes has acknowledged is on disk and outlives the
// process. Every value carries a checksum; one that fails it is named in an
// error that wraps [ErrCorrupt], and is never served.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Options say how a store is opened. The zero value works.
type Options struct {
	// Memory is about how many bytes the store may use: for its caches, for what
	// it has not yet sorted and for sorting it. 0 is 92 MiB; less than 80 MiB
	// counts as that.
	Memory int64
	// Bulk says that much is going to be stored, or for long. Full blocks then go to
	// the value log, which is cheaper to write and to read, of which each opening that
	// writes to it leaves a file; else they stay among the small values.
	Bulk bool
	// Spare is how many bytes of memory nobody needs now, which last images may take
	// beyond Memory until it is none; nil: none. The more of them are in memory the less
	// is to be read from disk for a change.
	Spare func() int64
	// SkipCheck opens without reading every table. By default Open fails with
	// ErrCorrupt if a block of one does not match its checksum, which takes about
	// half a second for a million changes. Badger leaves a damaged block out when
	// it is read and says nothing: a change that was in it is still missed by its
	// number, but History and ByTime would lack it silently.
	SkipCheck bool
	// MinFree is how many bytes must be free on the file system of the store for
	// anything to be written: Badger maps its files into memory, and a process that
	// writes there to a disk without room is killed. Less is ErrDiskFull. 0 is
	// 64 MiB; below 0 nothing is looked at.
	MinFree int64
	// Free is how many bytes are free where a directory lies. nil asks the system,
	// where it can be asked: on Linux, macOS and FreeBSD.
	Free func(dir string) (int64, error)
	// Now is our clock; nil is time.Now.
	Now func() time.Time
	// NoSync does not wait for the disk. It is for tests and throw-away stores:
	// what was acknowledged may be lost with the machine, not with the process.
	NoSync bool
	// cut is asked before every step that writes, for tests that stop there.
	cut func() error
	// layout is how sums are made; zero is that of every store but in tests.
	layout layout
	// images are limits of last images; zero is those of every store but in tests.
	images imageLimits
	// Converting is told how far a store of an earlier format is made one of this
	// format: before the first change, and then again and again; total is never 0.
	// An error ends Open with it; the next Open goes on where this one was. A
	// million changes take about a minute. nil is silence.
	Converting func(done, total audit.Seq) error
	// Logger gets what the storage engine has to say. nil is silence.
	Logger *slog.Logger
}

// A DB is an open store. It may be used by many goroutines at once: readers do
// not wait for writers, writers wait for one another.
type DB struct {
	badger  *badger.DB
	dir     string
	lock    *dirLock // nil: the engine has one
	o       Options
	sums    *summing
	opens   *sumCache // opened blocks
	recents *rowCache // changes
	newest  newestBlocks
	lists   sync.Map // keyKind → listed: what was listed last

	collect sync.Mutex // held while the value log's garbage is collected; locked before write

	checked func() error // waits for checkTables

	write  sync.Mutex // held by the one writer
	writer *writer    // what the writer keeps in memory; nil: to be made again
	known  atomic.Pointer[known]
	behind atomic.Bool // what is kept in memory lacks something that was appended
	saving atomic.Bool // there is a saving to be finished
	room   room        // looked at by the writer
	routes routing     // of the writer

	stirred chan struct{} // tells shedMapped that tables are in use
	ended   chan struct{} // tells it to end
	shed    sync.WaitGroup
	mapped  mappedTables

	mu     sync.Mutex // guards closed, and users.Add against users.Wait
	closed bool
	users  sync.WaitGroup
}

// Open opens the store in dir, which is made if it does not exist. It fails
// with ErrBusy when a process holds it already, with ErrFormat when the store
// was written by a newer program or dir holds something else.
func Open(dir string, o Options) (*DB, error) {
	if err := prepareDir(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := holdDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	log := &engineLog{to: o.Logger}
	b, err := badger.Open(badgerOptions(dir, o, log).WithBypassLockGuard(lock != nil))
	if err != nil {
		err = openError(err)
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), leftPrivate(dir, err), lock.Close())
	}
	db := &DB{badger: b, dir: dir, lock: lock, o: o, sums: newSumming(cmp.Or(o.layout, standard()), defaultSumCache), opens: newSumCache(int(caches(o)) * 3 / 4), recents: newRowCache(int(caches(o)) / 4), room: newRoom(dir, o), stirred: make(chan struct{}, 1), ended: make(chan struct{})}
	db.newest.limit = int(caches(o)) / 4
	db.stirred <- struct{}{} // checking the tables maps all of them
	db.shed.Go(func() { db.shedMapped(db.stirred, db.ended) })
	if err := db.start(o, log); err != nil {
		close(db.ended)
		db.shed.Wait()
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), b.Close(), leftPrivate(dir, err), lock.Close())
	}
	return db, nil
}

// openError gives Badger's errors on opening our names. Badger wraps no cause,
// so its text is all there is to go by.
func openError(err error) error {
	text := strings.ToLower(err.Error())
	switch {
	case strings.Contains(text, "cannot acquire directory lock"):
		return ErrBusy
	case strings.Contains(text, "checksum"), strings.Contains(text, "bad magic"), strings.Contains(text, "opening vlog"):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case strings.Contains(text, "unsupported version"):
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return err
}

// start reads what a new DB has to know, and writes it into an empty store.
func (db *DB) start(o Options, log *engineLog) error {
	if log.lost.Load() {
		return fmt.Errorf("%w: a table could not be read and was left out", ErrCorrupt)
	}
	db.checkTables(o)
	if err := errors.Join(db.begin(), db.checked()); err != nil {
		return err
	}
	db.saving.Store(true) // there may be one
	err := db.writeSaving()
	if err == nil {
		err = db.tidyParts()
	}
	if err != nil && !errors.Is(err, ErrDiskFull) {
		return err
	}
	return chmodFiles(db.dir)
}

// begin reads or converts what is there, or makes an empty store.
func (db *DB) begin() error {
	version, err := db.checkFormat()
	if err != nil {
		return err
	}
	if err := db.relocate(version); err != nil {
		return err
	}
	old, err := db.toConvert(version)
	switch {
	case err != nil:
		return err
	case old:
		return db.convert(context.Background())
	}
	return db.load()
}

// checkTables has all tables read beside what else is to be read. Before anything
// is concluded from that and written, checked says whether they are whole.
func (db *DB) checkTables(o Options) {
	db.checked = func() error { return nil }
	if o.SkipCheck {
		return
	}
	whole := make(chan error, 1)
	go func() { whole <- audit.Guarded(db.verifyTables) }()
	db.checked = sync.OnceValue(func() error { return <-whole })
}

// checkFormat makes sure that the store is ours and not of a newer kind, and says
// what format it has. An empty one gets ours.
func (db *DB) checkFormat() (version uint64, err error) {
	err = db.badger.Update(func(txn *badger.Txn) error {
		payload, found, err := get(txn, formatKey())
		switch {
		case err != nil:
			return fmt.Errorf("read format: %w", err)
		case found:
			version, err = checkVersion(payload)
			return err
		}
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		if it.Rewind(); it.Valid() {
			return fmt.Errorf("it names no format: %w", ErrFormat)
		}
		version = formatVersion
		return errors.Join(db.room.check(0), set(txn, formatKey(), uintPayload(formatVersion)), set(txn, headKey(), uintPayload(0)), set(txn, imagedKey(), uintPayload(0)))
	})
	return version, err
}

func checkVersion(payload []byte) (uint64, error) {
	version, err := parseUint(payload)
	switch {
	case err != nil:
		return 0, fmt.Errorf("read format: %w", err)
	case version > formatVersion:
		return 0, fmt.Errorf("it has format %d and this program knows up to %d: %w", version, formatVersion, ErrFormat)
	}
	return version, nil
}

// load reads what is kept in memory.
func (db *DB) load() error {
	var k *known
	err := db.badger.View(func(txn *badger.Txn) (err error) {
		k, err = readKnown(txn)
		return err
	})
	if err != nil {
		return err
	}
	db.known.Store(k)
	return db.ready()
}

// Close waits for calls that are under way and closes the store. Later calls
// fail with ErrClosed; closing again does nothing.
func (db *DB) Close() error {
	db.mu.Lock()
	was := db.closed
	db.closed = true
	db.mu.Unlock()
	db.users.Wait()
	if was {
		return nil
	}
	err := db.rest()
	close(db.ended)
	db.shed.Wait()
	if err := errors.Join(err, db.badger.Close(), db.endLog(), chmodFiles(db.dir), db.lock.Close()); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// enter keeps the store open until users.Done.
func (db *DB) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return ErrClosed
	}
	db.users.Add(1)
	return nil
}

// view runs f on a snapshot of the store.
func (db *DB) view(ctx context.Context, f func(*reader) error) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.users.Done()
	if err := db.catchUp(); err != nil {
		return err
	}
	r := db.snapshot()
	defer r.close()
	return f(r)
}

// snapshot is a view of the store that what is known of it fits.
func (db *DB) snapshot() *reader {
	for {
		opened := db.sums.open.freeze()
		k := db.known.Load()
		txn := db.badger.NewTransaction(false)
		if db.known.Load() == k && db.sums.open.is(opened) {
			return &reader{txn: txn, known: k, sums: db.sums, opened: opened, opens: db.opens, recents: db.recents, newest: &db.newest}
		}
		txn.Discard() // a commit began or ended just then
	}
}
