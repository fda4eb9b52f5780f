package store

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/dgraph-io/badger/v4"
)

// Badger maps its tables and its value log into memory, and what was written or
// read of them counts as the process's until somebody else wants the room: in the end, the
// whole store. A machine takes it back by itself, but who looks at a process, or
// bounds it, sees a program that never stops growing.
const (
	// mostMapped is how much of files may be in memory, the program's own among them,
	// before tables are taken out.
	mostMapped  = 112 << 20
	mappedMore  = 24 << 20
	mappedEvery = 20 * time.Millisecond
	// mappedAfter is how long after a commit tables are sorted.
	mappedAfter = 10 * time.Second
)

// shedMapped takes tables and value log out of the process's memory, not out of the
// system's cache, when they are much: from a commit or a page of Follow on, until
// there was none for a while.
func (db *DB) shedMapped(stirred <-chan struct{}, done <-chan struct{}) {
	tick := time.NewTicker(mappedEvery)
	defer tick.Stop()
	defer db.releaseTables()
	var last time.Time
	for {
		if time.Since(last) > mappedAfter {
			db.releaseTables()
			db.newest.clear()
			select {
			case <-stirred:
			case <-done:
				return
			}
			last = time.Now()
		}
		select {
		case <-stirred:
			last = time.Now()
			continue
		case <-done:
			return
		case <-tick.C:
		}
		db.shedNow()
		db.releaseOld()
	}
}

// shedNow does so at once, if they are much. What is left after it cannot be taken
// out, such as tables that are being written: it is tried again when there is more.
func (db *DB) shedNow() {
	now := mappedBytes()
	left := min(db.mapped.left.Load(), now)
	if now > mostMapped && now > left+mappedMore {
		db.unmapFiles()
		left = mappedBytes()
	}
	db.mapped.left.Store(left)
}

// mappedBytes is how much of files this process has in memory; 0: not known.
func mappedBytes() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(data), &size, &resident, &shared); err != nil {
		return 0
	}
	return shared * int64(os.Getpagesize())
}

// mappedTables are tables that an iterator holds, so that Badger unmaps none of them
// and nothing else can lie where they do, and where they are mapped. What is newer is
// not among them, and of what was compacted since the room on disk is not given back:
// so they are made anew after a while. Not each time, as to ask Badger for its tables
// maps the index of each, which is some hundred MiB where there are a thousand.
type mappedTables struct {
	sync.Mutex
	txn   *badger.Txn // nil: none are held
	it    *badger.Iterator
	at    []mapping
	since time.Time

	left atomic.Int64 // bytes that were in memory when some were taken out last, or less
	log  atomic.Bool  // the file of the value log that is written to is to be taken out
}

// heldFor is how long tables are held at most while the store is used. What is written
// meanwhile is not among them, and stays in memory: some 40 MiB a second when millions
// of changes are taken in.
const heldFor = 500 * time.Millisecond

// unmapFiles takes out the tables and the value log: the file of it that is written to
// once nobody writes.
func (db *DB) unmapFiles() {
	db.unmapTables()
	if !db.collect.TryLock() {
		return
	}
	defer db.collect.Unlock()
	db.unmapFullLogs()
	if db.write.TryLock() {
		db.unmapValueLog()
		db.write.Unlock()
	} else {
		db.mapped.log.Store(true)
	}
}

// written has who wrote, and still keeps others from it, take out the file of the value
// log that is written to if it is to be. Who collects garbage writes, too.
func (db *DB) written() {
	if !db.mapped.log.Load() || !db.collect.TryLock() {
		return
	}
	defer db.collect.Unlock()
	db.mapped.log.Store(false)
	db.unmapValueLog()
}

// unmapFullLogs takes out the files of the value log that are full. Only who collects
// garbage deletes one, who is kept from it meanwhile. They are full if there is a newer one
// before it is asked where they are: until then the end of one is cut off, and it lies
// elsewhere.
func (db *DB) unmapFullLogs() {
	var newest uint64
	for id := range db.mappings(".vlog") {
		newest = max(newest, id)
	}
	for id, m := range db.mappings(".vlog") {
		if id < newest {
			m.unmap()
		}
	}
}

// unmapTables takes out every table that is held.
func (db *DB) unmapTables() {
	t := &db.mapped
	t.Lock()
	defer t.Unlock()
	if time.Since(t.since) > heldFor {
		t.release()
		db.holdTables()
	}
	for _, m := range t.at {
		m.unmap()
	}
}

// holdTables holds every table that is there before and after an iterator was made:
// that one has them all.
func (db *DB) holdTables() {
	t := &db.mapped
	before := map[uint64]bool{}
	for _, table := range db.badger.Tables() {
		before[table.ID] = true
	}
	t.txn = db.badger.NewTransaction(false)
	t.it = t.txn.NewIterator(badger.IteratorOptions{})
	held := map[uint64]bool{}
	for _, table := range db.badger.Tables() {
		held[table.ID] = before[table.ID]
	}
	for id, m := range db.mappings(".sst") {
		if held[id] {
			t.at = append(t.at, m)
		}
	}
	t.since = time.Now()
}

// release lets go of what is held.
func (t *mappedTables) release() {
	if t.txn != nil {
		t.it.Close()
		t.txn.Discard()
	}
	t.txn, t.it, t.at, t.since = nil, nil, t.at[:0], time.Time{}
}

// releaseOld does so when they are held for long and nothing was to be taken out.
func (db *DB) releaseOld() {
	db.mapped.Lock()
	defer db.mapped.Unlock()
	if time.Since(db.mapped.since) > 2*heldFor {
		db.mapped.release()
	}
}

// releaseTables does so at once.
func (db *DB) releaseTables() {
	db.mapped.Lock()
	defer db.mapped.Unlock()
	db.mapped.release()
}

// unmapValueLog takes out the file of the value log that is written to, which Badger
// never deletes, and whose end it cuts off only while something is written. Nobody
// writes meanwhile.
func (db *DB) unmapValueLog() {
	var newest mapping
	var number uint64
	for id, m := range db.mappings(".vlog") {
		if id >= number {
			newest, number = m, id
		}
	}
	if newest != (mapping{}) {
		newest.unmap()
	}
}

// mappings are the store's files of a kind that are mapped, by their numbers.
func (db *DB) mappings(kind string) iter.Seq2[uint64, mapping] {
	return func(yield func(uint64, mapping) bool) {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			return
		}
		dir, err := filepath.EvalSymlinks(db.dir)
		if err != nil {
			return
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return
		}
		for line := range bytes.Lines(maps) {
			line = bytes.TrimSuffix(line, []byte{'\n'})
			if !bytes.HasSuffix(line, []byte(kind)) {
				continue
			}
			m, ok := parseMapping(string(line))
			if !ok || filepath.Dir(m.path) != dir {
				continue
			}
			id, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(m.path), kind), 10, 64)
			if err == nil && !yield(id, m) {
				return
			}
		}
	}
}

// unmap takes a mapping out of memory. What a shared mapping of a file loses it
// reads again from the file.
func (m mapping) unmap() {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED)
}

// A mapping is a shared mapping of a file in this process.
type mapping struct {
	from, to uintptr
	path     string
}

// parseMapping reads a line of /proc/self/maps (proc(5)).
func parseMapping(line string) (mapping, bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || !strings.HasSuffix(fields[1], "s") || !strings.HasSuffix(line, ".sst") && !strings.HasSuffix(line, ".vlog") {
		return mapping{}, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	a, err := strconv.ParseUint(from, 16, 8*int(unsafe.Sizeof(uintptr(0))))
	if err != nil {
		return mapping{}, false
	}
	b, err := strconv.ParseUint(to, 16, 8*int(unsafe.Sizeof(uintptr(0))))
	path := line[strings.IndexByte(line, '/'):]
	return mapping{uintptr(a), uintptr(b), path}, err == nil && a < b
}
