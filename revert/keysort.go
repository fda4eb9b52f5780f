package revert

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"recourse/audit"
)

// mostKeyBytes is how much of keys is sorted in memory.
const mostKeyBytes = 8 << 20

// A keySort sorts keys of which there may be more than memory has room for: so many
// at a time, which go to a file as a run; and the runs are merged as they are read.
// The zero value keeps all in memory.
type keySort struct {
	temp func() (TempFile, error) // nil: no file may be made
	most int                      // bytes of keys in memory; 0: mostKeyBytes

	keys   []audit.Key // of the run that is being made
	size   int
	tables []audit.Table // those of the keys in the file
	number map[audit.Table]int
	file   TempFile
	runs   []keyRun
}

// A keyRun is where a run stands in the file.
type keyRun struct {
	from, size int64
	keys       int
}

// add takes keys in any order, as often as they come.
func (s *keySort) add(keys []audit.Key) error {
	const header = 48 // two strings of a table and one of the id
	s.keys = slices.Grow(s.keys, min(len(keys), orDefault(s.most, mostKeyBytes)/header))
	for _, k := range keys {
		s.keys = append(s.keys, k)
		if s.size += header + len(k.ID); s.temp != nil && s.size >= orDefault(s.most, mostKeyBytes) {
			if err := s.spill(); err != nil {
				return fmt.Errorf("keep keys of records: %w", err)
			}
		}
	}
	return nil
}

func (s *keySort) sorted() []audit.Key {
	slices.SortFunc(s.keys, compareKeys)
	s.keys = slices.Compact(s.keys)
	return s.keys
}

// spill writes the run to the file.
func (s *keySort) spill() (err error) {
	if s.file == nil {
		if s.file, err = s.temp(); err != nil {
			return err
		}
	}
	run := keyRun{keys: len(s.sorted())}
	if n := len(s.runs); n > 0 {
		run.from = s.runs[n-1].from + s.runs[n-1].size
	}
	out := bufio.NewWriterSize(s.file, 1<<16)
	var b []byte
	for _, k := range s.keys {
		n, known := s.number[k.Table]
		if !known {
			n = len(s.tables)
			s.tables, s.number = append(s.tables, k.Table), put(s.number, k.Table, n)
		}
		b = binary.AppendUvarint(b[:0], uint64(n))
		b = append(binary.AppendUvarint(b, uint64(len(k.ID))), k.ID...)
		run.size += int64(len(b))
		_, _ = out.Write(b) // Flush tells the error
	}
	s.runs, s.size = append(s.runs, run), 0
	clear(s.keys) // the texts that they hold
	s.keys = s.keys[:0]
	return out.Flush()
}

// each gives all keys in their order, each once, so many together. They are good
// until the next. It may be called again; nothing may be added any more.
func (s *keySort) each(together int, give func([]audit.Key) error) error {
	if len(s.runs) == 0 {
		for some := range slices.Chunk(s.sorted(), together) {
			if err := give(some); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.keys) > 0 {
		if err := s.spill(); err != nil {
			return fmt.Errorf("keep keys of records: %w", err)
		}
		s.keys = nil
	}
	m, err := s.merge()
	if err != nil {
		return err
	}
	some := make([]audit.Key, 0, together)
	for len(m) > 0 {
		if k := m[0].key; len(some) == 0 || some[len(some)-1] != k {
			if len(some) == together {
				if err := give(some); err != nil {
					return err
				}
				some = some[:0]
			}
			some = append(some, k)
		}
		if err := m.next(); err != nil {
			return err
		}
	}
	return give(some)
}

// close gives the file back.
func (s *keySort) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// A keyMerge is the runs that have keys left, as a heap: the one with the least key is
// the first.
type keyMerge []*runReader

// A runReader reads a run, key by key.
type runReader struct {
	in     *bufio.Reader
	tables []audit.Table
	left   int
	id     []byte
	key    audit.Key
}

// merge begins to read all runs.
func (s *keySort) merge() (keyMerge, error) {
	const least = 4 << 10
	var m keyMerge
	buffer := max(least, mostKeyBytes/len(s.runs)/2)
	for _, run := range s.runs {
		in := io.NewSectionReader(s.file, run.from, run.size)
		r := &runReader{in: bufio.NewReaderSize(in, min(buffer, 1<<16)), tables: s.tables, left: run.keys}
		if more, err := r.next(); err != nil {
			return nil, err
		} else if more {
			m = append(m, r)
		}
	}
	heap.Init(&m)
	return m, nil
}

// next passes the least key.
func (m *keyMerge) next() error {
	more, err := (*m)[0].next()
	switch {
	case err != nil:
		return err
	case more:
		heap.Fix(m, 0)
	default:
		heap.Pop(m)
	}
	return nil
}

// next reads the run's next key; false: there is none.
func (r *runReader) next() (bool, error) {
	if r.left == 0 {
		return false, nil
	}
	r.left--
	table, err := binary.ReadUvarint(r.in)
	size, bad := binary.ReadUvarint(r.in)
	if err == nil {
		err = bad
	}
	if err == nil && (table >= uint64(len(r.tables)) || size > maxPlanLine) {
		err = io.ErrUnexpectedEOF // somebody has written to the file
	}
	if err == nil {
		r.id = grown(r.id, int(size))
		_, err = io.ReadFull(r.in, r.id)
	}
	if err != nil {
		return false, fmt.Errorf("read kept keys of records: %w", err)
	}
	r.key = audit.Key{Table: r.tables[table], ID: audit.ID(r.id)}
	return true, nil
}

// The methods of a heap.
func (m keyMerge) Len() int           { return len(m) }
func (m keyMerge) Less(i, j int) bool { return compareKeys(m[i].key, m[j].key) < 0 }
func (m keyMerge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *keyMerge) Push(x any)        { *m = append(*m, x.(*runReader)) }
func (m *keyMerge) Pop() any {
	last := len(*m) - 1
	r := (*m)[last]
	*m = (*m)[:last]
	return r
}
