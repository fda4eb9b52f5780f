package revert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"recourse/audit"
)

// A Choice is a decision as a person writes it down: of the conflict with that
// number in a plan, or of that record and class.
type Choice struct {
	N      int     `json:"n,omitempty"`
	K      *Target `json:"k,omitempty"`
	Class  Class   `json:"class,omitempty"`
	Option string  `json:"option"`
	Reason string  `json:"reason"`
	// Conflict, if given, is the fingerprint of the conflict that was looked at.
	Conflict string `json:"conflict,omitempty"`
}

// How long a reason or a name may be, in bytes.
const maxReason = 4096

// ReadChoices reads choices: JSON objects one after the other, or an array of
// them. What is not known in them is refused, as is a choice without a reason.
func ReadChoices(r io.Reader) ([]Choice, error) {
	bad := func(format string, args ...any) ([]Choice, error) {
		return nil, fmt.Errorf("read decisions: %w: %s", ErrBadResolution, fmt.Sprintf(format, args...))
	}
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var all []Choice
	for {
		var raw json.RawMessage
		switch err := d.Decode(&raw); {
		case err == io.EOF && len(all) == 0:
			return bad("there is none")
		case err == io.EOF:
			return all, nil
		case err != nil:
			return bad("%v", err)
		}
		some := []Choice{{}}
		var to any = &some[0]
		if raw[0] == '[' {
			to = &some
		}
		one := json.NewDecoder(strings.NewReader(string(raw)))
		one.DisallowUnknownFields()
		if err := one.Decode(to); err != nil {
			return bad("%v", err)
		}
		all = append(all, some...)
	}
}

// Decide makes of choices the decisions on this plan's conflicts. Each must have
// a reason and one of its conflict's options.
func (p *Plan) Decide(choices []Choice, by, at string) ([]Resolved, error) {
	if strings.TrimSpace(by) == "" {
		return nil, fmt.Errorf("%w: who decides is not named", ErrBadResolution)
	}
	var out []Resolved
	for i := range choices {
		c := &choices[i]
		conflict, err := p.chosen(c)
		if err != nil {
			return nil, err
		}
		print, err := conflict.Fingerprint()
		switch {
		case err != nil:
			return nil, err
		case c.Conflict != "" && c.Conflict != print:
			return nil, fmt.Errorf("%w: conflict %d is not the one that was looked at: its record has moved", ErrPlanStale, conflict.N)
		case strings.TrimSpace(c.Reason) == "":
			return nil, fmt.Errorf("%w: conflict %d is decided without a reason", ErrBadResolution, conflict.N)
		case !utf8.ValidString(c.Reason) || !utf8.ValidString(by):
			return nil, fmt.Errorf("%w: the reason for conflict %d, or who gives it, is not UTF-8", ErrBadResolution, conflict.N)
		case len(c.Reason) > maxReason || len(by) > maxReason:
			return nil, fmt.Errorf("%w: the reason for conflict %d is longer than %d bytes", ErrBadResolution, conflict.N, maxReason)
		}
		d := Resolved{K: conflict.K, Class: conflict.Class, Conflict: print, Resolution: Resolution{Option: c.Option, Reason: c.Reason, By: by, At: at}}
		if err := d.fits(conflict); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// chosen is the conflict that a choice names.
func (p *Plan) chosen(c *Choice) (*Conflict, error) {
	var found *Conflict
	for i := range p.Conflicts {
		q := &p.Conflicts[i]
		if c.N != 0 && q.N != c.N || c.K != nil && *c.K != q.K || c.Class != "" && c.Class != q.Class || c.N == 0 && c.K == nil {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: record %s has several conflicts: name the class too", ErrBadResolution, q.Key())
		}
		found = q
	}
	switch {
	case found != nil:
		return found, nil
	case c.N != 0:
		return nil, fmt.Errorf("%w: the plan has no conflict %d", ErrBadResolution, c.N)
	case c.K != nil:
		return nil, fmt.Errorf("%w: the plan has no such conflict of %s", ErrBadResolution, audit.Key(*c.K))
	}
	return nil, fmt.Errorf("%w: a decision names neither a number nor a record", ErrBadResolution)
}

// Resolutions are those that the plan was made with.
func (p *Plan) Resolutions() ([]Resolved, error) {
	var out []Resolved
	for i := range p.Conflicts {
		c := &p.Conflicts[i]
		if c.Resolution == nil {
			continue
		}
		print, err := c.Fingerprint()
		if err != nil {
			return nil, err
		}
		out = append(out, Resolved{K: c.K, Class: c.Class, Conflict: print, Resolution: *c.Resolution})
	}
	return out, nil
}

// Selected is the selection that the plan was made of, as far as its lines name
// it: ErrIncomplete when it had changes that no line names, such as messages.
func (p *Plan) Selected() (*Selection, error) {
	var ids []audit.ChangeID
	p.eachChange(func(id audit.ChangeID) { ids = append(ids, id) })
	return p.Header.selectedOf(ids)
}

// selectedOf is the selection of the changes that a plan's lines name, maybe twice.
func (head *Header) selectedOf(ids []audit.ChangeID) (*Selection, error) {
	slices.SortFunc(ids, compareIDs)
	ids = slices.Compact(ids)
	h := &head.Selection
	if digestIDs(ids) != h.Digest {
		return nil, fmt.Errorf("%w: the plan names %d of the %d changes that it is of", ErrIncomplete, len(ids), h.Events)
	}
	s := &Selection{Kind: selectionKind, V: fileFormVersion, Digest: h.Digest, Events: len(ids), Users: h.Users, First: h.First, Last: h.Last, Changes: ids}
	if h.Criteria != nil {
		s.Criteria = *h.Criteria
	}
	return s, nil
}

// eachChange calls f with each selected change that a line names, maybe twice.
func (p *Plan) eachChange(f func(audit.ChangeID)) {
	for i := range p.Actions {
		for _, id := range p.Actions[i].Changes {
			f(id)
		}
	}
	for i := range p.Conflicts {
		for _, id := range p.Conflicts[i].Changes {
			f(id)
		}
	}
	for i := range p.Kept {
		for _, id := range p.Kept[i].Changes {
			f(id)
		}
	}
}

// Request is what the plan was made of, as far as it says itself: without the
// selection and the ledger.
func (p *Plan) Request() (Request, error) {
	h := &p.Header
	decisions, err := p.Resolutions()
	req := Request{
		Policy: h.Policy, Coverage: h.Coverage, Resolutions: decisions, Contain: len(p.Containment) > 0, Approvals: h.Approvals,
		Instance: h.Instance, Created: h.Created, Author: h.Author, Tool: h.Tool, Expires: h.Expires,
	}
	schema, serr := h.Schema.schema()
	req.Schema, err = schema, errors.Join(err, serr)
	for _, g := range h.History.Gaps {
		t, terr := audit.ParseTable(g.Table)
		err = errors.Join(err, terr)
		req.Gaps = append(req.Gaps, audit.Gap{Table: t, Node: g.Node, From: g.From, To: g.To})
	}
	return req, err
}

// Resolve makes the plan anew with further decisions; one on a conflict that was
// decided before takes the other's place. The request has the selection and the
// ledger of today. When the histories or the ledger are not those that the plan
// was made of, it is ErrPlanStale: a person decided something else. Lines are kept as
// MakeDraft keeps them. Close the draft.
func (p *Plan) Resolve(ctx context.Context, req Request, records iter.Seq2[Record, error], more []Resolved, temp func() (TempFile, error)) (*Draft, error) {
	same, err := headerAgain(ctx, req, records, temp)
	if err != nil {
		return nil, err
	}
	if same.Digest != p.Header.Digest {
		return nil, fmt.Errorf("resolve plan %s: %w: %s", p.Header.ID, ErrPlanStale, p.difference(same))
	}
	req.Resolutions = slices.DeleteFunc(slices.Clone(req.Resolutions), func(d Resolved) bool {
		return slices.ContainsFunc(more, func(m Resolved) bool { return m.K == d.K && m.Class == d.Class })
	})
	req.Resolutions = append(req.Resolutions, more...)
	return MakeDraft(ctx, req, records, temp)
}

// headerAgain is the header of a plan that is made of the same once more. What its
// decisions were about may have moved: then it is made without them.
func headerAgain(ctx context.Context, req Request, records iter.Seq2[Record, error], temp func() (TempFile, error)) (*Header, error) {
	again, err := MakeDraft(ctx, req, records, temp)
	if errors.Is(err, ErrPlanStale) {
		req.Resolutions = nil
		again, err = MakeDraft(ctx, req, records, temp)
	}
	if err != nil {
		return nil, err
	}
	return &again.Header, again.Close()
}

// difference says in words why a plan of the same is another one.
func (p *Plan) difference(g *Header) string {
	h := &p.Header
	switch {
	case h.History.Digest != g.History.Digest:
		return "the histories of its records have changed since it was made"
	case h.Ledger != g.Ledger:
		return "other plans were applied to its records since it was made"
	case h.Selection.Digest != g.Selection.Digest:
		return "it is of another selection"
	}
	return "this recourse plans otherwise than the one that made it"
}
