package query

import "recourse/audit"

// A TableCoverage is what is known of one table's log, on one node or, with an
// empty Node, on all of them together.
type TableCoverage struct {
	Table audit.Table
	Node  string
	// Coverage is of the time that was asked for. Where no begin was, Stretches
	// go back to the first of times, and Complete is about the time from Oldest.
	Coverage
	Oldest audit.Time // the first moment that is covered; 0: there is none, or since ever
	ReadTo audit.Time // where reading stands, by the server's clock; 0: it never began
	// Share is the part that is covered of the time that was asked for, or else of
	// that from Oldest on; what is still to be read is left out. 0 where nothing is.
	Share float64
}

// Table is what is known of one table's log in a stretch of time; a from that is
// not above 0 is the first moment that is covered.
func (r *Reading) Table(t audit.Table, from, to audit.Time) TableCoverage {
	c := TableCoverage{Table: t, Coverage: r.Of([]audit.Table{t}, from, to), ReadTo: r.newest[t]}
	var covered audit.Time
	found := false
	for _, s := range c.Stretches {
		if s.Cover != audit.Covered {
			continue
		}
		if !found {
			c.Oldest, found = s.From, true
		}
		covered += s.To - s.From
	}
	if !found {
		return c
	}
	begin := c.From
	if begin <= 0 {
		begin = c.Oldest
		c.Complete = r.Of([]audit.Table{t}, begin, to).Complete
	}
	end := c.To
	if last := c.Stretches[len(c.Stretches)-1]; to > r.Now && last.Cover == audit.CoverUnread {
		end = last.From // what is still to be read is no loss
	}
	if c.Share = 1; end > begin {
		c.Share = float64(covered / (end - begin))
	}
	return c
}
