package revert

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
)

// A plan file is lines of JSON: the header, the actions, the conflicts, the kept
// records, the proposed containment, the footer. Each line is canonical (RFC
// 8785). Values have the typed form of audit.Value, which loses nothing.
//
// The digest, which names the plan everywhere, is over what was decided: the
// header without id, digest, created, author, tool, expires and the selection's
// criteria, and in it the roots of the other lines, each of a Merkle tree. So who
// made the plan and when does not change it. The footer's hash is over every byte
// before it, so no such line can be changed unseen either.
type footer struct {
	Kind        string `json:"kind"` // "end"
	Actions     string `json:"actions_root"`
	Conflicts   string `json:"conflicts_root"`
	Kept        string `json:"kept_root"`
	Containment string `json:"containment_root"`
	Lines       int    `json:"lines"` // before this one
	Hash        string `json:"hash"`  // SHA-256 over the lines before this one
}

const (
	planKind    = "revert-plan"
	reviewKind  = "revert-review"
	planVersion = 2
	maxPlanLine = 256 << 20 // bytes: one record of any size that Harper stores
)

// roots are the trees over a plan's lines, by their kind.
type roots struct {
	actions, conflicts, kept, containment merkle
}

func (t *roots) footer(lines int, hash []byte) footer {
	return footer{
		Kind: "end", Actions: t.actions.root(), Conflicts: t.conflicts.root(), Kept: t.kept.root(), Containment: t.containment.root(),
		Lines: lines, Hash: hex.EncodeToString(hash),
	}
}

// lines calls f with each canonical line between header and footer, and the tree
// that it is of.
func (p *Plan) lines(t *roots, f func(tree *merkle, line []byte) error) error {
	each := func(tree *merkle, v any) error {
		line, err := canonical(v)
		if err != nil {
			return err
		}
		return f(tree, line)
	}
	for i := range p.Actions {
		if err := each(&t.actions, &p.Actions[i]); err != nil {
			return fmt.Errorf("action on %s: %w", p.Actions[i].Key(), err)
		}
	}
	for i := range p.Conflicts {
		if err := each(&t.conflicts, &p.Conflicts[i]); err != nil {
			return fmt.Errorf("conflict of %s: %w", p.Conflicts[i].Key(), err)
		}
	}
	for i := range p.Kept {
		if err := each(&t.kept, &p.Kept[i]); err != nil {
			return fmt.Errorf("record %s: %w", p.Kept[i].Key(), err)
		}
	}
	for i := range p.Containment {
		if err := each(&t.containment, &p.Containment[i]); err != nil {
			return fmt.Errorf("containment of a user: %w", err)
		}
	}
	return nil
}

// digest is what the header's digest must be.
func (h Header) digest() (string, error) {
	h.ID, h.Digest, h.Created, h.Author, h.Tool, h.Expires, h.Selection.Criteria = "", "", "", "", "", "", nil
	return h.hash()
}

// hash is over the header's whole line.
func (h Header) hash() (string, error) {
	line, err := canonical(h)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:]), nil
}

const idLength = 12

// seal computes the roots and the digest.
func (p *Plan) seal() error {
	var t roots
	err := p.lines(&t, func(tree *merkle, line []byte) error { tree.add(line); return nil })
	if err != nil {
		return fmt.Errorf("seal plan: %w", err)
	}
	h := &p.Header
	h.Actions, h.Conflicts, h.Kept, h.Containment = t.actions.root(), t.conflicts.root(), t.kept.root(), t.containment.root()
	if h.Digest, err = h.digest(); err != nil {
		return fmt.Errorf("seal plan: %w", err)
	}
	h.ID = h.Digest[:idLength]
	return nil
}

// WritePlan writes the plan's file, line by line. It holds record contents:
// create it with mode 0600.
func WritePlan(w io.Writer, p *Plan) error {
	h := sha256.New()
	out := bufio.NewWriter(w)
	n := 0
	write := func(line []byte) {
		h.Write(line)
		_, _ = out.Write(line) // Flush tells the error
		n++
	}
	head, err := canonical(p.Header)
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	write(head)
	var t roots
	if err := p.lines(&t, func(tree *merkle, line []byte) error { tree.add(line); write(line); return nil }); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	end, err := canonical(t.footer(n, h.Sum(nil)))
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	_, _ = out.Write(end)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// ReadPlan reads what WritePlan wrote. Anything else, were it one byte, is
// ErrBadPlan; a review copy, which cannot be carried out, is ErrReviewCopy.
func ReadPlan(r io.Reader) (*Plan, error) {
	p, err := ReadReview(r)
	if err == nil && p.Review() {
		return nil, fmt.Errorf("read plan: %w", ErrReviewCopy)
	}
	return p, err
}

// ReadReview is ReadPlan for a reader who only looks: it takes review copies too.
func ReadReview(r io.Reader) (*Plan, error) {
	p := new(Plan)
	for line, err := range ScanPlan(r) {
		if err != nil {
			return nil, err
		}
		p.Take(line)
	}
	return p, nil
}

// Take adds a line to the plan, as it is.
func (p *Plan) Take(l PlanLine) {
	switch {
	case l.Header != nil:
		p.Header = *l.Header
	case l.Action != nil:
		p.Actions = append(p.Actions, *l.Action)
	case l.Conflict != nil:
		p.Conflicts = append(p.Conflicts, *l.Conflict)
	case l.Kept != nil:
		p.Kept = append(p.Kept, *l.Kept)
	case l.Containment != nil:
		p.Containment = append(p.Containment, *l.Containment)
	}
}

// Lines are those of the plan that its file has, but for the footer.
func (p *Plan) Lines() iter.Seq2[PlanLine, error] {
	return func(yield func(PlanLine, error) bool) {
		if !yield(PlanLine{Header: &p.Header}, nil) {
			return
		}
		for i := range p.Actions {
			if !yield(PlanLine{Action: &p.Actions[i]}, nil) {
				return
			}
		}
		for i := range p.Conflicts {
			if !yield(PlanLine{Conflict: &p.Conflicts[i]}, nil) {
				return
			}
		}
		for i := range p.Kept {
			if !yield(PlanLine{Kept: &p.Kept[i]}, nil) {
				return
			}
		}
		for i := range p.Containment {
			if !yield(PlanLine{Containment: &p.Containment[i]}, nil) {
				return
			}
		}
	}
}

// Review says that the plan is a copy without values, for looking at alone.
func (p *Plan) Review() bool { return p.Header.Kind == reviewKind }
