package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	bleveindex "github.com/blevesearch/bleve_index_api"
)

const (
	// unfinished is a file that is in the directory while the index is made, or
	// removed. A process that ends meanwhile leaves what bleve does not open, and
	// nothing of worth.
	unfinished = "unfinished"
	// storeDir is where bleve's files are.
	storeDir = "store"
)

func create(dir string, o Options) (*Index, error) {
	mark := filepath.Join(dir, unfinished)
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return nil, err
	}
	x, err := openBleve(dir, o)
	if err != nil {
		return nil, err
	}
	err = x.start()
	if err == nil {
		err = os.Remove(mark)
	}
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func (x *Index) start() error {
	h := head{version: segmentVersion}
	b := bleveindex.NewBatch()
	b.SetInternal(keyHead, h.encode())
	if err := x.attempt(func() error { return x.bleve.Batch(b) }); err != nil {
		return err
	}
	x.head.Store(&h)
	return nil
}

// Reset removes the index in dir, which must not be open, so that Open makes an
// empty one. A folder that holds anything but an index, of this format or an
// earlier one, is left alone.
func Reset(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	ours := []string{unfinished, earlierFile, earlierFile + "_temp", sealFile, storeDir}
	for _, e := range entries {
		if !slices.Contains(ours, e.Name()) {
			return fmt.Errorf("reset index %s: %s is not part of an index", dir, e.Name())
		}
	}
	// The mark last: with it a rest is no index, whatever it holds.
	if len(entries) > 0 {
		if err := os.WriteFile(filepath.Join(dir, unfinished), nil, 0o600); err != nil {
			return fmt.Errorf("reset index: %w", err)
		}
	}
	slices.Reverse(ours)
	for _, name := range ours {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("reset index: %w", err)
		}
	}
	return nil
}
