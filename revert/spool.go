package revert

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"recourse/audit"
)

// A TempFile is where lines of a plan are kept until all of it is known. It holds
// record contents: it is nobody else's to read. Close removes it.
type TempFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// The kinds of lines in the order in which a plan's file has them.
const (
	spoolInserts = iota
	spoolPatches
	spoolDeletes
	spoolConflicts
	spoolKept
	spoolKinds
)

// A spool takes a plan's lines while it is made, each kind in the order of the
// records' keys. In memory it keeps of them what does not fill a buffer. Lines are
// encoded on another processor than records are planned on.
type spool struct {
	temp    func() (TempFile, error)
	kinds   [spoolKinds]spooled
	batch   []spoolItem
	todo    chan []spoolItem
	used    used
	wait    sync.WaitGroup
	stopped sync.Once
	err     error      // of the encoder; good when it has ended
	failed  chan error // ... and to be told of before

	// What the header says of the lines.
	counts      Counts
	classes     map[Class]int
	tables      map[audit.Table]bool // that are written
	provisional int
	reborn      int
	unresolved  int
}

// A spoolItem is one line.
type spoolItem struct {
	action   *Action
	conflict *Conflict
	kept     *Kept
}

// spoolBatch is how many lines are encoded together.
const spoolBatch = 256

func newSpool(temp func() (TempFile, error)) *spool {
	s := &spool{temp: temp, todo: make(chan []spoolItem, 2), used: used{done: make(chan []spoolItem, 4)}, failed: make(chan error, 1),
		classes: map[Class]int{}, tables: map[audit.Table]bool{}}
	s.wait.Go(func() {
		if err := audit.Guarded(s.encode); err != nil {
			s.fail(err)
			for range s.todo { // so that nobody waits for it
			}
		}
	})
	return s
}

// put takes the next line. Nobody else may have hold of it.
func (s *spool) put(item spoolItem) error {
	switch {
	case item.action != nil:
		s.provisional += s.counts.action(item.action)
		s.reborn += item.action.reborn()
		s.tables[item.action.K.Table] = true
	case item.conflict != nil:
		s.counts.Conflict++
		s.classes[item.conflict.Class]++
		if item.conflict.Resolution == nil {
			s.unresolved++
		}
	}
	if s.batch = append(s.batch, item); len(s.batch) == spoolBatch {
		return s.flush()
	}
	return nil
}

func (s *spool) flush() error {
	select {
	case s.todo <- s.batch:
		s.batch = nil
		return nil
	case err := <-s.failed:
		return err
	}
}

func (s *spool) fail(err error) {
	if s.err == nil {
		s.err = err
		s.failed <- err
	}
}

// encode is the encoder's life.
func (s *spool) encode() error {
	w := new(lineWriter)
	for batch := range s.todo {
		for i := range batch {
			if s.err == nil {
				if err := s.line(w, &batch[i]); err != nil {
					s.fail(err)
				}
			}
		}
		select {
		case s.used.done <- batch:
		default:
		}
	}
	return nil
}

// line encodes a line, its number left out.
func (s *spool) line(w *lineWriter, item *spoolItem) error {
	*w = lineWriter{b: w.b[:0], names: w.names, separate: true}
	kind, what := spoolKept, "record"
	var key Target
	switch {
	case item.action != nil:
		kind, what, key = map[string]int{DoInsert: spoolInserts, DoPatch: spoolPatches, DoDelete: spoolDeletes}[item.action.Do], "action on", item.action.K
		w.action(item.action)
	case item.conflict != nil:
		kind, what, key = spoolConflicts, "conflict of", item.conflict.K
		w.conflict(item.conflict)
	default:
		key = item.kept.K
		w.keptRecord(item.kept)
	}
	if w.err != nil {
		return fmt.Errorf("seal plan: %s %s: %w", what, audit.Key(key), w.err)
	}
	w.b = append(w.b, '\n')
	return s.kinds[kind].add(s.temp, w.b, w.at)
}

// end waits until all lines are encoded.
func (s *spool) end() error {
	s.stopped.Do(func() {
		if len(s.batch) > 0 {
			_ = s.flush() // its error is the encoder's
		}
		close(s.todo)
		s.wait.Wait()
	})
	return s.err
}

// close gives all back.
func (s *spool) close() error {
	_ = s.end() // whatever became of them, they are not wanted
	var err error
	for i := range s.kinds {
		if f := s.kinds[i].file; f != nil {
			if e := f.Close(); err == nil {
				err = e
			}
			s.kinds[i].file = nil
		}
	}
	return err
}

// A spooled is the lines of one kind: for each its length, where its number belongs,
// and its text without that.
type spooled struct {
	n    int
	size int64  // what of it is in the file
	rest []byte // and what follows that
	file TempFile
}

// spoolBuffer is how many bytes of a kind are kept in memory.
const spoolBuffer = 256 << 10

func (p *spooled) add(temp func() (TempFile, error), line []byte, at int) error {
	if temp != nil && len(p.rest) > 0 && len(p.rest)+len(line) > spoolBuffer {
		if p.file == nil {
			var err error
			if p.file, err = temp(); err != nil {
				return fmt.Errorf("keep lines of a plan: %w", err)
			}
		}
		if _, err := p.file.Write(p.rest); err != nil {
			return fmt.Errorf("keep lines of a plan: %w", err)
		}
		p.size, p.rest = p.size+int64(len(p.rest)), p.rest[:0]
	}
	p.rest = binary.AppendUvarint(p.rest, uint64(len(line)))
	p.rest = binary.AppendUvarint(p.rest, uint64(at))
	p.rest = append(p.rest, line...)
	p.n++
	return nil
}

// lines gives each line, whole, with the number that it has in the plan; n are the
// lines before it. A line is good until the next.
func (p *spooled) lines(n int, give func(line []byte) error) error {
	var readers []io.Reader
	if p.file != nil {
		readers = append(readers, io.NewSectionReader(p.file, 0, p.size))
	}
	in := bufio.NewReaderSize(io.MultiReader(append(readers, readerOf(p.rest))...), 1<<16)
	var text, line []byte
	for i := range p.n {
		size, err := binary.ReadUvarint(in)
		at, bad := binary.ReadUvarint(in)
		if err == nil {
			err = bad
		}
		if err == nil && (at > size || size > maxPlanLine) {
			err = io.ErrUnexpectedEOF // somebody has written to the file
		}
		if err == nil {
			text = grown(text, int(size))
			_, err = io.ReadFull(in, text)
		}
		if err != nil {
			return fmt.Errorf("read kept lines of a plan: %w", err)
		}
		line = appendNumbered(line[:0], text, int(at), n+i+1)
		if err := give(line); err != nil {
			return err
		}
	}
	return nil
}
