package revert

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"math"
	"slices"

	"recourse/audit"
)

// An OpenedPlan is a plan whose lines stay in its file. It was read once and is whole:
// what is read of it again is held against the hashes of then, so that nothing is
// acted on that was not checked. It keeps a hash for some hundred lines, and
// nothing for a record.
type OpenedPlan struct {
	// Outline has the header, the conflicts that people have decided and the
	// containment; the actions, the other conflicts and the records that are kept
	// are not in it.
	Outline    *Plan
	Actions    int // how many
	Unresolved int // conflicts that nobody decided
	Records    int // of which a line says something

	takesBack bool                 // a line names changes for which earlier applies are taken back
	tables    map[audit.Table]bool // that are written
	about     map[audit.Table]bool // of the records that a line is about
	foot      footer
	pieces    []planPiece
	file      io.ReaderAt
}

// A planPiece is a stretch of lines of one kind.
type planPiece struct {
	stage    int // of stages
	from, to int64
	sum      [sha256.Size]byte
}

// pieceBytes is how many bytes a piece has, at least, unless its kind ends.
const pieceBytes = 64 << 10

// OpenPlan reads a plan's file whole, as ReadPlan does, and leaves it where it is. The
// file must stay open for as long as the plan is used.
func OpenPlan(file io.ReaderAt) (*OpenedPlan, error) {
	p := &OpenedPlan{Outline: new(Plan), tables: map[audit.Table]bool{}, about: map[audit.Table]bool{}, file: file}
	s := newPlanScan(io.NewSectionReader(file, 0, math.MaxInt64))
	w := pieceWriter{plan: p, sum: sha256.New()}
	for {
		line, done, err := s.next()
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		w.add(s.stage, s.line, line.Header != nil)
		p.take(line, s)
	}
	if p.Outline.Review() {
		return nil, fmt.Errorf("read plan: %w", ErrReviewCopy)
	}
	w.end()
	p.foot, p.Records = s.foot, len(s.seen)
	return p, nil
}

// take keeps of a line what is wanted of it.
func (p *OpenedPlan) take(l PlanLine, s *planScan) {
	if k, _, is := l.about(); is {
		p.about[k.Table] = true
	}
	switch {
	case l.Header != nil:
		p.Outline.Take(l)
	case l.Action != nil:
		p.Actions++
		p.tables[l.Action.K.Table] = true
		p.takesBack = p.takesBack || len(l.Action.Undone) > 0
	case l.Conflict != nil:
		s.seen[recordSum(l.Conflict.Key())] = true // no action follows
		p.takesBack = p.takesBack || len(l.Conflict.Undone) > 0
		if l.Conflict.Resolution == nil {
			p.Unresolved++
		} else {
			p.Outline.Take(l)
		}
	case l.Kept != nil:
		s.seen[recordSum(l.Kept.Key())] = true
		p.takesBack = p.takesBack || len(l.Kept.Undone) > 0
	case l.Containment != nil:
		p.Outline.Take(l)
	}
}

// A pieceWriter cuts a plan's lines into pieces while they are read.
type pieceWriter struct {
	plan  *OpenedPlan
	sum   hash.Hash
	piece planPiece
}

func (w *pieceWriter) add(stage int, line []byte, header bool) {
	if header {
		w.piece.from, w.piece.to = int64(len(line)), int64(len(line))
		return
	}
	if stage != w.piece.stage || w.piece.to-w.piece.from >= pieceBytes {
		w.end()
		w.piece = planPiece{stage: stage, from: w.piece.to, to: w.piece.to}
	}
	w.sum.Write(line)
	w.piece.to += int64(len(line))
}

func (w *pieceWriter) end() {
	if w.piece.to > w.piece.from {
		w.sum.Sum(w.piece.sum[:0])
		w.plan.pieces = append(w.plan.pieces, w.piece)
	}
	w.sum.Reset()
}

// errChanged says that a file is not what it was when it was checked.
var errChanged = errors.New("its file was written to after it had been read")

// text reads a piece again, into memory of the caller's.
func (p *OpenedPlan) text(piece *planPiece, room []byte) ([]byte, error) {
	room = grown(room, int(piece.to-piece.from))
	n, err := p.file.ReadAt(room, piece.from)
	if err != nil && !(errors.Is(err, io.EOF) && n == len(room)) {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if sha256.Sum256(room) != piece.sum {
		return nil, fmt.Errorf("read plan: %w: %w", ErrBadPlan, errChanged)
	}
	return room, nil
}

// Lines are the lines of the file but for header and footer, in their order.
func (p *OpenedPlan) Lines() iter.Seq2[PlanLine, error] {
	return p.linesOf(0, len(stages)-1)
}

// linesOf are the lines of some kinds.
func (p *OpenedPlan) linesOf(first, last int) iter.Seq2[PlanLine, error] {
	return func(yield func(PlanLine, error) bool) {
		var room []byte
		for i := range p.pieces {
			piece := &p.pieces[i]
			if piece.stage < first || piece.stage > last {
				continue
			}
			text, err := p.text(piece, room)
			room = text
			for len(text) > 0 && err == nil {
				end := bytes.IndexByte(text, '\n') + 1
				var l PlanLine
				if l, _, _, err = decodeLine(piece.stage, text[:end], json.Unmarshal); err == nil && !yield(l, nil) {
					return
				}
				text = text[end:]
			}
			if err != nil {
				yield(PlanLine{}, err)
				return
			}
		}
	}
}

// EachAction yields the actions, in their order.
func (p *OpenedPlan) EachAction() iter.Seq2[*Action, error] {
	return func(yield func(*Action, error) bool) {
		for l, err := range p.linesOf(0, 0) {
			if !yield(l.Action, err) {
				return
			}
		}
	}
}

// Tables are those that the plan writes, sorted.
func (p *OpenedPlan) Tables() []audit.Table {
	return slices.SortedFunc(maps.Keys(p.tables), compareTables)
}

// About are the tables of the records that a line is about, sorted.
func (p *OpenedPlan) About() []audit.Table {
	return slices.SortedFunc(maps.Keys(p.about), compareTables)
}

// Write writes the plan's file once more.
func (p *OpenedPlan) Write(w io.Writer) error {
	line, err := canonical(p.Outline.Header)
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	if _, err := w.Write(line); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	for i := range p.pieces {
		if line, err = p.text(&p.pieces[i], line); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("write plan: %w", err)
		}
	}
	if line, err = canonical(p.foot); err == nil {
		_, err = w.Write(line)
	}
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}
