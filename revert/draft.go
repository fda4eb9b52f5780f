package revert

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"

	"recourse/audit"
)

// A Draft is a plan that was made to be written, not to be looked at: its lines are
// not in memory.
type Draft struct {
	Header     Header
	Unresolved int // conflicts that nobody decided

	whole *Plan // made in memory; nil: the lines are in the spool
	lines *spool
	hash  roots
}

// Empty says that there is nothing to write and nothing to decide.
func (d *Draft) Empty() bool {
	return d.Header.Counts.Writes()+d.Header.Counts.Conflict == 0
}

// errWhole says that a plan must be made in memory.
var errWhole = errors.New("the plan must be made in memory")

// MakeDraft makes the plan that Make does, byte for byte, in memory that does not
// grow with the plan: its lines are kept in files that temp makes, once they are too
// many for that; nil: in memory. Records must come in the order of their keys.
// Otherwise, and where what becomes of a record depends on others far away, the plan
// is made in memory: where references are declared, where the policy is strict about
// transactions, and where of a transaction of several records only a part is selected.
// Close the draft.
func MakeDraft(ctx context.Context, req Request, records iter.Seq2[Record, error], temp func() (TempFile, error)) (*Draft, error) {
	if err := req.Policy.Check(); err != nil {
		return nil, fmt.Errorf("plan revert: %w", err)
	}
	if req.Policy.Strict != StrictTransaction && len(referencesOf(&req.Policy, req.Schema)) == 0 {
		streamed := req
		streamed.takeLedger()
		d, err := streamed.draft(ctx, records, temp)
		if !errors.Is(err, errWhole) {
			if err != nil {
				return nil, fmt.Errorf("plan revert: %w", err)
			}
			return d, nil
		}
	}
	plan, err := Make(ctx, req, records)
	if err != nil {
		return nil, err
	}
	return DraftOf(plan), nil
}

// DraftOf is a plan that was made in memory.
func DraftOf(p *Plan) *Draft {
	return &Draft{Header: p.Header, Unresolved: p.Unresolved(), whole: p}
}

// draft reads the records once, or twice where that is not enough.
func (req *Request) draft(ctx context.Context, records iter.Seq2[Record, error], temp func() (TempFile, error)) (_ *Draft, err error) {
	s := newSpool(temp)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	p, err := req.readOnce(ctx, records, s)
	if errors.Is(err, errNotAtOnce) {
		err = s.close()
		if s = newSpool(temp); err == nil {
			p, err = req.readTwice(ctx, records, s)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(p.txns.open) > 0 {
		return nil, errWhole
	}
	if err := cmp.Or(p.complete(), p.undecided(), s.end()); err != nil {
		return nil, err
	}
	d := &Draft{lines: s}
	d.Header, err = p.sealSpool(d)
	d.Unresolved = s.unresolved
	return d, err
}

// sealSpool is the header of a plan whose lines are in a spool.
func (p *planner) sealSpool(d *Draft) (Header, error) {
	s, h := p.spool, &p.plan.Header
	if p.req.Contain {
		p.plan.Containment = containment(p.req.Selection)
	}
	if err := p.header(); err != nil {
		return Header{}, err
	}
	n := 0
	for _, c := range s.kinds {
		n += c.n
	}
	for i := range p.plan.Containment {
		n++
		p.plan.Containment[i].N = n
	}
	d.whole = &Plan{Containment: p.plan.Containment}
	if err := d.seal(); err != nil {
		return Header{}, err
	}
	t := &d.hash
	h.Actions, h.Conflicts, h.Kept, h.Containment = t.actions.root(), t.conflicts.root(), t.kept.root(), t.containment.root()
	var err error
	if h.Digest, err = h.digest(); err != nil {
		return Header{}, fmt.Errorf("seal plan: %w", err)
	}
	h.ID = h.Digest[:idLength]
	return *h, nil
}

// each gives every line between header and footer, and the tree that it is of.
func (d *Draft) each(give func(tree *merkle, line []byte) error) error {
	n, t := 0, &d.hash
	for kind, tree := range [spoolKinds]*merkle{&t.actions, &t.actions, &t.actions, &t.conflicts, &t.kept} {
		p := &d.lines.kinds[kind]
		if err := p.lines(n, func(line []byte) error { return give(tree, line) }); err != nil {
			return err
		}
		n += p.n
	}
	for i := range d.whole.Containment {
		line, err := canonical(&d.whole.Containment[i])
		if err == nil {
			err = give(&t.containment, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Write writes the plan's file, as WritePlan does.
func (d *Draft) Write(w io.Writer) error {
	if d.lines == nil {
		return WritePlan(w, d.whole)
	}
	if err := d.write(w); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

func (d *Draft) write(w io.Writer) error {
	h := sha256.New()
	out := bufio.NewWriterSize(w, 1<<16)
	head, err := canonical(d.Header)
	if err != nil {
		return err
	}
	h.Write(head)
	_, _ = out.Write(head) // Flush tells the error
	n := 1
	err = d.together(func(some *handful) error {
		n += len(some.ends)
		h.Write(some.text)
		_, err := out.Write(some.text)
		return err
	})
	if err != nil {
		return err
	}
	end, err := canonical(d.hash.footer(n, h.Sum(nil)))
	if err != nil {
		return err
	}
	_, _ = out.Write(end)
	return out.Flush()
}

// Close gives back what the draft has kept.
func (d *Draft) Close() error {
	if d.lines == nil {
		return nil
	}
	return d.lines.close()
}

// appendNumbered puts a line's number in its place.
func appendNumbered(dst, text []byte, at, n int) []byte {
	dst = append(dst, text[:at]...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, text[at:]...)
}

func grown(b []byte, n int) []byte { return slices.Grow(b[:0], n)[:n] }

func readerOf(b []byte) io.Reader { return bytes.NewReader(b) }

// tablesWritten are the tables that the plan writes, sorted.
func (p *planner) tablesWritten() []audit.Table {
	if p.spool == nil {
		return p.plan.Tables()
	}
	return slices.SortedFunc(maps.Keys(p.spool.tables), compareTables)
}
