package revert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// Which values are distinctive: such that somebody else's having them too is no
// accident.
const (
	leastText   = 8         // bytes
	leastNumber = 1_000_000 // apart from 0
	mostText    = 4 << 10   // bytes: longer ones are contents, not values that are repeated
	mostUses    = 200       // changes that write it; more say nothing
	mostValues  = 1 << 20   // values that are kept
)

// A brought is a value that a selected change brought into a record.
type brought struct {
	of    audit.ChangeID // the first that did
	at    audit.Time
	attr  string
	sure  bool // that it was not there before
	usual bool // others had it before
	uses  int  // changes of others that wrote it afterwards
	// The records of others that some change found it in, and those that one wrote
	// it to.
	found, given map[audit.Key]bool
}

// distinctive calls f with the values within v that are.
func distinctive(v audit.Value, f func(audit.Value)) {
	v.Leaves(func(leaf audit.Value) bool {
		switch leaf.Kind() {
		case audit.KindText:
			if n := len(leaf.TextBytes()); n >= leastText && n <= mostText {
				f(leaf)
			}
		case audit.KindInt, audit.KindFloat:
			if n, ok := leaf.Float64(); ok && (n >= leastNumber || n <= -leastNumber) {
				f(leaf)
			}
		}
		return true
	})
}

// A placedValue is a value in the records of one cluster.
type placedValue struct{ cluster, value string }

// heard notes what a record held that no selected change brought.
func (x *expander) heard(before map[string]bool, c *audit.Change) {
	if !x.by[TieValues] {
		return
	}
	for _, body := range []audit.Value{c.Before.Body, c.After.Body} {
		distinctive(body, func(v audit.Value) { before[string(v)] = true })
	}
}

// bring notes the values that a selected change brought in.
func (x *expander) bring(before map[string]bool, c *audit.Change, id audit.ChangeID) {
	if !x.by[TieValues] || c.After.State != audit.Present {
		return
	}
	sure := c.Before.State != audit.Unknown
	distinctive(c.Before.Body, func(v audit.Value) {
		if x.values[placedValue{c.Cluster, string(v)}] == nil {
			before[string(v)] = true
		}
	})
	for p := range audit.Differing(c.Before.Body, c.After.Body) {
		distinctive(p.New, func(v audit.Value) {
			at := placedValue{c.Cluster, string(v)}
			b := x.values[at]
			switch {
			case before[string(v)], audit.Stamps(v, c.Time):
			case b == nil && len(x.values) < mostValues:
				x.values[at] = &brought{of: id, at: c.Time, attr: string(p.Name), sure: sure}
			case b != nil:
				b.sure = b.sure || sure
				if c.Time < b.at {
					b.of, b.at, b.attr = id, c.Time, string(p.Name)
				}
			}
		})
	}
}

// usual finds out which values others had before the selection brought them. In a
// record of the selection they are the selected change's own doing.
func (x *expander) usual(c *audit.Change) {
	if _, ours := x.records[placed{c.Cluster, c.Key}]; ours || len(x.values) == 0 {
		return
	}
	distinctive(c.Before.Body, func(v audit.Value) {
		if b := x.values[placedValue{c.Cluster, string(v)}]; b != nil {
			b.found = put(b.found, c.Key, true)
		}
	})
}

// common says that a value of the selection tells nothing: a record had it that
// nobody gave it since.
func (b *brought) common() bool {
	if b.usual {
		return true
	}
	for k := range b.found {
		if !b.given[k] {
			return true
		}
	}
	return false
}

// repeating proposes a change that has written a value which the selection
// brought in.
func (x *expander) repeating(c *audit.Change, id audit.ChangeID) {
	if len(x.values) == 0 || c.After.State != audit.Present {
		return
	}
	for p := range audit.Differing(c.Before.Body, c.After.Body) {
		distinctive(p.New, func(v audit.Value) {
			b := x.values[placedValue{c.Cluster, string(v)}]
			switch {
			case b == nil || holds(p.Old, v):
			case c.Time < b.at:
				b.usual = true
			default:
				b.uses++
				b.given = put(b.given, c.Key, true)
				if b.uses > mostUses {
					return // nothing is proposed for it
				}
				x.propose(c, id, Reason{By: TieValues})
				f := x.found[id]
				f.repeats = append(f.repeats, repeat{b, b.reason(string(p.Name), v, c.Before.State != audit.Unknown)})
			}
		})
	}
}

// reason is that an attribute has the value. sure says that it had not before.
func (b *brought) reason(attr string, v audit.Value, sure bool) Reason {
	r := Reason{TieValues, scoreValue + min(mostOfValue, len(v)), b.of,
		fmt.Sprintf("its %s is %s, which a selected change had brought into %s", short(attr), short(v.JSON()), short(b.attr))}
	if !sure || !b.sure {
		r.Score -= unsureValue
		r.Why += "; what was there before is not known"
	}
	return r
}

// A repeat is a value of the selection that a change wrote again.
type repeat struct {
	value  *brought
	reason Reason
}

// holds says that a value has the other within it.
func holds(v, leaf audit.Value) bool {
	found := false
	v.Leaves(func(l audit.Value) bool {
		found = found || l.Equal(leaf)
		return !found
	})
	return found
}

// telling are a proposal's reasons, with the value that says most of those that
// turned out to be no usual ones.
func (x *expander) telling(p *Proposal) []Reason {
	reasons := slices.DeleteFunc(p.Reasons, func(r Reason) bool { return r.By == TieValues })
	best := Reason{}
	for _, r := range p.repeats {
		if !r.value.common() && r.value.uses <= mostUses && r.reason.Score > best.Score {
			best = r.reason
		}
	}
	if best.Score > 0 {
		reasons = append(reasons, best)
	}
	return reasons
}

// commonplaces says which values were left out.
func (x *expander) commonplaces() []string {
	var notes []string
	inOrder := func(a, b placedValue) int {
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.cluster, b.cluster))
	}
	for _, at := range slices.SortedFunc(maps.Keys(x.values), inOrder) {
		if b := x.values[at]; b.uses > mostUses && !b.common() {
			notes = append(notes, fmt.Sprintf("values: %s was written %d times by others: too often to say anything, so nothing is proposed for it", short(audit.Value(at.value).JSON()), b.uses))
		}
	}
	if len(x.values) >= mostValues {
		notes = append(notes, fmt.Sprintf("values: the selection brought in more than %d; the others were not looked for", mostValues))
	}
	return notes
}
