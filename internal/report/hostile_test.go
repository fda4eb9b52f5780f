package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"Ann é 😀 日本 ❤️":         "Ann é 😀 日本 ❤️",
		`dom\eve`:               `dom\eve`,
		"\x1b[2J":               `\u001b[2J`,
		`\u001b`:                `\\u001b`,
		`\x1b`:                  `\\x1b`,
		"a\r\nb\tc\x00\x7f":     `a\u000d\u000ab\u0009c\u0000\u007f`,
		"\u009b31m":             `\u009b31m`,
		"\u202eexe\u202c\u2066": `\u202eexe\u202c\u2066`,
		"\u200b\u200d\ufeff\u00ad\u061c\u180e\u2060": `\u200b\u200d\ufeff\u00ad\u061c\u180e\u2060`,
		"\u2028\u2029\u3164\u034f\ue000\uffff":       `\u2028\u2029\u3164\u034f\ue000\uffff`,
		"\U000e0041":                                 `\udb40\udc41`,
		"a\xff\xc0b":                                 `a\xff\xc0b`,
		"\ufffd":                                     "\ufffd",
	} {
		if got := report.Visible(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// Two texts never look the same through Visible, so that neither can pose as
// the other by what it hides.
func TestVisibleIsOneToOne(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"a", `\`, "u", "x", "001b", "ff", "\x1b", "\xff", "\u200b", `\udb40`, "\U000e0041", `\u`, `\\u`, "\ufffd", "db40", "dc41"})
	text := rapid.Map(rapid.SliceOfN(pieces, 0, 6), func(p []string) string { return strings.Join(p, "") })
	seen := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "s")
		v := report.Visible(s)
		if other, ok := seen[v]; ok && other != s {
			t.Fatalf("%q and %q both look like %s", s, other, v)
		}
		seen[v] = s
		checkHarmless(t, v, false)
	})
}

// checkHarmless says that a terminal and a reader see all there is in s, which
// may have line breaks and, if colored, our own colours.
func checkHarmless(t interface {
	Helper()
	Fatalf(string, ...any)
}, s string, colored bool) {
	t.Helper()
	if colored {
		for _, c := range []string{"0", "1", "2", "31", "32", "33"} {
			s = strings.ReplaceAll(s, "\x1b["+c+"m", "")
		}
	}
	if !utf8.ValidString(s) {
		t.Fatalf("not UTF-8: %q", s)
	}
	for _, r := range s {
		if r != '\n' && r != 0xfe0f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Variation_Selector) {
			t.Fatalf("%U gets through: %q", r, s)
		}
	}
}

// printed is a change in every format, and as a record's history.
func printed(t interface {
	Helper()
	Fatalf(string, ...any)
}, c audit.Change, o report.Options) []string {
	t.Helper()
	a := audit.Alert{ID: c.User, Rule: c.Note, Title: c.User + c.Note, Severity: c.Node, Group: map[string]string{c.User: c.Node}, Attack: []string{c.User},
		Changes: []audit.Evidence{{Database: c.Key.Table.Database, Table: c.Key.Table.Name, Key: c.Key.ID, Time: c.Time}}}
	gap := audit.Gap{Node: c.Node, Table: c.Key.Table, Reason: c.Note, From: c.Time}
	var out []string
	for _, print := range append(verbPrints(c, o.Format), []func(*report.Printer) error{
		func(p *report.Printer) error {
			return p.Change(c, report.Readings{Observations: []audit.Observation{{Node: c.Node, Op: c.Op}}, Divergences: []audit.Divergence{{Node: c.Node, Op: c.Op, User: c.User, After: c.After}}})
		},
		func(p *report.Printer) error {
			return p.Changes([]audit.Change{c, c}, query.Summary{Count: 2, Next: c.User, Coverage: query.Coverage{Gaps: []audit.Gap{gap}}})
		},
		func(p *report.Printer) error {
			return p.History(c.Key, []audit.Change{c}, report.Coverage{Gaps: []audit.Gap{gap}})
		},
		func(p *report.Printer) error { return p.Alerts([]audit.Alert{a}) },
		func(p *report.Printer) error {
			return p.Checks([]report.Check{{Name: c.User, State: report.CheckState(c.User), Seen: c.Note}})
		},
		func(p *report.Printer) error {
			b := a
			b.Assignee, b.Muted, b.MutedBy, b.Runbook, b.Verdict, b.DuplicateOf = c.User, audit.MuteReason(c.Note), c.User, c.Note, audit.VerdictDuplicate, c.User
			history := []audit.AlertEvent{{By: c.User, Action: audit.AlertAction(c.Note), Note: c.Note, Assignee: c.User}, {Action: audit.ActionAssigned, Assignee: c.User}, {DuplicateOf: c.User}}
			return p.Alert(b, &report.Coverage{Gaps: []audit.Gap{gap}}, history...)
		},
		func(p *report.Printer) error {
			at := query.TableStretch{Table: gap.Table, Stretch: audit.Stretch{From: 1, To: 2, Cover: audit.CoverGap, Reason: gap.Reason, Nodes: []string{gap.Node}}}
			cov := query.Coverage{To: 2, Gaps: []audit.Gap{gap}, Stretches: []query.TableStretch{at}}
			return p.Covered(report.Covered{Tables: []query.TableCoverage{{Table: gap.Table, Node: gap.Node, Coverage: cov}}, Gaps: cov.Gaps})
		},
		func(p *report.Printer) error {
			return p.List(report.Listing{Name: "rows", Columns: []string{"a", "b", "c", "d"}, Rows: [][]any{{c.User, c.After.Body, c.Key.ID, c.Time}, {}, {[]string{c.Note}, math.NaN(), math.Inf(1), uint8(7)}}})
		},
		func(p *report.Printer) error {
			return p.Facts(report.Facts{Names: []string{"user", "body", "rest"}, Values: []any{c.User, c.After.Body}, Notes: []string{c.Note}})
		},
		func(p *report.Printer) error {
			return p.Applied(report.Applied{Plan: c.User, Notes: []string{c.Note}, Steps: []revert.Step{{Key: c.Key, Do: c.User, Phase: audit.Phase(c.User), Why: c.Note}}})
		},
		func(p *report.Printer) error {
			return p.Verified(&revert.Verification{Plan: c.User, Checks: []revert.Check{{K: revert.Target(c.Key), Attr: c.User, Want: c.After.Body, Why: c.Note}}})
		},
		func(p *report.Printer) error { return p.Plan(hostilePlan(c)) },
	}...) {
		var b bytes.Buffer
		if err := print(report.New(&b, o)); err != nil {
			t.Fatalf("%s: %v", o.Format, err)
		}
		out = append(out, b.String())
	}
	return out
}

// hostilePlan has the change's texts wherever a plan has text.
func hostilePlan(c audit.Change) *revert.Plan {
	s := c.User
	vals := map[string]audit.Value{s: c.After.Body}
	paths := map[string]revert.PathValue{s: {Current: c.After.Body, Target: c.After.Body, Class: revert.Class(s)}}
	attrs := map[string]revert.Attribute{s: {Paths: paths, Theirs: c.After.Body, Delta: c.After.Body, Class: revert.Class(s)}, s + "2": {Unknown: []string{"base", "current", "target"}}}
	by := revert.Evidence{User: s, Op: audit.Op(s)}
	kept := map[string]revert.KeptValue{s: {Current: c.After.Body, By: by, Class: revert.Class(s)}}
	k := revert.Target(c.Key)
	return &revert.Plan{
		Header:  revert.Header{Digest: s, Warnings: []string{s}, Selection: revert.SelectionInfo{Users: map[string]int{s: 1}}},
		Actions: []revert.Action{{K: k, Do: s, Notes: map[revert.Class]string{revert.Class(s): s}, Decided: []revert.Class{revert.Class(s)}, Set: vals, Unset: []string{s + "3"}, Add: map[string]audit.Value{s + "4": c.After.Body}, Attrs: attrs, Kept: kept}},
		Conflicts: []revert.Conflict{{K: k, Class: revert.Class(s), Attrs: attrs, Options: []string{s}, Default: s, Resolution: &revert.Resolution{Option: s, Reason: s, By: s, At: s}, Evidence: []revert.Evidence{by},
			Why: s, Withheld: &revert.Action{Do: s, Set: vals, Notes: map[revert.Class]string{revert.Class(s): s}}}},
		Kept: []revert.Kept{{K: k, Class: revert.Class(s), Kept: kept}},
	}
}

func FuzzTableCell(f *testing.F) {
	evil := hostile()
	f.Add(evil.User, []byte(evil.After.Body), 40, uint8(2))
	f.Add("", []byte{0xf7}, 0, uint8(0))
	f.Add("日本語\u0301\u0301", []byte("\x81\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00"), 1, uint8(1))
	f.Fuzz(func(t *testing.T, s string, data []byte, width int, state uint8) {
		v, err := audit.Decode(data)
		if err != nil {
			v = audit.Text(string(data))
		}
		id, err := audit.IDOf(v)
		if err != nil {
			id = audit.ID(audit.Text(s).JSON())
		}
		c := audit.Change{
			Time: audit.Time(width), User: s, Node: s, Note: s, Op: audit.Op(s), Key: audit.Key{Table: audit.Table{Database: s, Name: s}, ID: id},
			Before: audit.Image{State: audit.State(state % 3), Body: audit.Object(map[string]audit.Value{s: v})},
			After:  audit.PresentImage(v, audit.Logged, audit.Exact),
		}
		if f, ok := v.Float64(); ok {
			c.Time = audit.Time(f)
		}
		for _, format := range formats {
			for _, out := range printed(t, c, report.Options{Format: format, Width: width % 200, Color: true}) {
				checkHarmless(t, out, format == report.Table)
				checkForm(t, format, out)
			}
		}
	})
}

// checkForm says that an answer is what its format promises.
func checkForm(t interface {
	Helper()
	Fatalf(string, ...any)
}, format report.Format, out string) {
	t.Helper()
	switch format {
	case report.JSON:
		if !json.Valid([]byte(out)) {
			t.Fatalf("not JSON: %s", out)
		}
	case report.NDJSON:
		for l := range strings.Lines(out) {
			if !json.Valid([]byte(l)) || !strings.HasSuffix(l, "\n") {
				t.Fatalf("not JSON: %q", l)
			}
		}
	case report.CSV:
		rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil {
			t.Fatalf("not CSV: %v\n%s", err, out)
		}
		for _, r := range rows {
			for _, c := range r {
				var n float64
				if first := strings.TrimSpace(c); first != "" && strings.ContainsAny(first[:1], "=+-@") && json.Unmarshal([]byte(c), &n) != nil {
					t.Fatalf("a formula gets through: %q", c)
				}
			}
		}
	case report.Markdown:
		if strings.Contains(out, "<") {
			t.Fatalf("HTML gets through: %s", out)
		}
		bars := -1
		for l := range strings.Lines(out) {
			if !strings.HasPrefix(l, "|") {
				break
			}
			n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(l, `\\`, ""), `\|`, ""), "|")
			if bars >= 0 && n != bars {
				t.Fatalf("%d bars, then %d: %s", bars, n, out)
			}
			bars = n
		}
	}
}
