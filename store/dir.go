package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// prepareDir makes dir, closed to other users, and refuses one that holds
// files but no store: they would be made private and mixed with ours.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, badger.ManifestFilename)); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s holds files but no store: %w", dir, ErrFormat)
		} else if err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o700)
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
