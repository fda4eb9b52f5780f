package query

import (
	"context"
	"slices"
	"strings"

	"recourse/audit"
)

// Measure matches changes by what can be worked out of one and is in no image.
type Measure struct {
	Name string // of measures
	Test Test
}

// measures are what can be worked out of a change, by the names that rules have
// for it too.
var measures = map[string]func(*audit.Change) audit.Value{
	"hour":         func(c *audit.Change) audit.Value { return audit.Int(int64(c.Time.Go().Hour())) },
	"weekday":      func(c *audit.Change) audit.Value { return audit.Text(strings.ToLower(c.Time.Go().Weekday().String())) },
	"txn_size":     func(c *audit.Change) audit.Value { return audit.Int(int64(c.Group.Size)) },
	"op_reported":  func(c *audit.Change) audit.Value { return audit.Text(string(c.Reported)) },
	"before_trust": func(c *audit.Change) audit.Value { return audit.Text(c.Before.Trust.String()) },
	"after_trust":  func(c *audit.Change) audit.Value { return audit.Text(c.After.Trust.String()) },
	"lag": func(c *audit.Change) audit.Value {
		if c.Observed == 0 {
			return nil
		}
		return audit.Float(float64(c.Observed - c.Time))
	},
}

// measureNames are the names of measures, sorted.
func measureNames() []string {
	names := make([]string, 0, len(measures))
	for name := range measures {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m Measure) String() string { return m.Name + m.Test.String() }

func (m Measure) match(s *subject) bool {
	v := measures[m.Name](s.c)
	return v != nil && m.Test.holds(v)
}

func (Measure) might(*audit.Gap) (yes, no bool) { return true, true }

func (m Measure) bind(ctx context.Context, b *binding) (Node, error) {
	t, err := m.Test.bind(ctx, b)
	m.Test = t
	return m, err
}
