package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWatchTenths: of the second reading of a file it is seen what had been used of
// the processors at every tenth.
func TestWatchTenths(t *testing.T) {
	if _, err := os.Stat("/proc/self/fdinfo"); err != nil {
		t.Skip("the system does not tell how far a file is read")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const size = 100_000
	file := filepath.Join(dir, "log")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := watchTenths(os.Getpid(), file, size)
	for range 2 {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if _, err := io.CopyN(io.Discard, f, size/10); err != nil {
				t.Fatal(err)
			}
			for begun := time.Now(); time.Since(begun) < 30*time.Millisecond && i < 9; { // uses a processor
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(50 * time.Millisecond)
	got := stop()
	if got.known != len(got.CPU) || got.CPU[10] <= got.CPU[0] || got.CPU[0] == 0 {
		t.Errorf("got %+v", got)
	}
	for i := 1; i < len(got.CPU); i++ {
		if got.CPU[i] < got.CPU[i-1] {
			t.Errorf("tenth %d: %v after %v", i, got.CPU[i], got.CPU[i-1])
		}
	}
}
