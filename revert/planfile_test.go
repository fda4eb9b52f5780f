package revert

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

var update = flag.Bool("update", false, "write the golden files anew")

type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func written(t tester, p *Plan) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WritePlan(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func roundTrip(t tester, p *Plan) {
	t.Helper()
	b := written(t, p)
	got, err := ReadPlan(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if diff := cmp.Diff(string(b), string(written(t, got))); diff != "" {
		t.Fatal(diff)
	}
}

// allKinds is a plan with one of each kind of action, conflict and value.
func allKinds(t testing.TB) *Plan {
	t.Helper()
	s := newSim()
	key := func(id string) audit.Key { return audit.Key{Table: dogs, ID: audit.ID(id)} }
	set := func(pairs ...any) map[string]audit.Value {
		m := map[string]audit.Value{}
		for i := 0; i < len(pairs); i += 2 {
			v, err := audit.Of(pairs[i+1])
			if err != nil {
				t.Fatal(err)
			}
			m[pairs[i].(string)] = v
		}
		return m
	}
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	odd := set("born", time.UnixMilli(1_700_000_000_123), "blob", []byte{0, 1, 255}, "big", huge, "nan", math.NaN(),
		"deep", map[string]any{"$date": "no date", "list": []any{nil, 1.5, "\u2028<&>"}}, "owner", "ann", "weight", 12.5)
	for _, o := range []op{
		{user: "ann", kind: "insert", key: key("42"), set: odd},
		{user: "ann", kind: "insert", key: key(`"42"`), set: set("owner", "ann", "n", 5)},
		{user: "ann", kind: "insert", key: key("7"), set: odd},
		{user: "ann", kind: "insert", key: key("8"), set: set("owner", "ann")},
		{user: "eve", kind: "patch", key: key("42"), set: set("owner", "eve", "born", nil, "big", 1, "note", "pwned", "mood", "evil")},
		{user: "eve", kind: "patch", key: key(`"42"`), set: set("n", 9000)},
		{user: "eve", kind: "delete", key: key("7")},
		{user: "eve", kind: "delete", key: key("8")},
		{user: "eve", kind: "insert", key: key(`"fake"`), set: set("owner", "eve")},
		{user: "eve", kind: "insert", key: key(`"packed"`), set: set("owner", "eve")},
		{user: "bob", kind: "patch", key: key("42"), set: set("mood", "good")},
		{user: "bob", kind: "patch", key: key(`"42"`), add: set("n", 2)},
		{user: "bob", kind: "update", key: key(`"packed"`), set: set("status", "packed")},
		{user: "bob", kind: "insert", key: key("8"), set: set("owner", "bob")},
	} {
		if !s.do(o) {
			t.Fatalf("%s did nothing", o)
		}
		s.poll()
	}
	changes := s.changes(0)
	sel, err := Select(Criteria{User: []string{"eve"}}, each(changes, eves))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make(context.Background(), Request{Selection: sel, Instance: Instance{ID: "test"}, Created: "2026-11-24T08:00:00Z", Author: "ann", Tool: "recourse"}, history(changes))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The plan's file is a promise: other programs read it, and its digest is signed.
func TestGoldenPlan(t *testing.T) {
	p := allKinds(t)
	roundTrip(t, p)
	got := written(t, p)
	path := filepath.Join("testdata", "plan.ndjson")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// Who made a plan and when is not what it says.
func TestDigestLeavesOutTheAuthor(t *testing.T) {
	p := allKinds(t)
	before := p.Header.Digest
	p.Header.Author, p.Header.Created = "bob", "later"
	if err := p.seal(); err != nil {
		t.Fatal(err)
	}
	if p.Header.Digest != before {
		t.Error("the digest depends on the author")
	}
	p.Header.Instance.ID = "other"
	if err := p.seal(); err != nil {
		t.Fatal(err)
	}
	if p.Header.Digest == before {
		t.Error("the digest does not depend on the instance")
	}
}

// Whatever is done to a plan's file, were it one byte, it is refused.
func TestTamperedPlanIsRefused(t *testing.T) {
	b := written(t, allKinds(t))
	refused := func(what string, data []byte) {
		t.Helper()
		if p, err := ReadPlan(bytes.NewReader(data)); !errors.Is(err, ErrBadPlan) || p != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := 0; i < len(b); i += 1 + i%17 {
		flipped := bytes.Clone(b)
		flipped[i] ^= 1
		refused("a byte changed", flipped)
	}
	for i := 0; i < len(b); i += 499 {
		refused("cut short", b[:i])
	}
	refused("without its last byte", b[:len(b)-1])
	lines := bytes.SplitAfter(b, []byte("\n"))
	for i := range len(lines) - 1 {
		refused("a line left out", bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil))
		refused("a line doubled", bytes.Join(append(append([][]byte{}, lines[:i+1]...), lines[i:]...), nil))
	}
	refused("something behind it", append(bytes.Clone(b), '\n'))
	refused("an author changed", bytes.Replace(b, []byte(`"author":"ann"`), []byte(`"author":"bob"`), 1))
}

// A plan may be sealed well and still ask for what must never be sent.
func TestDangerousPlanIsRefused(t *testing.T) {
	for name, harm := range map[string]func(*Action){
		"an empty id":           func(a *Action) { a.K.ID = `""` },
		"no id":                 func(a *Action) { a.K.ID = "null" },
		"an empty compound":     func(a *Action) { a.K.ID = "[]" },
		"a raw increment":       func(a *Action) { a.Set["n"] = rawPatch(op{add: map[string]audit.Value{"n": audit.Int(1)}}).Get("n") },
		"an unknown action":     func(a *Action) { a.Do = "truncate" },
		"an insert over record": func(a *Action) { a.Expect.Exists = !a.Expect.Exists },
	} {
		p := allKinds(t)
		harm(&p.Actions[0])
		if err := p.seal(); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := WritePlan(&b, p); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPlan(&b); !errors.Is(err, ErrBadPlan) {
			t.Errorf("%s: read: %v", name, err)
		}
		if _, err := applier(&simServer{sim: newSim()}, newMemory()).Apply(context.Background(), p, ApplyOptions{User: me}); !errors.Is(err, ErrBadPlan) {
			t.Errorf("%s: apply: %v", name, err)
		}
	}
}

func FuzzReadPlan(f *testing.F) {
	b := written(f, allKinds(f))
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte("{}\n{\"kind\":\"end\"}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadPlan(bytes.NewReader(data))
		if (err == nil) != (p != nil) {
			t.Fatalf("plan %v and error %v", p, err)
		}
		if err == nil && !bytes.Equal(written(t, p), data) {
			t.Fatal("what was read is written otherwise")
		}
	})
}

func TestSelectionFile(t *testing.T) {
	changes := makeProgram(seeded(5), recipe{}).run(true).changes(0)
	s, err := Select(Criteria{User: []string{"eve"}, Query: "user:eve"}, each(append(changes, changes...), eves))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	got, err := ReadSelection(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	if s.Events < 2 || s.Users["eve"] != s.Events || !s.Has(s.Changes[0]) {
		t.Errorf("selection %+v", s)
	}
	id := s.Changes[0].String()
	other := "00" + id[2:]
	for name, data := range map[string][]byte{
		"another id":  bytes.Replace(file, []byte(id), []byte(other), 1),
		"one id less": bytes.Replace(file, []byte("\""+id+"\",\n"), nil, 1),
		"cut short":   file[:len(file)-3],
		"more behind": append(bytes.Clone(file), "{}"...),
		"empty":       nil,
		"other field": bytes.Replace(file, []byte(`"events"`), []byte(`"Events2"`), 1),
	} {
		if got, err := ReadSelection(bytes.NewReader(data)); !errors.Is(err, ErrBadSelection) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
