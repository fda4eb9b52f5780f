package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// prepareDir makes dir, closed to other users, and refuses one that holds
// files but no store: they would be made private and mixed with ours. What a
// process left behind that was killed while it made a store, or a file of one,
// is taken away.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if !isBegun(entries) {
		if _, err := os.Stat(filepath.Join(dir, badger.ManifestFilename)); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s holds files but no store: %w", dir, ErrFormat)
		} else if err != nil {
			return err
		}
		if err := removeEmptyLogs(dir); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o700)
}

// isBegun says that a directory holds nothing but what Badger makes before the
// manifest, if that.
func isBegun(entries []os.DirEntry) bool {
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !slices.Contains([]string{"LOCK", "KEYREGISTRY", "REWRITE-KEYREGISTRY", "MANIFEST-REWRITE"}, e.Name())
	})
}

// removeEmptyLogs removes logs without a byte. Badger makes a log in two steps,
// an empty file and its length, and does not open a store in which it was killed
// between the two.
func removeEmptyLogs(dir string) error {
	lock, err := lockDir(dir)
	if err != nil || lock == nil {
		return err
	}
	defer lock.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".vlog" && ext != ".mem" {
			continue
		}
		info, err := e.Info()
		if err == nil && info.Size() == 0 {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// holdDir holds off other processes while a store is open; it is nil where only the
// engine can. Badger's own lock is let go of with its file, which a process that is being
// forked has until its exec.
func holdDir(dir string) (*dirLock, error) {
	lock, err := lockDir(dir)
	if err == nil && lock == nil && canLock {
		err = ErrBusy
	}
	return lock, err
}

// leftPrivate makes private what opening a damaged store left behind. What another
// process has, or what is no store, is not touched.
func leftPrivate(dir string, err error) error {
	if !errors.Is(err, ErrCorrupt) {
		return nil
	}
	return chmodFiles(dir)
}

// chmodFiles closes the store's files to other users. Badger makes some of them
// by the process's umask; until the next opening the directory protects those.
func chmodFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		// A compaction may remove a file while we go.
		if err := os.Chmod(filepath.Join(dir, e.Name()), 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// emptyLog is the length of a file of the value log that has no value: its head, which
// is zero where nothing is encrypted.
const emptyLog = 20

// endLog begins a new file of the value log behind one that was written to. Badger reads
// the last file when it is opened, and cuts it off where it finds it damaged, as a
// crash leaves it: of a store that was closed nothing is to be cut off.
func (db *DB) endLog() error {
	if db.lock == nil {
		return nil // somebody may have it already
	}
	logs, err := filepath.Glob(filepath.Join(db.dir, "[0-9]*.vlog"))
	if err != nil {
		return err
	}
	var last uint64
	for _, path := range logs {
		if n, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), ".vlog"), 10, 32); err == nil {
			last = max(last, n)
		}
	}
	name := func(n uint64) string { return filepath.Join(db.dir, fmt.Sprintf("%06d.vlog", n)) }
	info, err := os.Stat(name(last))
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() <= emptyLog {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name(last+1), make([]byte, emptyLog), 0o600)
}
