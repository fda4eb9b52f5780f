package query

import (
	"strings"
	"time"

	"recourse/audit"
)

// domain is all values that a measure can have; nil: too many to name.
func domain(name string) []audit.Value {
	var out []audit.Value
	switch name {
	case "hour":
		for h := range int64(24) {
			out = append(out, audit.Int(h))
		}
	case "weekday":
		for d := time.Sunday; d <= time.Saturday; d++ {
			out = append(out, audit.Text(strings.ToLower(d.String())))
		}
	case "before_trust", "after_trust":
		for t := audit.NoTrust; t <= audit.Exact; t++ {
			out = append(out, audit.Text(t.String()))
		}
	}
	return out
}

// possible refuses a test that no value of the field can pass, and so finds nothing
// whatever is stored. What a list has in it is not known yet.
func (p *parser) possible(start int, name string, t Test) error {
	if t.Op == Among && t.Set.list.name != "" {
		return nil
	}
	if all := domain(name); all != nil {
		var words []string
		for _, v := range all {
			if t.holds(v) {
				return nil
			}
			words = append(words, valueString(v))
		}
		return p.fail(start, name+" is one of "+strings.Join(words, ", "), "%s is never so", name)
	}
	for _, v := range []audit.Value{t.Low, t.High} {
		if v != nil && !isNumber(v.Kind()) {
			return p.fail(start, "write "+name+">=10, or "+name+":[10..20]", "%s is a number", name)
		}
	}
	return nil
}
