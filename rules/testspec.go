package rules

import (
	"slices"
	"time"

	"recourse/audit"

	"github.com/goccy/go-yaml/ast"
)

// A test is one of a rule's own tests: changes, and the alerts they must raise.
type test struct {
	name   string
	at     place
	start  time.Time
	events []event
	expect []expectation
	labels labels // of tables and users, beside those of its file
	given  bool   // expect is there
	// liveRows is how many records every table has in the beginning;
	// nil: nobody knows.
	liveRows *int64
}

// An event is one or more changes that come one after the other.
type event struct {
	repeat  int
	every   time.Duration
	at      *time.Duration
	restart bool // no change: the engine is saved and begun again
	c       audit.Change
	id      audit.Value
	before  audit.Value
	after   audit.Value
	state   string
}

// An expectation is alerts that must be raised.
type expectation struct {
	place   place
	alerts  int
	count   int
	group   map[string]string
	at      *time.Duration
	unknown *bool
	late    *bool
	// What the alert says: empty or nil is anything.
	severity, title string
	risk            *int
	suppressed      *int
	keys            []string // of all records that are its evidence, sorted, each once; nil: anything
	first, last     *time.Duration
}

// testStart is a Monday at noon, so that a rule on nights and weekends has to
// say so.
func testStart() time.Time { return time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC) }

func readTest(d *document, n ast.Node) test {
	t := test{at: start(n), start: testStart()}
	d.fields(n, "a test", append(d.readLabels(&t.labels), []field{
		{"name", true, func(what string, n ast.Node) { t.name = d.line(n, what) }},
		{"start", false, func(what string, n ast.Node) {
			s := d.text(n, what)
			at, err := time.Parse(time.RFC3339, s.text)
			if s.exists && err != nil {
				d.fail(s.at, "start is %q; want a time such as 2026-01-05T12:00:00Z", s.text)
				return
			}
			t.start = at
		}},
		{"live_rows", false, func(what string, n ast.Node) { t.liveRows = new(int64(d.integer(n, what, 0, 1e9))) }},
		{"events", true, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { t.events = append(t.events, readEvent(d, v)) })
			if len(t.events) == 0 {
				d.fail(start(n), "a test without events proves nothing")
			}
		}},
		{"expect", true, func(what string, n ast.Node) {
			t.given = true
			d.list(n, what, func(v ast.Node) { t.expect = append(t.expect, readExpectation(d, v)) })
		}},
	}...))
	return t
}

func readEvent(d *document, n ast.Node) event {
	const most = 10_000
	e := event{repeat: 1, every: time.Second, id: audit.Text("r{{i}}")}
	e.c = audit.Change{Op: audit.OpUpdate, User: "user", Key: audit.Key{Table: audit.Table{Database: "data", Name: "table"}},
		Group: audit.Group{Size: 1}}
	d.fields(n, "an event", []field{
		{"repeat", false, func(what string, n ast.Node) { e.repeat = d.integer(n, what, 1, most) }},
		{"every", false, func(what string, n ast.Node) { e.every = d.durationUpTo(n, what, 0, longestWindow) }},
		{"at", false, func(what string, n ast.Node) { at := d.durationUpTo(n, what, 0, longestWindow); e.at = &at }},
		{"restart", false, func(what string, n ast.Node) { e.restart = d.boolean(n, what) }},
		{"op", false, func(what string, n ast.Node) {
			e.c.Op = audit.Op(choice(d, n, what, opNames[:len(opNames)-1]...))
		}},
		{"table", false, func(what string, n ast.Node) {
			s := d.text(n, what)
			t, err := audit.ParseTable(s.text)
			if s.exists && err != nil {
				d.fail(s.at, "table is %q; want database.table", s.text)
			}
			e.c.Key.Table = t
		}},
		{"user", false, func(what string, n ast.Node) { e.c.User = d.text(n, what).text }},
		{"node", false, func(what string, n ast.Node) { e.c.Node = d.text(n, what).text }},
		{"id", false, func(what string, n ast.Node) { e.id = d.value(n, what) }},
		{"before", false, func(what string, n ast.Node) { e.before = d.record(n, what) }},
		{"after", false, func(what string, n ast.Node) { e.after = d.record(n, what) }},
		{"before_state", false, func(what string, n ast.Node) {
			e.state = choice(d, n, what, "unknown", "absent", "present")
		}},
		{"txn_size", false, func(what string, n ast.Node) { e.c.Group.Size = d.integer(n, what, 1, most) }},
		{"late", false, func(what string, n ast.Node) { e.c.Late = d.boolean(n, what) }},
		{"lag", false, func(what string, n ast.Node) {
			// How long after its time a change was read; negative for a time to come.
			e.c.Observed = audit.Time(d.integer(n, what, -1<<40, 1<<40))
			if e.c.Observed == 0 {
				e.c.Observed = 1
			}
		}},
	})
	if _, err := audit.IDOf(e.id); err != nil {
		d.fail(start(n), "id is %s, which is no key", e.id.Kind())
	}
	return e
}

// record reads a record as it was; nothing is a record that was not there.
func (d *document) record(n ast.Node, what string) audit.Value {
	v := d.value(n, what)
	if k := v.Kind(); k != audit.KindObject && k != audit.KindNull {
		d.want(n, what, "a record")
	}
	return v
}

func readExpectation(d *document, n ast.Node) expectation {
	x := expectation{place: start(n), alerts: 1, group: map[string]string{}}
	d.fields(n, "an expected alert", []field{
		{"alerts", false, func(what string, n ast.Node) { x.alerts = d.integer(n, what, 1, 1000) }},
		{"count", false, func(what string, n ast.Node) { x.count = d.integer(n, what, 1, 1e6) }},
		{"at", false, func(what string, n ast.Node) { at := d.durationUpTo(n, what, 0, longestWindow); x.at = &at }},
		{"unknown", false, func(what string, n ast.Node) { b := d.boolean(n, what); x.unknown = &b }},
		{"late", false, func(what string, n ast.Node) { b := d.boolean(n, what); x.late = &b }},
		{"severity", false, func(what string, n ast.Node) {
			x.severity = string(choice(d, n, what, Info, Low, Medium, High, Critical))
		}},
		{"title", false, func(what string, n ast.Node) { x.title = d.line(n, what) }},
		{"risk", false, func(what string, n ast.Node) { i := d.integer(n, what, 0, 100); x.risk = &i }},
		{"suppressed", false, func(what string, n ast.Node) { i := d.integer(n, what, 0, 1e6); x.suppressed = &i }},
		{"keys", false, func(what string, n ast.Node) {
			for _, s := range d.texts(n, what) {
				x.keys = append(x.keys, s.text)
			}
			slices.Sort(x.keys)
		}},
		{"first", false, func(what string, n ast.Node) { at := d.duration(n, what, 0); x.first = &at }},
		{"last", false, func(what string, n ast.Node) { at := d.duration(n, what, 0); x.last = &at }},
		{"group", false, func(what string, n ast.Node) {
			for _, p := range d.pairs(n, what) {
				key, _ := keyOf(p)
				if s := d.text(p.Value, "group "+key); s.exists {
					x.group[key] = s.text
				}
			}
		}},
	})
	return x
}
