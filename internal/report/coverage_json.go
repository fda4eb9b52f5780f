package report

import "recourse/query"

// A Coverage says how far an answer can be relied on to be whole. The zero value
// is that nobody knows.
type Coverage = query.Coverage

// What JSON has of coverages.
type (
	coverageDoc = query.CoverageDoc
	gapDoc      = query.GapDoc
	stretchDoc  = query.StretchDoc
)

func newCoverageDoc(c Coverage) coverageDoc { return c.Doc() }

// isComplete is false beside a gap, whatever the caller says.
func isComplete(c Coverage) bool { return c.Whole() }
