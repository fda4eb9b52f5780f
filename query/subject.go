package query

import (
	"slices"
	"strings"

	"recourse/audit"
)

// A subject is a change with what the tests want to know of it, each worked
// out when it is first asked for.
type subject struct {
	c       *audit.Change
	edits   *audit.Diff
	wrote   *[]string
	carried *[]string
	words   [2][][]string // of wrote and carried, a list a value
}

// diff is the edits that the change made or may have made: from its images if
// both are known, and otherwise all of the one that is.
func (s *subject) diff() audit.Diff {
	if s.edits == nil {
		d := touched(s.c)
		s.edits = &d
	}
	return *s.edits
}

func touched(c *audit.Change) audit.Diff {
	switch before, after := c.Before, c.After; {
	case c.Op.Kind() == audit.KindMessage:
		// The record stayed as it was; what was published stands in its place.
		return audit.DiffOf(nil, after.Body)
	case before.State == audit.Unknown && after.State == audit.Unknown:
		return nil
	default:
		// An image that is not known has no body, as one that is absent.
		return audit.DiffOf(before.Body, after.Body)
	}
}

// texts are the values as texts that words are looked for in.
func (s *subject) texts(carries bool) []string {
	if carries {
		if s.carried == nil {
			t := appendTexts(appendTexts(nil, s.c.Before.Body), s.c.After.Body)
			s.carried = &t
		}
		return *s.carried
	}
	if s.wrote == nil {
		var t []string
		for _, e := range s.diff() {
			t = appendTexts(appendTexts(t, e.Old), e.New)
		}
		s.wrote = &t
	}
	return *s.wrote
}

func (s *subject) tokens(carries bool) [][]string {
	i := 0
	if carries {
		i = 1
	}
	if s.words[i] == nil {
		s.words[i] = [][]string{}
		for _, t := range s.texts(carries) {
			s.words[i] = append(s.words[i], Tokens(t))
		}
	}
	return s.words[i]
}

// appendTexts appends the texts of all values within v, the names of
// attributes left out.
func appendTexts(dst []string, v audit.Value) []string {
	switch v.Kind() {
	case audit.KindMissing:
		return dst
	case audit.KindArray:
		for e := range v.Elems() {
			dst = appendTexts(dst, e)
		}
		return dst
	case audit.KindObject:
		for _, e := range v.Fields() {
			dst = appendTexts(dst, e)
		}
		return dst
	case audit.KindTagged:
		_, content := v.Tag()
		return appendTexts(dst, content)
	}
	return append(dst, textOf(v))
}

// textOf is AppendText as a text.
func textOf(v audit.Value) string {
	if v.Kind() == audit.KindText {
		return v.Text()
	}
	return string(AppendText(nil, v))
}

// attributes are the names of the attributes that the change edited, or may
// have edited.
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

// Terms are what an index needs of a change to propose it for every question
// whose answer it is. All lists are sorted, and name a thing once.
type Terms struct {
	Attributes []string // what attr: looks at
	Set, Unset []string // what set: and unset: look at
	Wrote      []string // the words of the values that the change wrote or removed
	Carried    []string // the words of its images that are not among Wrote
}

// TermsOf works out a change's terms.
func TermsOf(c *audit.Change) Terms {
	s := &subject{c: c}
	wrote := distinct(s.tokens(false), nil)
	return Terms{
		Attributes: s.attributes(),
		Set:        s.gained(),
		Unset:      s.lost(),
		Wrote:      wrote,
		Carried:    distinct(s.tokens(true), wrote),
	}
}

// distinct are the words of the lists but those of a sorted list.
func distinct(lists [][]string, but []string) []string {
	out := slices.Concat(lists...)
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(w string) bool {
		_, found := slices.BinarySearch(but, w)
		return found
	})
}
