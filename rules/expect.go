package rules

import (
	"slices"
	"time"

	"recourse/audit"
)

// fits says that an alert is what is expected, in all that is said of it.
func (x *expectation) fits(g raised, start time.Time) bool {
	for k, v := range x.group {
		if g.alert.Group[k] != v {
			return false
		}
	}
	a := &g.alert
	since := func(t audit.Time) time.Duration { return t.Go().Sub(start).Round(time.Microsecond) }
	return (x.count == 0 || x.count == a.Count) && like(x.at, g.at) &&
		like(x.unknown, a.Unknown) && like(x.late, a.Late) && like(x.risk, a.Risk) && like(x.suppressed, a.Suppressed) &&
		like(x.first, since(a.FirstTime)) && like(x.last, since(a.LastTime)) &&
		(x.severity == "" || x.severity == a.Severity) && (x.title == "" || x.title == a.Title) &&
		(x.keys == nil || slices.Equal(x.keys, keysOfAlert(a)))
}

// like says that a value is the wanted one; nil: any is.
func like[T comparable](want *T, got T) bool { return want == nil || *want == got }

// keysOfAlert is the records that an alert lists, sorted, each once.
func keysOfAlert(a *audit.Alert) []string {
	var keys []string
	for _, e := range a.Changes {
		keys = append(keys, audit.Key{Table: audit.Table{Database: e.Database, Name: e.Table}, ID: e.Key}.String())
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
