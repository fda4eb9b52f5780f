package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"recourse/audit"
)

// Check reads all of the index in dir and is its progress. Unlike Open it makes
// none where there is none (fs.ErrNotExist) and finishes none that was begun
// (ErrRebuild).
func Check(dir string, o Options) (progress audit.Seq, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil:
		return 0, fmt.Errorf("check index: %w", err)
	case len(entries) == 0:
		return 0, fmt.Errorf("check index %s: %w", dir, fs.ErrNotExist)
	case has(entries, unfinished):
		return 0, fmt.Errorf("check index %s: %w: it was begun and not ended", dir, ErrRebuild)
	}
	x, err := Open(dir, o)
	if err != nil {
		return 0, err
	}
	progress = x.Progress()
	if err := x.Close(); err != nil {
		return 0, errors.Join(fmt.Errorf("check index %s", dir), err)
	}
	return progress, nil
}
