package store

import (
	"errors"
	"fmt"
	"time"
)

// The system is asked for the free room again after so long or so much written.
const (
	roomAge   = 500 * time.Millisecond
	roomBytes = 16 << 20
	minFree   = 64 << 20
)

// A room is how much is free where the store lies, as the one writer sees it.
type room struct {
	dir     string
	min     int64 // below 0: not looked at
	free    func(string) (int64, error)
	asked   time.Time // zero: ask
	left    int64     // then
	written int64     // since then
}

func newRoom(dir string, o Options) room {
	r := room{dir: dir, min: o.MinFree, free: o.Free}
	if r.min == 0 {
		r.min = minFree
	}
	if r.free == nil {
		r.free = freeSpace
	}
	return r
}

// check fails with ErrDiskFull if too little would be free after so many bytes.
func (r *room) check(bytes int64) error {
	if r.min < 0 {
		return nil
	}
	full := r.left-r.written-bytes < r.min
	if full || r.written+bytes >= roomBytes || time.Since(r.asked) >= roomAge {
		left, err := r.free(r.dir)
		if errors.Is(err, errors.ErrUnsupported) {
			r.min = -1
			return nil
		}
		if err != nil {
			return fmt.Errorf("ask for the free room of %s: %w", r.dir, err)
		}
		r.asked, r.left, r.written = time.Now(), left, 0
	}
	if r.left-r.written-bytes < r.min {
		return &diskFull{dir: r.dir, free: r.left, need: r.min + bytes}
	}
	return nil
}

func (r *room) wrote(bytes int64) { r.written += bytes }

// stale has the system asked before anything is written again.
func (r *room) stale() { r.asked = time.Time{} }

// A diskFull is an ErrDiskFull that says how much room there is.
type diskFull struct {
	dir        string
	free, need int64
}

func (d *diskFull) Error() string {
	return fmt.Sprintf("%v: %d MiB free, %d MiB needed", ErrDiskFull, d.free>>20, mebibytes(d.need))
}

func (d *diskFull) Is(target error) bool { return target == ErrDiskFull }

// Hint says what a person can do about it.
func (d *diskFull) Hint() string {
	return fmt.Sprintf("where %s lies %d MiB are free and %d MiB are needed; nothing was lost, and ingest goes on by itself when there is room",
		d.dir, d.free>>20, mebibytes(d.need))
}

// mebibytes rounds up.
func mebibytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// Room is how many bytes are free where the store lies, and whether that is
// enough to write to it.
func (db *DB) Room() (free int64, enough bool, err error) {
	db.write.Lock()
	r := db.room
	db.write.Unlock()
	free, err = r.free(r.dir)
	return free, err != nil || free >= r.min, err
}

// CheckRoom is ErrDiskFull, with a hint, if nothing could be written now. Whoever
// writes beside the store asks, so as not to take what the store needs.
func (db *DB) CheckRoom() error {
	free, enough, err := db.Room()
	if err != nil || enough {
		return nil
	}
	return &diskFull{dir: db.dir, free: free, need: db.room.min}
}
