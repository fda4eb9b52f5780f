package store

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	mostMapped  = 56 << 20 // of all files, the program's own among them
	mappedEvery = 100 * time.Millisecond
	// mappedAfter is how long after a commit tables are sorted.
	mappedAfter = 10 * time.Second
)

// shedMapped takes tables and value log out of the process's memory, not out of the
// system's cache, when they are much: from a commit or a page of Follow on, until
// there was none for a while.
func (db *DB) shedMapped(stirred <-chan struct{}, done <-chan struct{}) {
	tick := time.NewTicker(mappedEvery)
	defer tick.Stop()
	var last time.Time
	for {
		if time.Since(last) > mappedAfter {
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
	}
}

// shedNow does so at once, if they are much. The caller does not write.
func (db *DB) shedNow() {
	if mappedBytes() > mostMapped {
		db.unmapFiles()
	}
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

// unmapFiles takes out every table that is there before and after an iterator was
// made: those the iterator holds, so that Badger unmaps none of them meanwhile and
// nothing else can lie where they do. It also takes out the file of the value log
// that is written to, which Badger never deletes, and whose end it cuts off only
// while something is written.
func (db *DB) unmapFiles() {
	db.collect.Lock()
	defer db.collect.Unlock()
	db.write.Lock()
	defer db.write.Unlock()
	before := db.tableIDs()
	txn := db.badger.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	after := db.tableIDs()
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
	var newest mapping
	var number uint64
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		m, ok := parseMapping(lines.Text())
		if !ok || filepath.Dir(m.path) != dir {
			continue
		}
		ext := filepath.Ext(m.path)
		id, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(m.path), ext), 10, 64)
		switch {
		case err != nil:
		case ext == ".vlog" && id >= number:
			newest, number = m, id
		case ext == ".sst" && before[id] && after[id]:
			m.unmap()
		}
	}
	if newest != (mapping{}) {
		newest.unmap()
	}
}

// unmap takes a mapping out of memory. What a shared mapping of a file loses it
// reads again from the file.
func (m mapping) unmap() {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED)
}

func (db *DB) tableIDs() map[uint64]bool {
	ids := map[uint64]bool{}
	for _, t := range db.badger.Tables() {
		ids[t.ID] = true
	}
	return ids
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
