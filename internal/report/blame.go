package report

import (
	"fmt"
	"maps"
	"slices"

	"recourse/revert"
)

// So many values of one attribute are shown to people, the newest.
const maxBlames = 10

func (g *page) blames(all revert.Blames, names []string) {
	for _, n := range names {
		list := all[n]
		if more := len(list) - maxBlames; more > 0 {
			g.wrapped(faint, 6, fmt.Sprintf("%s before", count(more, "value")))
			list = list[more:]
		}
		for i := range list {
			g.wrapped(faint, 6, blameWords(&list[i]))
		}
	}
}

// blameWords is a value with who gave it.
func blameWords(b *revert.Blame) string {
	s := fmt.Sprintf("%s  by %s at %s (%s, change %s…)", value(b.Value), user(b.User).text, iso(b.Time, false), Visible(string(b.Op)), b.ID.String()[:12])
	switch {
	case b.Selected:
		s += "  selected"
	case b.Plan != "":
		s += "  our own, of plan " + Visible(b.Plan)
	case b.First:
		s += "  or by somebody before: the history begins here"
	}
	return s
}

func (s *sheet) blameRows(rec string, all revert.Blames) {
	for _, n := range slices.Sorted(maps.Keys(all)) {
		list := all[n]
		for i := range list[max(0, len(list)-maxBlames):] {
			b := &list[max(0, len(list)-maxBlames)+i]
			s.rows = append(s.rows, []string{rec, "blame", Visible(n), "", value(b.Value), blameWords(b)})
		}
	}
}
