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
// that it is of. A line is valid until f returns.
func (p *Plan) lines(t *roots, f func(tree *merkle, line []byte) error) error {
	for _, k := range []struct {
		tree *merkle
		n    int
		of   func(int) any
		name func(int) string
	}{
		{&t.actions, len(p.Actions), func(i int) any { return &p.Actions[i] }, func(i int) string { return "action on " + p.Actions[i].Key().String() }},
		{&t.conflicts, len(p.Conflicts), func(i int) any { return &p.Conflicts[i] }, func(i int) string { return "conflict of " + p.Conflicts[i].Key().String() }},
		{&t.kept, len(p.Kept), func(i int) any { return &p.Kept[i] }, func(i int) string { return "record " + p.Kept[i].Key().String() }},
		{&t.containment, len(p.Containment), func(i int) any { return &p.Containment[i] }, func(int) string { return "containment of a user" }},
	} {
		wrong := func(i int, err error) error { return fmt.Errorf("%s: %w", k.name(i), err) }
		if err := encodeLines(k.n, k.of, wrong, func(line []byte) error { return f(k.tree, line) }); err != nil {
			return err
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
	p.sealed = nil
	return p.sealTo(func([]byte) {})
}

// sealTo seals the plan, and tells its lines.
func (p *Plan) sealTo(tell func(line []byte)) error {
	var t roots
	err := p.lines(&t, func(tree *merkle, line []byte) error { tree.add(line); tell(line); return nil })
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

// sealedLines are the lines of a plan that was just made, so that writing it need
// not make them once more.
type sealedLines struct {
	digest string
	text   [][]byte // in pieces, each of whole lines
	n      int
}

// sealOnce seals a plan that nobody else has yet. What is done to it afterwards is
// not what was sealed: WritePlan then must not be given it.
func (p *Plan) sealOnce() error {
	const least, most = 16 << 10, 1 << 20
	s, piece := new(sealedLines), least
	err := p.sealTo(func(line []byte) {
		last := len(s.text) - 1
		if last < 0 || len(s.text[last])+len(line) > cap(s.text[last]) {
			s.text, last = append(s.text, make([]byte, 0, max(piece, len(line)))), last+1
			piece = min(most, 2*piece)
		}
		s.text[last] = append(s.text[last], line...)
		s.n++
	})
	s.digest = p.Header.Digest
	p.sealed = s
	return err
}

// WritePlan writes the plan's file, line by line. It holds record contents:
// create it with mode 0600.
func WritePlan(w io.Writer, p *Plan) error {
	if err := p.write(w); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

func (p *Plan) write(w io.Writer) error {
	h := sha256.New()
	out := bufio.NewWriter(w)
	write := func(text []byte) {
		h.Write(text)
		_, _ = out.Write(text) // Flush tells the error
	}
	head, err := canonical(p.Header)
	if err != nil {
		return err
	}
	write(head)
	foot := footer{Kind: "end", Actions: p.Header.Actions, Conflicts: p.Header.Conflicts, Kept: p.Header.Kept, Containment: p.Header.Containment}
	n := 1
	if s := p.sealed; s != nil && s.digest == p.Header.Digest && s.n == len(p.Actions)+len(p.Conflicts)+len(p.Kept)+len(p.Containment) {
		for _, text := range s.text {
			write(text)
		}
		n += s.n
		foot.Lines, foot.Hash = n, hex.EncodeToString(h.Sum(nil))
	} else {
		var t roots
		if err := p.lines(&t, func(tree *merkle, line []byte) error { tree.add(line); write(line); n++; return nil }); err != nil {
			return err
		}
		foot = t.footer(n, h.Sum(nil))
	}
	end, err := canonical(foot)
	if err != nil {
		return err
	}
	_, _ = out.Write(end)
	return out.Flush()
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
