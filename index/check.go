package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/blevesearch/bleve/v2/index/scorch"
)

// check reads the files that the index rests on and compares their checksums,
// which bleve writes and does not look at. A damaged file could otherwise make
// answers lack changes without a word.
func (x *Index) check() (err error) {
	inner, err := x.bleve.Advanced()
	if err != nil {
		return err
	}
	r, err := inner.Reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	snapshot, ok := r.(*scorch.IndexSnapshot)
	if !ok {
		return fmt.Errorf("%w: it is of another kind", ErrRebuild)
	}
	for _, s := range snapshot.Segments() {
		file, ok := s.Segment().(interface{ Path() string })
		if !ok {
			continue // still in memory
		}
		if err := checkFile(file.Path()); err != nil {
			return err
		}
	}
	return nil
}

// checkFile reads a segment, at whose end stands the CRC-32 of the rest.
func checkFile(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum, size := crc32.NewIEEE(), info.Size()-4
	if size < 0 {
		return fmt.Errorf("%w: %s is too short", ErrRebuild, filepath.Base(path))
	}
	if _, err := io.CopyN(sum, f, size); err != nil {
		return err
	}
	want, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if !bytes.Equal(want, binary.BigEndian.AppendUint32(nil, sum.Sum32())) {
		return fmt.Errorf("%w: %s does not have its checksum", ErrRebuild, filepath.Base(path))
	}
	return nil
}
