package revert

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"recourse/audit"
)

// A PlanLine is one line of a plan's file but the footer: one of its fields is
// set.
type PlanLine struct {
	Header      *Header // the first line, and no other
	Action      *Action
	Conflict    *Conflict
	Kept        *Kept
	Containment *Containment
}

// ScanPlan reads a plan's file, or a review copy, line by line, and keeps of it no
// more than a hash for each action. Only when it ends without an error is it known
// that all lines were what was written: do not act on one before. The error is
// ErrBadPlan, or the reader's.
func ScanPlan(r io.Reader) iter.Seq2[PlanLine, error] {
	return func(yield func(PlanLine, error) bool) {
		s := newPlanScan(r)
		for {
			line, done, err := s.next()
			if err != nil {
				yield(PlanLine{}, err)
				return
			}
			if done || !yield(line, nil) {
				return
			}
		}
	}
}

// A planScan is a plan's file while it is read.
type planScan struct {
	r      *bufio.Reader
	sum    hash.Hash // over the lines so far
	n      int       // how many
	header Header
	trees  roots
	stage  int // the kind of the last line, an index into stages
	seen   map[[16]byte]bool
	line   []byte // the last
	foot   footer // when it has ended
}

func newPlanScan(r io.Reader) *planScan {
	return &planScan{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New(), seen: map[[16]byte]bool{}}
}

// stages are the kinds of lines after the header, in their order.
var stages = []string{"action", "conflict", "kept", "contain"}

func (s *planScan) next() (l PlanLine, done bool, err error) {
	line, err := readLine(s.r)
	if err != nil {
		return l, false, badPlan(s.n+1, "%v", err)
	}
	s.line = line
	if s.n > 0 { // most lines are of the kind of the one before
		if l, kind, n, err := decodeLine(s.stage, line, strict); err == nil && kind == stages[s.stage] {
			return l, false, s.took(kind, n, l, line)
		}
	}
	var head struct {
		Kind string `json:"kind"`
		V    int    `json:"v"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return l, false, badPlan(s.n+1, "%v", err)
	}
	switch {
	case s.n == 0:
		if l, err = s.first(head.Kind, head.V, line); err != nil {
			return l, false, badPlan(1, "%v", err)
		}
		s.sum.Write(line)
		s.n++
		return l, false, nil
	case head.Kind == "end":
		return l, true, s.end(line)
	}
	stage := slices.Index(stages, head.Kind)
	if stage < s.stage {
		return l, false, badPlan(s.n+1, "a line of kind %.20q does not belong here", head.Kind)
	}
	l, kind, n, err := decodeLine(stage, line, strict)
	if err != nil {
		return l, false, badPlan(s.n+1, "%v", err)
	}
	s.stage = stage
	return l, false, s.took(kind, n, l, line)
}

func (s *planScan) first(kind string, v int, line []byte) (PlanLine, error) {
	switch {
	case kind != planKind && kind != reviewKind:
		return PlanLine{}, fmt.Errorf("kind %.40q, want %q", kind, planKind)
	case v > 0 && v < planVersion:
		return PlanLine{}, fmt.Errorf("it was made by an earlier recourse (form %d, this one has %d)", v, planVersion)
	case v != planVersion:
		return PlanLine{}, fmt.Errorf("form %d is not known, this recourse has %d", v, planVersion)
	}
	if err := strict(line, &s.header); err != nil {
		return PlanLine{}, err
	}
	for _, t := range []string{s.header.Created, s.header.Expires} {
		if _, err := time.Parse(time.RFC3339, t); t != "" && err != nil {
			return PlanLine{}, fmt.Errorf("%.40q is no time", t)
		}
	}
	h := s.header
	return PlanLine{Header: &h}, nil
}

// decodeLine reads a line as one of a kind, which it may not be.
func decodeLine(stage int, line []byte, decode func([]byte, any) error) (l PlanLine, kind string, n int, err error) {
	switch stages[stage] {
	case "action":
		l.Action = new(Action)
		err = decode(line, l.Action)
		return l, l.Action.Kind, l.Action.N, err
	case "conflict":
		l.Conflict = new(Conflict)
		err = decode(line, l.Conflict)
		return l, l.Conflict.Kind, l.Conflict.N, err
	case "kept":
		l.Kept = new(Kept)
		err = decode(line, l.Kept)
		return l, l.Kept.Kind, l.Kept.N, err
	}
	l.Containment = new(Containment)
	err = decode(line, l.Containment)
	return l, l.Containment.Kind, l.Containment.N, err
}

// took counts a line that was read.
func (s *planScan) took(kind string, n int, l PlanLine, line []byte) error {
	if n != s.n {
		return badPlan(s.n+1, "%s %d has number %d", kind, s.n, n)
	}
	if l.Action != nil {
		if err := l.Action.check(s.seen); err != nil {
			return badPlan(s.n+1, "%v", err)
		}
	}
	[]*merkle{&s.trees.actions, &s.trees.conflicts, &s.trees.kept, &s.trees.containment}[s.stage].add(line)
	s.sum.Write(line)
	s.n++
	return nil
}

// end reads the footer, and finds out whether all that was read is what was
// written.
func (s *planScan) end(line []byte) error {
	var end footer
	if err := strict(line, &end); err != nil {
		return badPlan(s.n+1, "%v", err)
	}
	if _, err := s.r.ReadByte(); err != io.EOF {
		return badPlan(s.n+2, "something follows the footer")
	}
	if end != s.trees.footer(s.n, s.sum.Sum(nil)) {
		return badPlan(s.n+1, "the footer does not match the lines before it")
	}
	h := &s.header
	digest, err := h.digest()
	if err != nil {
		return badPlan(1, "%v", err)
	}
	if h.Actions != end.Actions || h.Conflicts != end.Conflicts || h.Kept != end.Kept || h.Containment != end.Containment ||
		h.Digest != digest || h.ID != digest[:idLength] {
		return badPlan(1, "its digest is not that of its contents")
	}
	s.foot = end
	return nil
}

// strict reads a line that must be exactly what we would write.
func strict(line []byte, to any) error {
	if err := json.Unmarshal(line, to); err != nil {
		return err
	}
	again, err := canonical(to)
	if err != nil {
		return err
	}
	if !bytes.Equal(line, again) {
		return errors.New("the line is not in canonical form, or holds what is not known")
	}
	return nil
}

func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxPlanLine:
			return nil, fmt.Errorf("longer than %d bytes", maxPlanLine)
		case err == nil:
			return line, nil
		case err == io.EOF:
			return nil, errors.New("the plan is cut short: its footer is missing")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// check refuses what a plan must never ask for, however well it is sealed.
func (p *Plan) check() error {
	if p.Review() {
		return ErrReviewCopy
	}
	if err := p.TakesBack().check(); err != nil {
		return badPlan(1, "%v", err)
	}
	seen := map[[16]byte]bool{}
	for i := range p.Actions {
		err := p.Actions[i].check(seen)
		if err == nil && p.Actions[i].N != i+1 {
			err = fmt.Errorf("action %d has number %d", i+1, p.Actions[i].N)
		}
		if err != nil {
			return badPlan(i+2, "%v", err)
		}
	}
	return nil
}

// recordSum is the begin of a hash that stands for a record.
func recordSum(k audit.Key) [16]byte {
	sum := sha256.Sum256([]byte(k.String()))
	return [16]byte(sum[:])
}

// check is that of one action; seen are the records of those before it, by the
// begin of a hash.
func (a *Action) check(seen map[[16]byte]bool) error {
	record := recordSum(a.Key())
	switch {
	case a.K.ID.Empty() || a.K.Table.Name == "" || a.K.Table.Database == "":
		return errors.New("the action names no record")
	case a.Do != DoInsert && a.Do != DoPatch && a.Do != DoDelete:
		return fmt.Errorf("action %.20q is not known", a.Do)
	case a.Expect.Exists != (a.Do != DoInsert):
		return errors.New("the action and what it expects do not agree")
	case seen[record]:
		return errors.New("a second action on one record")
	case slices.ContainsFunc(slices.Collect(maps.Values(a.Set)), audit.Value.RawOp):
		return errors.New("a value would be taken for an increment")
	case a.Do == DoDelete && len(a.Set)+len(a.Unset)+len(a.Add) > 0:
		return errors.New("a delete sets attributes")
	}
	seen[record] = true
	return nil
}
