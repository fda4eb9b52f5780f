package report

import (
	"fmt"
	"slices"
	"strconv"

	"recourse/query"
)

// Pickaxe prints when and where a value appeared and vanished: so many sightings on
// a page, all of them with limit 0 and in the other formats.
func (p *Printer) Pickaxe(x *query.Pickaxe, limit int) error {
	return p.print(output{
		document: func() any { return x },
		lines:    func() []any { return linesOf(x.Sightings, x.Summary) },
		page:     func(g *page) { g.pickaxed(x, limit) },
		sheet:    func() sheet { return pickaxedSheet(x) },
		notes: func() []string {
			return append(pickaxedWords(x), footNotes(x.Summary.Footing)...)
		},
	})
}

func pickaxedWords(x *query.Pickaxe) []string {
	s := &x.Summary
	if s.Sightings == 0 {
		words := notFoundWords(s.Coverage.Coverage, "no record with this value")
		if s.Messages > 0 {
			words += "; " + count(s.Messages, "message") + " with it"
		}
		return []string{words}
	}
	out := []string{fmt.Sprintf("%s in %s: %d there, %d vanished, %d unknown", count(s.Sightings, "sighting"), count(s.Records, "record"), s.There, s.Vanished, s.Unknown)}
	if s.Messages > 0 {
		out[0] += "; " + count(s.Messages, "message") + " with it"
	}
	first := x.Sightings[0]
	word := "first appeared with "
	if first.Origin != query.OriginSet {
		word = "first seen, and perhaps there before: "
	}
	out = append(out, word+refWords(s.First)+" in "+recordWords(first.RecordRef)+" "+Visible(first.Path))
	if s.LastGone != nil {
		out = append(out, "last vanished with "+refWords(s.LastGone))
	}
	return out
}

func sightingCell(s *query.Sighting) cell {
	switch s.State {
	case query.SightingThere:
		return cell{"there", good}
	case query.SightingVanished:
		return cell{"vanished " + refTime(s.Vanished) + " by " + user(s.Vanished.UserName()).text + ", #" + seqText(s.Vanished.Seq), bad}
	}
	return cell{"unknown since #" + seqText(s.Vanished.Seq), warn}
}

func (g *page) pickaxed(x *query.Pickaxe, limit int) {
	if len(x.Sightings) > 0 {
		cols := append(slices.Clone(refColumns), column{name: "RECORD", flex: true}, column{name: "ATTRIBUTE", flex: true}, column{name: "NOW", flex: true}, column{name: "FOUND", flex: true})
		cols[0].name, cols[1].name = "CHANGE", "APPEARED"
		shown := x.Sightings
		if limit > 0 {
			shown = shown[:min(limit, len(shown))]
		}
		rows := make([][]cell, len(shown))
		for i := range shown {
			s := &shown[i]
			rows[i] = append(refCells(s.Appeared), cell{text: recordWords(s.RecordRef)}, cell{text: Visible(s.Path)}, sightingCell(s), cell{text: value(s.Found)})
			if s.Origin != query.OriginSet {
				rows[i][1].text = "by " + rows[i][1].text
			}
		}
		g.table(cols, rows)
		g.left(len(x.Sightings)-len(shown), "sighting")
		g.gap()
	}
	for _, s := range pickaxedWords(x) {
		g.wrapped(plain, 0, s)
	}
	g.foot(x.Summary.Footing)
}

// left says how many rows a page leaves out.
func (g *page) left(n int, what string) {
	if n > 0 {
		g.line(warn, "%s more; --limit 0 prints all", count(n, what))
	}
}

func pickaxedSheet(x *query.Pickaxe) sheet {
	s := sheet{names: append(append([]string{"cluster", "database", "table", "key", "path", "found", "state", "origin"}, refNames("appeared_")...), refNames("vanished_")...)}
	for i := range x.Sightings {
		o := &x.Sightings[i]
		row := []string{
			Visible(o.Cluster), Visible(o.Database), Visible(o.Table), visibleJSON(string(o.Key)), Visible(o.Path), optional(o.Found), string(o.State), string(o.Origin),
		}
		s.rows = append(s.rows, append(append(row, refTexts(o.Appeared)...), refTexts(o.Vanished)...))
	}
	return s
}

// countedWords are the most frequent values with their counts.
func countedWords(list []query.Counted, most int) string {
	s := ""
	for i, c := range list {
		if i == most {
			return s + fmt.Sprintf(", %d more", len(list)-most)
		}
		if i > 0 {
			s += ", "
		}
		s += facetCell(c.Value).text + " " + strconv.Itoa(c.N)
	}
	return s
}
