package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// sealFile has the CRC-32C of bleve's list of segments (a database of bbolt, whose
// pages have no checksums of their own) while the index is closed. One that was
// not closed in order has none.
const sealFile = "seal"

// boltFile is bleve's list of segments.
func boltFile(dir string) string { return filepath.Join(dir, storeDir, "root.bolt") }

// seal notes the checksum.
func seal(dir string) error {
	sum, err := sumOf(boltFile(dir))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, sealFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(sum)
	return errors.Join(err, f.Sync(), f.Close())
}

// unseal compares the checksum, if there is one, and takes it away, for the list
// is about to change.
func unseal(dir string) error {
	path := filepath.Join(dir, sealFile)
	want, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sum, err := sumOf(boltFile(dir))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRebuild, err)
	}
	if string(sum) != string(want) {
		return fmt.Errorf("%w: root.bolt does not have its checksum", ErrRebuild)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func sumOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	sum := crc32.New(castagnoli)
	_, err = io.Copy(sum, f)
	return binary.BigEndian.AppendUint32(nil, sum.Sum32()), errors.Join(err, f.Close())
}
