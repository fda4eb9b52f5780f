package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
)

// unfinished is a file that is in the directory while the index is made, or
// removed. A process that ends meanwhile leaves what bleve does not open, and
// nothing of worth.
const unfinished = "unfinished"

func create(dir string, config map[string]any) (*Index, error) {
	mark := filepath.Join(dir, unfinished)
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return nil, err
	}
	m := bleve.NewIndexMapping()
	m.DefaultMapping = &mapping.DocumentMapping{} // documents are made without it
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	b, err := bleve.NewUsing(dir, m, scorch.Name, scorch.Name, config)
	if err != nil {
		return nil, err
	}
	x := &Index{bleve: b, dir: dir}
	err = x.start()
	if err == nil {
		err = os.Remove(mark)
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return x, nil
}

func (x *Index) start() error {
	// bleve leaves the rights of this file to the umask.
	if err := os.Chmod(filepath.Join(x.dir, "index_meta.json"), 0o600); err != nil {
		return err
	}
	h := head{version: formatVersion}
	if err := x.bleve.SetInternal(keyHead, h.encode()); err != nil {
		return err
	}
	x.head.Store(&h)
	return nil
}

// Reset removes the index in dir, which must not be open, so that Open makes an
// empty one. A folder that holds anything but an index is left alone.
func Reset(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	ours := []string{unfinished, "index_meta.json", "index_meta.json_temp", "store"}
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
