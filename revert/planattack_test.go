package revert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// resealed makes the footer of changed lines right again, and the roots in the
// header, as an attacker who knows the form would; the digest stays that which was
// signed, or is made anew.
func resealed(t *testing.T, lines [][]byte, digest bool) []byte {
	t.Helper()
	var h Header
	if err := json.Unmarshal(lines[0], &h); err != nil {
		t.Fatal(err)
	}
	var trees roots
	for _, l := range lines[1:] {
		var k struct{ Kind string }
		if err := json.Unmarshal(l, &k); err != nil {
			t.Fatal(err)
		}
		map[string]*merkle{"action": &trees.actions, "conflict": &trees.conflicts, "kept": &trees.kept, "contain": &trees.containment}[k.Kind].add(l)
	}
	h.Actions, h.Conflicts, h.Kept, h.Containment = trees.actions.root(), trees.conflicts.root(), trees.kept.root(), trees.containment.root()
	if digest {
		var err error
		if h.Digest, err = h.digest(); err != nil {
			t.Fatal(err)
		}
		h.ID = h.Digest[:idLength]
	}
	head, err := canonical(h)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Join(append([][]byte{head}, lines[1:]...), nil)
	sum := sha256.Sum256(out)
	end, err := canonical(trees.footer(len(lines), sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return append(out, end...)
}

// Who can make the footer right again still cannot change what was signed; and who
// makes all of it right has made another plan, which the approvals are not of.
func TestForgedPlan(t *testing.T) {
	p := allKinds(t)
	file := written(t, p)
	all := bytes.SplitAfter(file, []byte("\n"))
	lines := all[:len(all)-2] // without the footer and what follows it
	bob, key := approverOf("bob", 2)
	approval := []Envelope{signed(t, p, key, "")}
	policy := ApprovalPolicy{Required: 1, Approvers: []Approver{bob}}
	with := func(change func(lines [][]byte)) [][]byte {
		some := make([][]byte, len(lines))
		for i := range lines {
			some[i] = bytes.Clone(lines[i])
		}
		change(some)
		return some
	}
	if got := resealed(t, lines, true); !bytes.Equal(got, file) {
		t.Fatal("the file is not made as it was")
	}
	value := with(func(l [][]byte) { l[2] = bytes.ReplaceAll(l[2], []byte(`"owner":"ann"`), []byte(`"owner":"eve"`)) })
	author := with(func(l [][]byte) { l[0] = bytes.Replace(l[0], []byte(`"author":"ann"`), []byte(`"author":"zoe"`), 1) })
	policyOf := with(func(l [][]byte) {
		l[0] = bytes.Replace(l[0], []byte(`"policy":{}`), []byte(`"policy":{"strict_null":true}`), 1)
	})
	for name, some := range map[string][][]byte{"a value": value, "the policy": policyOf} {
		if _, err := ReadPlan(bytes.NewReader(resealed(t, some, false))); !errors.Is(err, ErrBadPlan) {
			t.Errorf("%s, with the digest that was signed: %v", name, err)
		}
	}
	for name, some := range map[string][][]byte{"a value": value, "the author": author, "the policy": policyOf} {
		forged, err := ReadPlan(bytes.NewReader(resealed(t, some, true)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := CheckApprovals(forged, approval, policy, signedAt); !errors.Is(err, ErrNotApproved) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(l [][]byte){
		"two lines change places":  func(l [][]byte) { l[1], l[2] = l[2], l[1] },
		"an action after conflict": func(l [][]byte) { l[3], l[4] = l[4], l[3] },
		"a name twice":             func(l [][]byte) { l[1] = bytes.Replace(l[1], []byte(`{"add":{}`), []byte(`{"add":{},"add":{}`), 1) },
		"a name nobody knows":      func(l [][]byte) { l[1] = bytes.Replace(l[1], []byte(`{"add"`), []byte(`{"aaa":1,"add"`), 1) },
		"a blank":                  func(l [][]byte) { l[1] = bytes.Replace(l[1], []byte(`{"add"`), []byte(`{ "add"`), 1) },
		"a needless escape":        func(l [][]byte) { l[1] = bytes.Replace(l[1], []byte(`"ann"`), []byte(`"\u0061nn"`), 1) },
		"a number otherwise":       func(l [][]byte) { l[1] = bytes.Replace(l[1], []byte(`12.5`), []byte(`1.25e1`), 1) },
		"the same record twice":    func(l [][]byte) { l[2] = bytes.Replace(l[1], []byte(`"n":1`), []byte(`"n":2`), 1) },
		"a carriage return":        func(l [][]byte) { l[1] = bytes.Replace(l[1], []byte("\n"), []byte("\r\n"), 1) },
	} {
		some := with(change)
		if bytes.Equal(bytes.Join(some, nil), bytes.Join(lines, nil)) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := ReadPlan(bytes.NewReader(resealed(t, some, true))); !errors.Is(err, ErrBadPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Values of any size and depth that a record can have come back as they were.
func TestPlanOfLargeValues(t *testing.T) {
	deep := audit.Text("at the bottom")
	for range 200 {
		deep = audit.Object(map[string]audit.Value{"in": deep})
	}
	s := newSim()
	large := map[string]audit.Value{
		"text": audit.Text(strings.Repeat("€\u2028\"\\\x00", 1<<18)), "deep": deep, "\ue000": audit.Int(1), "\U0001f600": audit.Int(2), "": audit.Int(3),
		"names": audit.Object(map[string]audit.Value{"\ue000": audit.Int(1), "\U0001f600": audit.Int(2), "$date": audit.Text("x")}),
	}
	for _, o := range []op{
		{user: "ann", kind: "insert", key: k1, set: large},
		{user: "eve", kind: "delete", key: k1},
	} {
		s.do(o)
		s.poll()
	}
	p, err := planFor(s.changes(0), eves, nil, nil, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, p)
	back, err := ReadPlan(bytes.NewReader(written(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range large {
		if !back.Actions[0].Set[name].Equal(v) {
			t.Errorf("%q came back otherwise", name)
		}
	}
}

// Not one byte can be another, be missing or be too many, wherever it is.
func TestEveryByteOfAPlanCounts(t *testing.T) {
	file := written(t, allKinds(t))
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(file)-1).Draw(t, "at")
		b := rapid.Byte().Draw(t, "byte")
		var other []byte
		switch rapid.SampledFrom([]string{"another", "missing", "more"}).Draw(t, "harm") {
		case "another":
			other = bytes.Clone(file)
			other[at] = b
		case "missing":
			other = append(bytes.Clone(file[:at]), file[at+1:]...)
		case "more":
			other = append(append(bytes.Clone(file[:at]), b), file[at:]...)
		}
		if bytes.Equal(other, file) {
			return
		}
		if _, err := ReadPlan(bytes.NewReader(other)); !errors.Is(err, ErrBadPlan) {
			t.Fatalf("read: %v", err)
		}
	})
}

// Nor can one bit of it, each byte in turn.
func TestEachByteInTurn(t *testing.T) {
	p, err := planFor(jsonOps(t, `ann insert {"a":1,"b":"x"}`, `eve patch {"a":2,"b":"x"}`), eves, nil, nil, Policy{})
	if err != nil || len(p.Actions) != 1 {
		t.Fatal(err)
	}
	file := written(t, p)
	for at := range file {
		file[at] ^= 1 << (at % 8)
		if _, err := ReadPlan(bytes.NewReader(file)); !errors.Is(err, ErrBadPlan) {
			t.Fatalf("byte %d of %d is another: %v", at, len(file), err)
		}
		file[at] ^= 1 << (at % 8)
	}
	if _, err := ReadPlan(bytes.NewReader(file)); err != nil {
		t.Errorf("the file itself: %v", err)
	}
}

// A plan of the form before is refused with a word on what to do.
func TestPlanOfEarlierForm(t *testing.T) {
	_, err := ReadPlan(strings.NewReader(`{"kind":"revert-plan","v":1}` + "\n"))
	var file *FileError
	if !errors.Is(err, ErrBadPlan) || !errors.As(err, &file) || !strings.Contains(err.Error(), "earlier recourse (form 1") || !strings.Contains(file.Hint(), "plan again") {
		t.Error(err)
	}
	if _, err := ReadPlan(strings.NewReader(`{"kind":"revert-plan","v":9}` + "\n")); !errors.Is(err, ErrBadPlan) || !strings.Contains(err.Error(), "form 9 is not known") {
		t.Error(err)
	}
}

// One action can be proven to be in the plan by its line and the header alone.
func TestOneActionProven(t *testing.T) {
	p := allKinds(t)
	lines := bytes.SplitAfter(written(t, p), []byte("\n"))
	proofs, err := p.proofs()
	if err != nil {
		t.Fatal(err)
	}
	for i, proof := range proofs {
		if err := proof.Verify(lines[i+1], p.Header.Actions); err != nil {
			t.Errorf("action %d: %v", i+1, err)
		}
		if proof.Verify(lines[i+1], p.Header.Kept) == nil {
			t.Errorf("action %d is proven to be among the kept", i+1)
		}
	}
	if sum := sha256.Sum256(nil); p.Header.Containment != hex.EncodeToString(sum[:]) {
		t.Errorf("the root of nothing is %s", p.Header.Containment)
	}
}
