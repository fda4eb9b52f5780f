package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"recourse/internal/harpertest"
	"recourse/store"
)

// TestFullDisk fills the disk below the data folder of a running watch, which
// has to say so, stay alive, keep what is stored, end when it is told to, and go
// on by itself when there is room. It needs a small file system to fill:
//
//	mount -t tmpfs -o size=200m none /mnt/small
//	RECOURSE_TEST_SMALL_DISK=/mnt/small go test -run TestFullDisk ./cmd/recourse
func TestFullDisk(t *testing.T) {
	disk := os.Getenv("RECOURSE_TEST_SMALL_DISK")
	if disk == "" {
		t.Skip("RECOURSE_TEST_SMALL_DISK names no small file system")
	}
	s := newSite(t, builtin(t, harpertest.RocksDB, ""))
	var err error
	if s.data, err = os.MkdirTemp(disk, "data"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.data) })
	w := startWriting(t, s, 0)
	watch := startWatch(t, s)
	watch.awaitStored(t)
	full := func(watch *watching) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !strings.Contains(watch.said(), store.ErrDiskFull.Error()); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("nothing is said of a full disk\n%s", watch.said())
			}
		}
	}
	ballast := fill(t, disk)
	full(watch)
	time.Sleep(3 * time.Second) // it lives on
	watch.end(t, syscall.SIGTERM)
	k := newCheckpoint(s)
	k.check(t)
	had := k.head
	s.verify(t)
	watch = startWatch(t, s)
	full(watch)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	watch.awaitStored(t)
	watch.kill(t)
	k.check(t)
	if k.head <= had {
		t.Errorf("%d changes are stored after there was room, %d before", k.head, had)
	}
	made := w.end(t)
	s.once(t)
	s.verify(t)
	compareWithLog(t, s, made)
}

// fill writes a file that leaves less than the store needs.
func fill(t *testing.T, disk string) string {
	t.Helper()
	const leave = 40 << 20
	var free syscall.Statfs_t
	if err := syscall.Statfs(disk, &free); err != nil {
		t.Fatal(err)
	}
	size := int64(free.Bavail)*int64(free.Bsize) - leave
	if size > 4<<30 {
		t.Fatalf("%s has %d MiB free: that is no small file system", disk, size>>20)
	}
	path := filepath.Join(disk, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(path) })
	defer f.Close()
	for chunk := make([]byte, 1<<20); size > 0; size -= int64(len(chunk)) {
		if _, err := f.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
