package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

var update = flag.Bool("update", false, "write the golden files")

var formats = []report.Format{report.Table, report.JSON, report.NDJSON, report.CSV, report.YAML, report.Markdown}

func parse(s string) audit.Value {
	v, err := audit.FromJSON([]byte(s))
	if err != nil {
		panic(err)
	}
	return v
}

func present(s string, from audit.Source, t audit.Trust) audit.Image {
	return audit.PresentImage(parse(s), from, t)
}

func key(table string, id audit.ID) audit.Key {
	return audit.Key{Table: audit.Table{Database: "shop", Name: table}, ID: id}
}

// story is a record's life under attack, and what else a log holds.
func story() []audit.Change {
	at := audit.Time(1795465916125.6418)
	absent := audit.AbsentImage(audit.Logged, audit.Exact)
	changes := []audit.Change{
		{Time: at - 1e6, User: "ann", Op: audit.OpInsert, Reported: audit.OpInsert, Before: absent,
			After: present(`{"id":"c-17","email":"a@x","address":{"city":"Antwerpen","zip":"2000"},"big":9007199254740993}`, audit.Logged, audit.Exact)},
		{Time: at, User: "eve", Op: audit.OpUpdate, Reported: audit.OpUpsert, Group: audit.Group{Size: 2, Index: 1}, Late: true,
			Before: present(`{"id":"c-17","email":"a@x","address":{"city":"Antwerpen","zip":"2000"},"big":9007199254740993}`, audit.Folded, audit.Exact),
			After:  present(`{"id":"c-17","email":"e@y","address":{"city":"Lagos","zip":"2000"},"note":null}`, audit.Logged, audit.Exact)},
		{Time: at + 1000, User: "", Op: audit.OpPatch, Reported: audit.OpPatch,
			After: present(`{"id":"c-17","email":"e@y"}`, audit.Logged, audit.Prompt)},
		{Time: at + 2000, User: "eve", Op: audit.OpUpdate, Reported: audit.OpUpdate, Lossy: true, Note: "record 1: value breaks off",
			Before: present(`{"id":"c-17","email":"e@y"}`, audit.Folded, audit.Prompt)},
		{Time: at + 3000, User: "eve", Op: audit.OpDelete, Reported: audit.OpDelete,
			Before: present(`{"id":"c-17","email":"e@y"}`, audit.Folded, audit.Prompt), After: absent},
		{Time: at + 4000, User: "ann", Op: audit.OpMessage, Reported: audit.OpMessage, After: present(`{"hello":"world"}`, audit.Logged, audit.Exact)},
		{Time: at + 5000, User: "ann", Op: audit.OpDelete, Reported: audit.OpDelete, Before: absent, After: absent},
	}
	for i := range changes {
		c := &changes[i]
		c.Seq, c.Node, c.Key, c.ID = audit.Seq(11+i), "n1", key("customers", `"c-17"`), audit.ChangeID{byte(i)}
		if c.Group.Size == 0 {
			c.Group.Size = 1
		}
	}
	return changes
}

// hostile is a change whose every text means harm.
func hostile() audit.Change {
	evil := "=cmd|' /C calc'!A0\x1b[2J\x1b]0;owned\x07\u202eexe.\u200b\u009b31m|`<b>*x*\r\n\t\u2066\U000e0041\\u001b"
	return audit.Change{
		Seq: 1, Time: 1795465916125.6418, Node: evil, User: evil, Op: audit.Op(evil), Reported: audit.Op(evil), Note: evil,
		Key:    audit.Key{Table: audit.Table{Database: evil, Name: evil}, ID: audit.ID(audit.Text(evil).JSON())},
		Before: audit.PresentImage(audit.Object(map[string]audit.Value{evil: audit.Text(evil)}), audit.Logged, audit.Exact),
		After:  audit.PresentImage(audit.Object(map[string]audit.Value{evil + "2": audit.Text(evil + evil)}), audit.Logged, audit.Exact),
	}
}

func gaps() []audit.Gap {
	return []audit.Gap{
		{Node: "n1", Table: audit.Table{Database: "shop", Name: "customers"}, From: 1795465000000, To: 1795465000001.5, Reason: "Harper cannot read its entry", Entries: 1, Observed: 1795465999999},
		{Table: audit.Table{Database: "shop", Name: "customers"}, From: 1795460000000, To: 1795465000000, Reason: "trimmed before it was read"},
	}
}

// whole and partly are coverages of answers, covered that of two tables.
func whole() report.Coverage { return covered().Tables[1].Coverage }

// readings are of a change that a second node logs under another name, and that
// was once read otherwise.
func readings() report.Readings {
	return report.Readings{
		Observations: []audit.Observation{{Node: "n2", Op: audit.OpUpsert, Observed: 1795465990000}},
		Divergences: []audit.Divergence{{Node: "n1", Op: audit.OpPatch, User: "eve", Observed: 1795465995000,
			After: audit.PresentImage(audit.Object(map[string]audit.Value{"email": audit.Text("z@z")}), audit.Logged, audit.Provisional)}},
	}
}

func partly() report.Coverage {
	c := covered()
	return report.Coverage{To: audit.Time(math.Inf(1)), Gaps: c.Gaps[:1], Stretches: append(c.Tables[0].Stretches, c.Tables[1].Stretches...)}
}

func covered() report.Covered {
	customers, stock := audit.Table{Database: "shop", Name: "customers"}, audit.Table{Database: "shop", Name: "stock"}
	part := func(t audit.Table, from, to audit.Time, cover audit.Cover, reason string, nodes ...string) query.TableStretch {
		return query.TableStretch{Table: t, Stretch: audit.Stretch{From: from, To: to, Cover: cover, Reason: reason, Nodes: nodes}}
	}
	healed := gaps()[1]
	healed.Healed, healed.Kind = 1795465999999, audit.GapOutage
	return report.Covered{
		Tables: []query.TableCoverage{
			{Table: customers, Oldest: 1795462000000, ReadTo: 1795465990000, Share: 0.99999, Coverage: query.Coverage{To: audit.Time(math.Inf(1)), Stretches: []query.TableStretch{
				part(customers, 0, 1795462000000, audit.CoverUnread, "before the log was first read"),
				part(customers, 1795462000000, 1795465000000, audit.Covered, "", "n1", "n2"),
				part(customers, 1795465000000, 1795465000001.5, audit.CoverGap, "Harper cannot read its entry", "n1"),
				part(customers, 1795465000001.5, 1795465990000, audit.Covered, "", "n1"),
				part(customers, 1795465990000, audit.Time(math.Inf(1)), audit.CoverUnread, "not read yet"),
			}}},
			{Table: stock, Node: "n1", Oldest: 1795463000000, ReadTo: 1795466000000, Share: 1, Coverage: query.Coverage{
				Complete: true, From: 1795463000000, To: 1795466000000, Stretches: []query.TableStretch{part(stock, 1795463000000, 1795466000000, audit.Covered, "", "n1")},
			}},
		},
		Gaps: []audit.Gap{gaps()[0], healed},
	}
}

func alerts() []audit.Alert {
	return []audit.Alert{
		{
			ID: "5f0c2b7e9d3a11aa", Rule: "mass-delete", RuleName: "Mass delete", Severity: "high", Risk: 73, Attack: []string{"T1485"}, State: audit.AlertOpen,
			Title: "eve deleted 50 records of shop.customers in 1 minute", Group: map[string]string{"user": "eve", "table": "shop.customers"},
			FirstSeq: 12, LastSeq: 15, FirstTime: 1795465916125.6418, LastTime: 1795465919125.6418, Count: 50, Unknown: true, Late: true,
			Changes: []audit.Evidence{{Seq: 12, Database: "shop", Table: "customers", Key: `"c-17"`, Time: 1795465916125.6418}, {Seq: 15, Database: "shop", Table: "customers", Key: `318`, Time: 1795465919125.6418}},
		},
		{ID: "a", Rule: "r", Severity: "low", State: audit.AlertClosed, Title: "nothing much"},
	}
}

func plan() *revert.Plan {
	exact := func(base, theirs, current, target audit.Value) revert.Attribute {
		return revert.Attribute{Base: base, Theirs: theirs, Current: current, Target: target, By: []audit.ChangeID{{1}}, Class: revert.ClassRevert, Trust: audit.Exact}
	}
	carried := exact(parse(`1`), parse(`9`), parse(`9`), parse(`1`))
	carried.Class, carried.Trust = revert.ClassCarried, audit.Prompt
	bob := revert.Evidence{ID: audit.ChangeID{7}, Time: 1795465999000, User: "bob", Op: audit.OpPatch}
	decided := revert.Resolution{Option: revert.OptionMerge, Reason: "ann asked for it", By: "bob", At: "2026-11-24T08:00:00Z"}
	return &revert.Plan{
		Header: revert.Header{
			ID: "7f3a00112233", Digest: "7f3a00112233445566778899", Selection: revert.SelectionInfo{Digest: "ab", Events: 5, Users: map[string]int{"eve": 4, "": 1}, First: 1795465916125.6418, Last: 1795465919125.6418},
			Counts:  revert.Counts{Patch: 1, Insert: 1, Delete: 1, Conflict: 3, Kept: 1, Already: 1, Carried: 1, Blind: 1},
			Classes: map[revert.Class]int{revert.ClassRecreated: 1, revert.ClassNoBase: 1, revert.ClassStub: 1}, Coverage: &revert.Coverage{Complete: true, Note: "covered: the log was read whole"}, Warnings: []string{"1 change that is not selected is in the transaction of one that is"},
		},
		Actions: []revert.Action{
			{Kind: "action", N: 1, K: revert.Target(key("customers", `"c-18"`)), Do: revert.DoInsert, Phase: 3, Set: map[string]audit.Value{"id": parse(`"c-18"`), "email": parse(`"b@x"`)},
				Attrs: map[string]revert.Attribute{"email": exact(parse(`"b@x"`), nil, nil, parse(`"b@x"`)), "id": exact(parse(`"c-18"`), nil, nil, parse(`"c-18"`))},
				Blind: []revert.Window{{From: 1795465916125.6418}}, Changes: []audit.ChangeID{{2}}},
			{Kind: "action", N: 2, K: revert.Target(key("customers", `"c-17"`)), Do: revert.DoPatch, Phase: 4,
				Set: map[string]audit.Value{"email": parse(`"a@x"`), "score": parse(`1`), "big": parse(`9007199254740993`)}, Unset: []string{"note"}, Add: map[string]audit.Value{"balance": parse(`-50`)},
				Attrs: map[string]revert.Attribute{
					"email": exact(parse(`"a@x"`), parse(`"e@y"`), parse(`"e@y"`), parse(`"a@x"`)), "note": exact(nil, parse(`"pwned"`), parse(`"pwned"`), nil),
					"score": carried, "big": exact(parse(`9007199254740993`), nil, nil, parse(`9007199254740993`)), "balance": exact(parse(`10`), parse(`60`), parse(`70`), parse(`20`)),
				},
				Kept:    map[string]revert.KeptValue{"age": {Current: parse(`7`), By: bob, Class: revert.ClassSuperseded}},
				Changes: []audit.ChangeID{{1}, {3}}},
			{Kind: "action", N: 3, K: revert.Target(key("customers", `318`)), Do: revert.DoDelete, Phase: 5, Attrs: map[string]revert.Attribute{"id": exact(nil, parse(`318`), parse(`318`), nil)}, Changes: []audit.ChangeID{{4}}},
		},
		Conflicts: []revert.Conflict{
			{Kind: "conflict", N: 4, K: revert.Target(key("customers", `"c-19"`)), Class: revert.ClassRecreated, Options: []string{"keep", "fill", "merge", "replace"}, Default: "keep", Evidence: []revert.Evidence{bob}, Changes: []audit.ChangeID{{5}}},
			{Kind: "conflict", N: 5, K: revert.Target(key("customers", `"c-20"`)), Class: revert.ClassNoBase, Options: []string{"keep"}, Default: "keep",
				Attrs: map[string]revert.Attribute{"email": {Theirs: parse(`"e@y"`), Current: parse(`"e@y"`), Unknown: []string{"base", "target"}, Class: revert.ClassNoBase}}, Changes: []audit.ChangeID{{6}}},
			{Kind: "conflict", N: 6, K: revert.Target(key("customers", `"c-21"`)), Class: revert.ClassStub, Options: []string{"keep", "merge"}, Default: "keep", Resolution: &decided, Changes: []audit.ChangeID{{8}}},
		},
		Kept: []revert.Kept{{Kind: "kept", N: 7, K: revert.Target(key("customers", `"c-22"`)), Class: revert.ClassAlready, Changes: []audit.ChangeID{{9}}}},
	}
}

func result() *revert.Result {
	return &revert.Result{Plan: "7f3a00112233", Applied: 2, Verified: 1, Skipped: 1, Already: 1, Unknown: 1, ConflictsLeft: 2, TookMS: 1234, Steps: []revert.Step{
		{N: 1, Of: 4, Key: key("customers", `"c-17"`), Do: revert.DoPatch, Phase: audit.PhaseVerified, Version: 1795465999000.25},
		{N: 2, Of: 4, Key: key("customers", `318`), Do: revert.DoDelete, Phase: audit.PhaseUnknown, Why: "send the write: connection reset"},
		{N: 3, Of: 4, Key: key("customers", `"c-18"`), Do: revert.DoInsert, Phase: audit.PhaseSkipped, Class: revert.ClassDrift, Why: "email: bob wrote \"b@y\" at 2026-11-23T20:33:19Z"},
		{N: 4, Of: 4, Key: key("customers", `"c-19"`), Do: revert.DoPatch, Phase: audit.PhaseSkipped, Class: revert.ClassAlready},
	}}
}

func verification() *revert.Verification {
	return &revert.Verification{Plan: "7f3a00112233", Records: 2, OK: 1, Differ: 1, Checks: []revert.Check{
		{N: 1, K: revert.Target(key("customers", `"c-17"`)), Attr: "email", OK: true, Want: parse(`"a@x"`), Got: parse(`"a@x"`)},
		{N: 2, K: revert.Target(key("customers", `318`)), Got: parse(`{"id":318}`), Why: "bob inserted it at 2026-11-23T20:33:19Z"},
	}}
}

func TestPlanLines(t *testing.T) {
	var b bytes.Buffer
	if err := report.New(&b, report.Options{Format: report.NDJSON}).Plan(plan()); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for l := range strings.Lines(b.String()) {
		var line struct {
			Kind    string
			Summary *struct{ Counts map[string]int }
		}
		if err := json.Unmarshal([]byte(l), &line); err != nil {
			t.Fatal(err)
		}
		if line.Summary != nil {
			line.Kind = fmt.Sprint("summary ", line.Summary.Counts["conflict"])
		}
		kinds = append(kinds, line.Kind)
	}
	if got, want := strings.Join(kinds, ", "), "action, action, action, conflict, conflict, conflict, kept, summary 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEmptyPlan(t *testing.T) {
	var b bytes.Buffer
	if err := report.New(&b, report.Options{}).Plan(&revert.Plan{}); err != nil || !strings.Contains(b.String(), "nothing to write and nothing to decide") {
		t.Errorf("got %s, %v", b.String(), err)
	}
	b.Reset()
	if err := report.New(&b, report.Options{Format: report.JSON}).Plan(&revert.Plan{}); err != nil || strings.Contains(b.String(), "null") {
		t.Errorf("got %s, %v", b.String(), err)
	}
}

func TestGolden(t *testing.T) {
	changes := story()
	for name, print := range map[string]func(*report.Printer) error{
		"search": func(p *report.Printer) error {
			return p.Changes(changes, query.Summary{Count: 7, Total: 1234, Next: "c3RvcnktY3Vyc29y", Coverage: query.Coverage{Gaps: gaps()}, Took: 3400 * time.Microsecond})
		},
		"search-nothing": func(p *report.Printer) error {
			return p.Changes(nil, query.Summary{TotalExact: true, Coverage: whole()})
		},
		"show":    func(p *report.Printer) error { return p.Change(changes[1], readings()) },
		"history": func(p *report.Printer) error { return p.History(changes[0].Key, changes, report.Coverage{}) },
		"hostile": func(p *report.Printer) error {
			return p.Changes([]audit.Change{hostile()}, query.Summary{Count: 1, Total: 1, TotalExact: true, Coverage: query.Coverage{Complete: true}})
		},
		"alerts": func(p *report.Printer) error { return p.Alerts(alerts()) },
		"alert":  func(p *report.Printer) error { cov := partly(); return p.Alert(alerts()[0], &cov) },
		"search-covered": func(p *report.Printer) error {
			return p.Changes(changes, query.Summary{Count: 7, Total: 7, TotalExact: true, Coverage: partly()})
		},
		"checks": func(p *report.Printer) error {
			return p.Checks([]report.Check{
				{Name: "reach", State: report.CheckOK, Seen: "db1:9925 answers in 1.2ms"},
				{Name: "rights", State: report.CheckWarn, Seen: "svc is a super user, and may do anything; this version can allow reading alone, which is what an auditor ought to be allowed", Fix: "curl -u ADMIN -d '{\"operation\":\"add_role\",\"role\":\"recourse_reader\",\"permission\":{\"super_user\":false}}' https://db1:9925\nand then another"},
				{Name: "audit", State: report.CheckFail, Seen: "logging.auditLog is false\x1b[2J: Harper logs nothing", Fix: "logging: {auditLog: \x1b[2Jtrue}"},
				{Name: "retention", State: report.CheckUnknown, Seen: "not told"},
			})
		},
		"covered":         func(p *report.Printer) error { return p.Covered(covered()) },
		"covered-nothing": func(p *report.Printer) error { return p.Covered(report.Covered{}) },
		"plan":            func(p *report.Printer) error { return p.Plan(plan()) },
		"applied":         func(p *report.Printer) error { return p.Applied(report.AppliedOf(result())) },
		"verified":        func(p *report.Printer) error { return p.Verified(verification()) },
		"listing": func(p *report.Printer) error {
			return p.List(report.Listing{Name: "attributes", Columns: []string{"attribute", "value", "seq", "last_time", "user"}, Coverage: &report.Coverage{Complete: true}, Rows: [][]any{
				{"email", parse(`"e@y"`), audit.Seq(12), audit.Time(1795465916125.6418), "eve"},
				{"big", parse(`9007199254740993`), audit.Seq(11), audit.Time(1795464916125.6418), nil},
			}})
		},
		"facts": func(p *report.Printer) error {
			return p.Facts(report.Facts{Names: []string{"changes", "oldest", "bytes_per_change", "lag_ms", "nodes"}, Values: []any{7, audit.Time(1795464916125.6418), 61.25, nil, []string{"n1", "n2"}}, Notes: []string{"the index is 3 changes behind"}})
		},
	} {
		for _, f := range formats {
			if name == "plan" && f == report.NDJSON {
				continue // the plan file's own lines, which are revert's business
			}
			t.Run(name+"."+string(f), func(t *testing.T) {
				golden(t, name+"."+string(f), report.Options{Format: f, Width: 100}, print)
			})
		}
	}
	search := func(p *report.Printer) error {
		return p.Changes(changes, query.Summary{Count: 7, Total: 7, TotalExact: true})
	}
	golden(t, "covered-narrow.table", report.Options{Width: 60}, func(p *report.Printer) error { return p.Covered(covered()) })
	golden(t, "search-narrow.table", report.Options{Width: 60}, search)
	golden(t, "search-color.table", report.Options{Color: true}, search)
	golden(t, "search-no-images.ndjson", report.Options{Format: report.NDJSON, NoImages: true}, search)
}

func golden(t *testing.T, name string, o report.Options, print func(*report.Printer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := print(report.New(&b, o)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}
