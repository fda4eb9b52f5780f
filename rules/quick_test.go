package rules

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"recourse/audit"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sameWithExpr feeds changes to an engine whose quick conditions decide what they
// can, and to one in which expr decides all: alerts, statistics and state are the
// same.
func sameWithExpr(t rapid.TB, set *Set, changes []audit.Change) Stats {
	t.Helper()
	fast, slow, open := NewEngine(set, Options{}), NewEngine(set, Options{slow: true}), NewEngine(set, Options{slow: true, open: true})
	for i := range changes {
		got, err := fast.Eval(&changes[i])
		if err != nil {
			t.Fatal(err)
		}
		want, err := slow.Eval(&changes[i])
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("change %d (-expr +quick):\n%s", changes[i].Seq, cmp.Diff(want, got))
		}
		want, err = open.Eval(&changes[i])
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("change %d (-of all changes +of those that the index lets through):\n%s", changes[i].Seq, cmp.Diff(want, got))
		}
	}
	if d := cmp.Diff(slow.Stats(), fast.Stats()); d != "" {
		t.Fatalf("statistics (-expr +quick):\n%s", d)
	}
	for i, r := range open.Stats().Rules {
		if got := fast.Stats().Rules[i].Matched; r.Matched != got {
			t.Fatalf("rule %s: %d changes matched, and %d of those that the index lets through", r.Rule, r.Matched, got)
		}
	}
	want, err := slow.State()
	if err != nil {
		t.Fatal(err)
	}
	got, err := fast.State()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("state (-expr +quick):\n%s", d)
	}
	return fast.Stats()
}

func TestQuickConditionsSayWhatExprSays(t *testing.T) {
	set := fifty(t)
	lines, err := os.ReadFile("testdata/lines.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	matched := uint64(0)
	for _, r := range sameWithExpr(t, set, changesOf(t, lines)).Rules {
		matched += r.Matched
	}
	if matched < 100 {
		t.Errorf("only %d changes matched", matched)
	}
	for _, line := range []string{"rocksdb", "lmdb"} {
		changes, _ := incident(t, line)
		sameWithExpr(t, set, changes)
		sameWithExpr(t, set, systemChanges(t, line))
	}
}

// conditionParts are what drawn conditions are made of. N, A and V stand for a
// name, an attribute and a constant.
var conditionParts = []string{
	`before_state == "present"`, `after_state != "absent"`, `before_trust == "exact"`, `op == "update"`, `op_reported == "patch"`, `kind == "delete"`,
	`user == ""`, `user in ["ann", "eve"]`, `user not in list("names")`, `table == "d.a"`, `table != "d.b"`, `table_name in ["a"]`, `db == "d"`, `node == "n"`,
	`late`, `lossy == false`, `lag > 100`, `lag < -120000`, `hour in 0..12`, `after.A in 0..2`, `before.A not in 1..3`, `hour not in 3..4`, `hour >= 5`, `ts > 0.5`, `txn_size == 1`, `weekday == "monday"`, `key startsWith "d.a"`,
	`after.A == V`, `before.A != V`, `after.A > V`, `before.A <= V`, `after.A == before.A`, `after.A.x == V`, `after.A contains "a"`, `before.A startsWith "é"`, `after.A endsWith ""`,
	`after.A in ["a", "b"]`, `after.A in list("names")`, `after.A not in ["x"]`, `after.A in [1, 2]`, `after.A`, `after.A matches "(?i)abc|\\bxyz\\b"`, `"A" in changed`, `"A" not in written`, `after.A in changed`,
	`old("A") == V`, `new("A") != old("A")`, `delta("A") > V`, `ratio("A") >= 2`, `growth("A") > 1`, `len(after.A) > 2`, `type(after.A) == "text"`, `type(before.A) == "nothing"`,
	`abs(delta("A")) >= 1`, `abs(ratio("A") - 1) > 0.5`, `entropy(after.A) > 1`, `lower(after.A) == "abc"`, `after.A + 1 > V`, `after.A * after.A > 4`, `after.A + "x" == "ax"`, `-after.A < 0`, `round(after.A) == 1`,
	`any(changed, E)`, `any(written, E)`, `none(added, E)`, `any(removed, E)`, `all(changed, E)`, `count(changed, E) >= 2`, `count(written, E) >= 0`, `any(new_texts, T)`, `none(new_texts, T)`, `one(changed, E)`, `len(changed) > 1`,
	`(after.A ?? 3) == 3`, `(late ? after.A > 1 : after.A > 2)`, `glob(after.A, "a*|*b")`, `glob(user, list("names"))`, `fingerprint(after.A) == "x"`,
	`from("A", V)`, `to("A", V)`, `not from("A", nil)`, `format(after.A) in ["text", "hex"]`, `secretlike(after.A)`, `get(after.A, "x") == V`,
	`before.A == V and after.A == "a"`, `after.A in ["a", "b"] and before.A != "a"`, `after.A < V and before.A >= 1`, `before.A == true and "A" not in changed and after.A == V`, `delta("A") < V`, `ratio("A") > 1 and after.A in [1, 2]`,
	`"pii" in table.labels`, `after.A not in table.labels`, `canary`, `actor.kind == "human"`, `dow >= 4`, `seq > 9`, `seen > 0.5`, `txn.i == 0`, `txn.size > 1`, `synthetic`,
}

var elementParts = []string{
	`# == "A"`, `# in ["A", "b"]`, `glob(#, "A*|*z")`, `glob(lower(#), list("names"))`, `new(#) == V`, `old(#) != nil`, `new(#) > V`, `delta(#) >= V`, `ratio(#) < 2`,
	`abs(ratio(#) - 1) > 0.5`, `len(new(#)) >= 2`, `type(old(#)) == "number"`, `new(#) contains "a"`, `entropy(new(#)) > 0.5`, `new(#) == old(#)`, `# matches "^[ab]$"`, `growth(#) > 0`, `after.A == new(#)`, `late`, `from(#, V)`, `to(#, V)`, `format(new(#)) == "text"`, `secretlike(old(#))`,
	`last(split(new(#), "b")) != last(split(old(#), "b"))`, `fingerprint(new(#)) == fingerprint(old(#))`, `format(old(#)) in ["text", "hex"]`, `lower(#) == "a"`,
	`old(#) == nil`, `new(#) == nil`, `type(new(#)) == "text"`, `len(old(#)) > 1`, `len(new(#)) == 3`, `delta(#) != nil`, `new(#) + new(#) != nil`, `round(old(#) + new(#)) >= V`,
	`abs(growth(#)) > 0`, `abs(delta(#)) > 0`, `new(#) startsWith "a"`, `old(#) matches "b"`,
}

var textParts = []string{
	`# contains "a"`, `# matches "(?i)abc|xyz\\b"`, `# == "abc"`, `len(#) > 3`, `# matches "(?i)kelvin|straße"`, `entropy(#) > 2`, `after.A == #`, `new(#) == "a"`,
}

var attributes = []string{"a", "b", "ab", "Az", "__updatedtime__", "x~/é"}

var constants = []string{`0`, `1`, `-1.5`, `2.0`, `9007199254740993`, `"a"`, `"abc"`, `""`, `true`, `nil`, `1795465916125`}

func drawCondition(t *rapid.T, depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 5).Draw(t, "join") {
		case 0, 1:
			return drawCondition(t, depth-1) + " and " + drawCondition(t, depth-1)
		case 2, 3:
			return "(" + drawCondition(t, depth-1) + " or " + drawCondition(t, depth-1) + ")"
		case 4:
			return "not (" + drawCondition(t, depth-1) + ")"
		}
	}
	part := rapid.SampledFrom(conditionParts).Draw(t, "part")
	for mark, parts := range map[string][]string{"E": elementParts, "T": textParts} {
		if strings.Contains(part, ", "+mark+")") {
			inner := rapid.SampledFrom(parts).Draw(t, "inner")
			switch rapid.IntRange(0, 3).Draw(t, "more") {
			case 0:
				inner += " and " + rapid.SampledFrom(parts).Draw(t, "and")
			case 1:
				inner = "not (" + inner + " or " + rapid.SampledFrom(parts).Draw(t, "or") + ")"
			}
			part = strings.Replace(part, ", "+mark+")", ", "+inner+")", 1)
		}
	}
	part = strings.ReplaceAll(part, "A", rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "attribute"))
	return strings.ReplaceAll(part, "V", rapid.SampledFrom(constants).Draw(t, "constant"))
}

var oddValues = []string{
	`null`, `true`, `false`, `0`, `1`, `2`, `-1.5`, `0.5`, `3e300`, `9007199254740993`, `-9223372036854775808`, `18446744073709551616`, `"a"`, `"b"`, `"abc"`, `"ABC xyz"`, `""`, `"\u212aelvin"`, `"STRASSE"`, `"éa"`,
	`{"$date":"2026-11-23T00:00:00.000Z"}`, `{"$date":null}`, `{"$number":"NaN"}`, `{"$number":"Infinity"}`, `{"$bytes":"YWJj"}`, `{"$tag":[9,"abc"]}`, `{"$tag":[9,{"x":1}]}`, `[]`, `["a",1,["abc"]]`, `{}`, `{"x":1}`, `{"x":"abc","y":{"z":["xyz"]}}`, `1795465916125`,
}

func drawImage(t *rapid.T, what string) audit.Image {
	switch rapid.IntRange(0, 5).Draw(t, what) {
	case 0:
		return audit.Image{}
	case 1:
		return audit.AbsentImage(audit.Logged, audit.Exact)
	}
	fields := map[string]audit.Value{}
	for _, name := range attributes {
		if rapid.IntRange(0, 3).Draw(t, "has") > 0 {
			var v audit.Value
			if err := v.UnmarshalJSON([]byte(rapid.SampledFrom(oddValues).Draw(t, name))); err != nil {
				t.Fatal(err)
			}
			fields[name] = v
		}
	}
	return audit.PresentImage(audit.Object(fields), audit.Logged, audit.Exact)
}

func TestQuickConditionsSayWhatExprSaysOfAnything(t *testing.T) {
	refused, decided := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		where, err := json.Marshal(drawCondition(t, 2))
		if err != nil {
			t.Fatal(err)
		}
		each := rapid.SampledFrom([]string{"", "changed", "added", `filter(changed, new(#) != nil)`, `map(filter(changed, type(new(#)) == \"text\"), # + \" \" + fingerprint(new(#)))`,
			`map(filter(written, # != \"b\"), # + \" \" + fingerprint(round(delta(#) * 100)))`, `filter(new_texts, len(#) > 1)`, `map(filter(changed, new(#) != nil), last(split(new(#), \"b\")))`,
			`map(filter(changed, type(old(#)) == \"text\"), # + format(old(#)))`, `[after.a]`}).Draw(t, "each")
		if each != "" {
			each = fmt.Sprintf(`, window: {size: 10s, by: [user, table], each: "%s", distinct: key, count: 2}`, each)
		}
		set, err := Compile(File{Name: "test.yaml", Data: fmt.Appendf(nil,
			"apiVersion: rules/v1\ntables: [{match: d.a, labels: [pii, a], canary_ids: [1, 2]}]\nactors: [{match: eve, kind: human}]\nlists:\n  names: {items: [eve, 'a*', '*z', abc]}\nrules:\n  - {id: r, name: R, severity: low, alert: {title: t}, on_unknown_before: %s, where: %s%s}\n"+
				"  - {id: q, name: Q, severity: low, alert: {title: t}, where: 'any(changed, # == \"b\")'}\n", // for which all must be compared
			rapid.SampledFrom([]string{"skip", "flag", "evaluate"}).Draw(t, "unknown"), where, each)})
		if err != nil {
			refused++ // two constants of other types, for one
			return
		}
		changes := drawChanges(t, 20, 20_000)
		for i := range changes {
			changes[i].Before, changes[i].After = drawImage(t, "before"), drawImage(t, "after")
			changes[i].Late, changes[i].Node, changes[i].Group.Size = i%3 == 0, "n", 1+i%2
		}
		if sameWithExpr(t, set, changes); set.rules[0].where.quick != nil {
			decided++
		}
	})
	if decided < 2*refused {
		t.Errorf("of the conditions %d were refused, and %d were decided early", refused, decided)
	}
}

func TestAPatternNeedsWhatItFinds(t *testing.T) {
	patterns := []string{
		`(?i)bitcoin|\bbtc\b|monero|\.onion\b`, `(?is)\b(data|backups?)\b.{0,9}\b(back|recover|restored?)\b`, `(?i)<script[\s>/]|<[a-z][^>]{0,9}\son(error|load)\s*=`,
		`-----BEGIN [A-Z ]{0,20}KEY-----|\bAKIA[0-9A-Z]{4}\b`, `abc`, `(?i)risk`, `ab`, `(abc)+d?`, `(abc){2,3}`, `(abc)*`, `[a-c]+`, `é|abc`, `(?i)ſtop`, `^$`, `abc$|^xyz`,
	}
	words := []string{"bitcoin", "BTC", "x.onion", "data", "backup", " ", "restored", "<script>", "<a onload=", "-----BEGIN RSA KEY-----", "AKIAABCD", "abc", "aBc", "abcabc", "RIſK", "ris\u212a", "é", "stop", "ſTOP", "xyz", "", "\n", "\xff"}
	rapid.Check(t, func(t *rapid.T) {
		p, err := compilePattern(rapid.SampledFrom(patterns).Draw(t, "pattern"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 5).Draw(t, "words"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		if got, want := p.match([]byte(text)), p.re.MatchString(text); got != want {
			t.Fatalf("%q in %q: got %t, want %t; it needs %q", p.re, text, got, want, p.needs)
		}
	})
	for _, s := range patterns[:5] {
		if p, _ := compilePattern(s); len(p.needs) == 0 {
			t.Errorf("%s: nothing that it needs is known", s)
		}
	}
}

// A condition that is false of whatever leaves an attribute as it was is known to be.
func TestWhatIsFalseWithoutAChangeIsKnown(t *testing.T) {
	for where, want := range map[string]bool{
		`before.a == true and after.a == false`:                  true,
		`user == "eve" and before.a == 1 and after.a == 2`:       false, // what comes before may fail
		`before.b == "x" and before.a == "x" and after.a == "y"`: true,
		`before.a == "x" and after.a == "x"`:                     false,
		`before.a == "x" and after.b == "y"`:                     false,
		`before.a == "x" and before.a == "y"`:                    false, // never true, and not for want of a change
		`after.a in ["x", "y"] and before.a not in ["x"]`:        false,
		`after.a in ["x", "y"] and before.a == "z"`:              true,
		`after.a in ["x", "y"] and before.a == "y"`:              false,
		`before.a != "x" and after.a == "x"`:                     true,
		`before.a > 5 and after.a < 5`:                           true,
		`before.a >= 5 and after.a <= 5`:                         false,
		`before.a >= 5 and after.a < 5`:                          true,
		`before.a > 0 and after.a == 0`:                          true,
		`before.a > "0" and after.a == 0`:                        false,
		`before.a == 1 or after.a == 2`:                          false,
		`ratio("a") > 1`:                                         true,
		`ratio("a") >= 1`:                                        false,
		`abs(delta("a")) > 0`:                                    true,
		`delta("a") > -1`:                                        false,
		`"a" in changed`:                                         true,
		`not ("a" in changed)`:                                   false,
		`"__updatedtime__" in changed`:                           false,
		`delta("__updatedtime__") > 0`:                           false,
	} {
		quoted, err := json.Marshal(where)
		if err != nil {
			t.Fatal(err)
		}
		set, err := Compile(File{Name: "test.yaml", Data: fmt.Appendf(nil, "apiVersion: rules/v1\nrules:\n  - {id: r, name: R, severity: low, alert: {title: t}, where: %s}\n", quoted)})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.rules[0].where.quick.stays > 0; got != want {
			t.Errorf("%s: got %t, want %t", where, got, want)
		}
	}
}
