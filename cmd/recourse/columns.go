package main

import (
	"slices"

	"recourse/internal/report"
)

// onScreen leaves of a listing the columns that a terminal has room for, when it is
// a table; other formats have all.
func onScreen(p *report.Printer, list report.Listing, columns ...string) report.Listing {
	if p.Format() != report.Table {
		return list
	}
	out := report.Listing{Name: list.Name, Coverage: list.Coverage}
	var at []int
	for i, name := range list.Columns {
		if slices.Contains(columns, name) {
			at = append(at, i)
			out.Columns = append(out.Columns, name)
		}
	}
	for _, row := range list.Rows {
		var cells []any
		for _, i := range at {
			cells = append(cells, row[i])
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}
