package audit_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

var (
	covTable = audit.Table{Database: "shop", Name: "orders"}
	covKinds = []audit.GapKind{"", audit.GapUnreadable, audit.GapOutage, audit.GapPurged, audit.GapBefore, audit.GapUnaudited}
	covOf    = map[audit.GapKind]audit.Cover{
		"": audit.CoverGap, audit.GapUnreadable: audit.CoverGap, audit.GapOutage: audit.CoverGap, audit.GapPurged: audit.CoverGap,
		audit.GapBefore: audit.CoverBefore, audit.GapUnaudited: audit.CoverNotAudited,
	}
)

// TestCoverageIsThatOfEachMoment: the stretches tile the time that is asked for,
// neighbours differ, and each moment is what spans and gaps say of it: covered
// if one node's log was read there and has no gap; else the worst of the gaps;
// else unread.
func TestCoverageIsThatOfEachMoment(t *testing.T) {
	other := audit.Table{Database: "shop", Name: "stock"}
	nodes := []string{"n1", "n2"}
	rapid.Check(t, func(t *rapid.T) {
		at := func(what string) audit.Time { return audit.Time(rapid.IntRange(0, 12).Draw(t, what)) }
		var spans []audit.Span
		for range rapid.IntRange(0, 5).Draw(t, "spans") {
			s := audit.Span{Node: rapid.SampledFrom(nodes).Draw(t, "node"), Table: covTable, From: at("from"), To: at("to")}
			if rapid.IntRange(0, 9).Draw(t, "elsewhere") == 0 {
				s.Table = other
			}
			spans = append(spans, s)
		}
		var gaps []audit.Gap
		for range rapid.IntRange(0, 6).Draw(t, "gaps") {
			g := audit.Gap{Node: rapid.SampledFrom(nodes).Draw(t, "node"), Table: covTable, From: at("from"), Kind: rapid.SampledFrom(covKinds).Draw(t, "kind")}
			g.To = max(g.From, at("to"))
			g.Healed = audit.Time(rapid.IntRange(-3, 1).Draw(t, "healed"))
			g.Healed = max(g.Healed, 0)
			gaps = append(gaps, g)
		}
		from := at("asked from")
		to := from + at("asked for")
		got := audit.CoverageOf(covTable, spans, gaps, from, to)
		next := from
		for i, s := range got {
			if s.From != next || s.To <= s.From {
				t.Fatalf("stretch %d is from %v to %v, the one before ended at %v", i, s.From, s.To, next)
			}
			next = s.To
			if i > 0 && got[i-1].Cover == s.Cover && got[i-1].Reason == s.Reason && slices.Equal(got[i-1].Nodes, s.Nodes) {
				t.Fatalf("stretches %d and %d are one", i-1, i)
			}
		}
		if next != max(from, to) && from != to {
			t.Fatalf("the stretches end at %v, want %v", next, to)
		}
		// Moments on the limits and between them.
		for m := from; m < to; m += 0.5 {
			i := slices.IndexFunc(got, func(s audit.Stretch) bool { return s.From <= m && m < s.To })
			if want := coverAt(spans, gaps, m); got[i].Cover != want {
				t.Fatalf("at %v: %s, want %s\nspans %+v\ngaps %+v", m, got[i].Cover, want, spans, gaps)
			}
		}
	})
}

// coverAt looks at one moment.
func coverAt(spans []audit.Span, gaps []audit.Gap, m audit.Time) audit.Cover {
	holed := map[string]bool{}
	worst := ""
	for _, cover := range []audit.Cover{audit.CoverBefore, audit.CoverNotAudited, audit.CoverGap} { // from the least on
		for _, g := range gaps {
			if g.Table == covTable && g.Healed == 0 && g.From <= m && m < g.End() {
				holed[g.Node] = true
				if covOf[g.Kind] == cover {
					worst = string(cover)
				}
			}
		}
	}
	for _, s := range spans {
		if s.Table == covTable && s.From <= m && m < s.To && !holed[s.Node] {
			return audit.Covered
		}
	}
	if worst != "" {
		return audit.Cover(worst)
	}
	return audit.CoverUnread
}
