package ingest

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"math"
	"os"
	"strings"

	"recourse/audit"
)

// A misplaced error is about the record that begins at a byte of a file.
type misplaced struct {
	at  int64
	err error
}

func (m *misplaced) Error() string { return fmt.Sprintf("at byte %d: %v", m.at, m.err) }

func (m *misplaced) Unwrap() error { return m.err }

// An advised error says what to do about it.
type advised struct {
	error
	hint string
}

func (a *advised) Hint() string { return a.hint }

// A check is what is found out about an export before any of it is stored.
type check struct {
	f      BaselineFile
	n      int
	oldest audit.Time      // version
	seen   map[uint64]bool // hashes of the keys
	seed   maphash.Seed
	digest hash.Hash
}

func (c *check) record(v audit.Value) error {
	id, version, err := c.f.keyOf(v)
	if err != nil {
		return err
	}
	end := max(c.f.At, c.f.Until)
	switch key := maphash.String(c.seed, string(id)); {
	case c.seen[key]:
		return fmt.Errorf("the record %s is in the file twice", id)
	case version == 0 && c.f.At == 0:
		return &advised{fmt.Errorf("the record %s has no version, and nobody says when the export was made", id),
			"say when the export began and ended, with --at TIME and --until TIME, or which attribute has the time of the record's last write, with --version-attribute; nothing was stored"}
	case end != 0 && version > end:
		return &advised{fmt.Errorf("the record %s was written at %s, which is after the end of the export", id, version.ISO()),
			"--at is when the export began and --until when it ended, by the server's clock: the job in system.hdb_job says both; nothing was stored"}
	default:
		c.seen[key] = true
	}
	c.n++
	c.oldest = min(c.oldest, version)
	return nil
}

// keyOf is a record's key, and the time of its last write; 0 is not known.
func (f BaselineFile) keyOf(v audit.Value) (audit.ID, audit.Time, error) {
	if v.Kind() != audit.KindObject {
		return "", 0, fmt.Errorf("it is no record but %s", v.Kind())
	}
	name := cmp.Or(f.PrimaryKey, "id")
	key := v.Get(name)
	if key == nil {
		return "", 0, &advised{fmt.Errorf("the record has no %q", name), "name the table's primary key with --primary-key; nothing was stored"}
	}
	id, err := audit.IDOf(key)
	if err != nil {
		return "", 0, fmt.Errorf("its %q: %w", name, err)
	}
	ms, ok := v.Get(cmp.Or(f.Version, "__updatedtime__")).Float64()
	if ok = ok && ms > 0 && !math.IsInf(ms, 0); ok {
		return id, audit.Time(ms), nil
	}
	if f.Version != "" {
		return "", 0, fmt.Errorf("the %q of the record %s is no time in milliseconds, as Harper's versions are", f.Version, id)
	}
	return id, 0, nil
}

// lineOf is the line of the first byte from one on that is no blank and no comma;
// 0 when that cannot be told.
func lineOf(path string, at int64) int {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	r, line := bufio.NewReader(file), 1
	for n := int64(0); ; n++ {
		c, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF), n >= at && !strings.ContainsRune(" \t\r\n,", rune(c)):
			return line
		case err != nil:
			return 0
		case c == '\n':
			line++
		}
	}
}
