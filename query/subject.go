package query

import (
	"errors"
	"slices"
	"strings"

	"recourse/audit"
)

// A subject is a change with what the tests want to know of it, each worked
// out when it is first asked for.
type subject struct {
	c     *audit.Change
	ruled func(Pattern, audit.Seq) bool // says whether a rule has the change as evidence; nil: not known
	edits *audit.Diff
	run   *run  // knows of firsts; nil: nobody does
	err   error // why a condition could not be decided
}

// errUnbound says that an expression was used whose names nobody has looked up.
var errUnbound = errors.New("the names in the query were not looked up")

// unbound notes that a node was used whose names nobody has looked up.
func (s *subject) unbound() bool {
	if s.err == nil {
		s.err = errUnbound
	}
	return false
}

// diff is the edits that the change made or may have made.
func (s *subject) diff() audit.Diff {
	if s.edits == nil {
		d := s.c.Touched()
		s.edits = &d
	}
	return *s.edits
}

// carries says whether a single value in one of the images passes.
func (s *subject) carries(pass func(audit.Value) bool) bool {
	return anyLeaf(s.c.After.Body, pass) || anyLeaf(s.c.Before.Body, pass)
}

// wrote says the same of what the change wrote or removed, or may have.
func (s *subject) wrote(pass func(audit.Value) bool) bool {
	hit := false
	s.c.EachTouched(func(old, next audit.Value) { hit = hit || anyLeaf(next, pass) || anyLeaf(old, pass) })
	return hit
}

func anyLeaf(v audit.Value, pass func(audit.Value) bool) bool {
	return !v.Leaves(func(leaf audit.Value) bool { return !pass(leaf) })
}

// textOf is AppendText as a text.
func textOf(v audit.Value) string {
	if v.Kind() == audit.KindText {
		return v.Text()
	}
	return string(AppendText(nil, v))
}

// attributes are the names of the attributes that the change edited, or may
// have edited, as Change.Attributes has them.
func (s *subject) attributes() []string {
	if s.c.Op.Kind() == audit.KindMessage {
		return nil
	}
	return named(s.diff(), func(audit.Edit) bool { return true })
}

// gained are the attributes that the record had not before, and lost those
// that it has no more.
func (s *subject) gained() []string {
	return s.whole(func(e audit.Edit) bool { return e.Old == nil })
}

func (s *subject) lost() []string {
	return s.whole(func(e audit.Edit) bool { return e.New == nil })
}

func (s *subject) whole(keep func(audit.Edit) bool) []string {
	if s.c.Op.Kind() == audit.KindMessage || s.c.Before.State == audit.Unknown || s.c.After.State == audit.Unknown {
		return nil
	}
	return named(s.diff(), func(e audit.Edit) bool { return keep(e) && strings.LastIndexByte(e.Path, '/') == 0 })
}

func named(d audit.Diff, keep func(audit.Edit) bool) []string {
	var names []string
	for _, e := range d {
		if e.Path != "" && keep(e) {
			names = append(names, e.Attribute())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
