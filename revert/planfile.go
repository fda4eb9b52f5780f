package revert

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"recourse/audit"
)

// A plan file is lines of JSON: the header, the actions, the conflicts, the kept
// records, the footer. Each line is canonical: names sorted, no blanks. Values
// have the typed form of audit.Value, which loses nothing.
//
// The digest, which names the plan everywhere, is over what was decided: the
// header without id, digest, created, author and tool, and in it the roots of
// the other lines, each a hash chain. So who made the plan and when does not
// change it. The footer's hash is over every byte before it, so no such line can
// be changed unseen either.
type footer struct {
	Kind      string `json:"kind"` // "end"
	Actions   string `json:"actions_root"`
	Conflicts string `json:"conflicts_root"`
	Kept      string `json:"kept_root"`
	Lines     int    `json:"lines"` // before this one
	Hash      string `json:"hash"`  // SHA-256 over the lines before this one
}

const (
	planKind    = "revert-plan"
	maxPlanLine = 256 << 20 // bytes: one record of any size that Harper stores
)

// canonical is v as one line of JSON with sorted names.
func canonical(v any) ([]byte, error) {
	plain, err := encode(v)
	if err != nil {
		return nil, err
	}
	var generic any
	d := json.NewDecoder(bytes.NewReader(plain))
	d.UseNumber()
	if err := d.Decode(&generic); err != nil {
		return nil, err
	}
	return encode(generic)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// A chain is a hash over lines, in their order.
type chain [sha256.Size]byte

func (c *chain) add(line []byte) {
	sum := sha256.Sum256(line)
	*c = sha256.Sum256(append(c[:], sum[:]...))
}

func (c *chain) String() string { return hex.EncodeToString(c[:]) }

// lines are the canonical lines between header and footer, and their roots.
func (p *Plan) lines() (lines [][]byte, actions, conflicts, kept chain, err error) {
	add := func(root *chain, v any) {
		if err != nil {
			return
		}
		var line []byte
		if line, err = canonical(v); err == nil {
			root.add(line)
			lines = append(lines, line)
		}
	}
	for i := range p.Actions {
		add(&actions, &p.Actions[i])
	}
	for i := range p.Conflicts {
		add(&conflicts, &p.Conflicts[i])
	}
	for i := range p.Kept {
		add(&kept, &p.Kept[i])
	}
	return lines, actions, conflicts, kept, err
}

// digest is what the header's digest must be.
func (h Header) digest() (string, error) {
	h.ID, h.Digest, h.Created, h.Author, h.Tool = "", "", "", "", ""
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
	_, actions, conflicts, kept, err := p.lines()
	if err != nil {
		return fmt.Errorf("seal plan: %w", err)
	}
	h := &p.Header
	h.Actions, h.Conflicts, h.Kept = actions.String(), conflicts.String(), kept.String()
	if h.Digest, err = h.digest(); err != nil {
		return fmt.Errorf("seal plan: %w", err)
	}
	h.ID = h.Digest[:idLength]
	return nil
}

// WritePlan writes the plan's file. It holds record contents: create it with
// mode 0600.
func WritePlan(w io.Writer, p *Plan) error {
	lines, actions, conflicts, kept, err := p.lines()
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	head, err := canonical(p.Header)
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	h := sha256.New()
	out := bufio.NewWriter(w)
	for _, line := range append([][]byte{head}, lines...) {
		h.Write(line)
		_, _ = out.Write(line) // Flush tells the error
	}
	end, err := canonical(footer{Kind: "end", Actions: actions.String(), Conflicts: conflicts.String(), Kept: kept.String(),
		Lines: len(lines) + 1, Hash: hex.EncodeToString(h.Sum(nil))})
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
// ErrBadPlan.
func ReadPlan(r io.Reader) (*Plan, error) {
	p, end, hash, n, err := readLines(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return nil, err
	}
	_, actions, conflicts, kept, err := p.lines()
	if err != nil {
		return nil, badPlan(0, "%v", err)
	}
	h := &p.Header
	want := footer{Kind: "end", Actions: actions.String(), Conflicts: conflicts.String(), Kept: kept.String(), Lines: n, Hash: hash}
	if end != want {
		return nil, badPlan(n+1, "the footer does not match the lines before it")
	}
	digest, err := h.digest()
	if err != nil {
		return nil, badPlan(1, "%v", err)
	}
	if h.Kind != planKind || h.V != fileFormVersion {
		return nil, badPlan(1, "kind %q version %d, want %q version %d", h.Kind, h.V, planKind, fileFormVersion)
	}
	if h.Actions != end.Actions || h.Conflicts != end.Conflicts || h.Kept != end.Kept || h.Digest != digest || h.ID != digest[:idLength] {
		return nil, badPlan(1, "its digest is not that of its contents")
	}
	return p, p.check()
}

func readLines(r *bufio.Reader) (p *Plan, end footer, hash string, n int, err error) {
	p = new(Plan)
	h := sha256.New()
	for n = 0; ; n++ {
		line, err := readLine(r)
		if err != nil {
			return nil, end, "", n, badPlan(n+1, "%v", err)
		}
		var kind struct {
			Kind string `json:"kind"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return nil, end, "", n, badPlan(n+1, "%v", err)
		}
		if kind.Kind == "end" && n > 0 {
			if err := strict(line, &end); err != nil {
				return nil, end, "", n, badPlan(n+1, "%v", err)
			}
			if _, err := r.ReadByte(); err != io.EOF {
				return nil, end, "", n, badPlan(n+2, "something follows the footer")
			}
			return p, end, hex.EncodeToString(h.Sum(nil)), n, nil
		}
		if err := p.take(kind.Kind, n, line); err != nil {
			return nil, end, "", n, badPlan(n+1, "%v", err)
		}
		h.Write(line)
	}
}

func (p *Plan) take(kind string, n int, line []byte) error {
	switch {
	case n == 0:
		return strict(line, &p.Header)
	case kind == "action" && len(p.Conflicts)+len(p.Kept) == 0:
		p.Actions = append(p.Actions, Action{})
		return strict(line, &p.Actions[len(p.Actions)-1])
	case kind == "conflict" && len(p.Kept) == 0:
		p.Conflicts = append(p.Conflicts, Conflict{})
		return strict(line, &p.Conflicts[len(p.Conflicts)-1])
	case kind == "kept":
		p.Kept = append(p.Kept, Kept{})
		return strict(line, &p.Kept[len(p.Kept)-1])
	}
	return fmt.Errorf("a line of kind %.20q does not belong here", kind)
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
	seen := map[audit.Key]bool{}
	for i := range p.Actions {
		a := &p.Actions[i]
		line := i + 2
		switch {
		case a.N != i+1:
			return badPlan(line, "action %d has number %d", i+1, a.N)
		case a.K.ID.Empty() || a.K.Table.Name == "" || a.K.Table.Database == "":
			return badPlan(line, "the action names no record")
		case a.Do != DoInsert && a.Do != DoPatch && a.Do != DoDelete:
			return badPlan(line, "action %.20q is not known", a.Do)
		case a.Expect.Exists != (a.Do != DoInsert):
			return badPlan(line, "the action and what it expects do not agree")
		case seen[a.Key()]:
			return badPlan(line, "a second action on one record")
		case slices.ContainsFunc(slices.Collect(maps.Values(a.Set)), rawOp):
			return badPlan(line, "a value would be taken for an increment")
		case a.Do == DoDelete && len(a.Set)+len(a.Unset)+len(a.Add) > 0:
			return badPlan(line, "a delete sets attributes")
		}
		seen[a.Key()] = true
	}
	return nil
}
