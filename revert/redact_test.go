package revert

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"recourse/audit"
)

// A review copy has none of the plan's values, tells equal from different, reads
// back as a review copy, and is refused wherever a plan is needed.
func TestRedact(t *testing.T) {
	p := allKinds(t)
	salt := []byte("salt that stays at home")
	q, err := p.Redact(salt)
	if err != nil {
		t.Fatal(err)
	}
	file := written(t, q)
	for _, value := range []string{"pwned", `"eve@`, "123456789012345678901234567890", "AAH/", "2023-11-14", "NaN", "12.5", "9002", "no date", "\u2028", `"evil"`, `"good"`, string(salt)} {
		if bytes.Contains(file, []byte(value)) {
			t.Errorf("%s stands in the copy", value)
		}
	}
	var a *Action
	for i := range q.Actions {
		if q.Actions[i].Do == DoPatch {
			a = &q.Actions[i]
		}
	}
	owner := a.Attrs["owner"]
	hash := regexp.MustCompile(`^hash:[0-9a-f]{20}$`)
	if !hash.MatchString(owner.Base.Text()) || !owner.Base.Equal(a.Set["owner"]) || owner.Base.Equal(owner.Theirs) || !owner.Theirs.Equal(a.Expect.Owned["owner"]) {
		t.Errorf("owner %+v, set to %s", owner, a.Set["owner"].JSON())
	}
	back, err := ReadReview(bytes.NewReader(file))
	if err != nil || !back.Review() || back.Header.Of != p.Header.Digest || back.Header.Digest == p.Header.Digest {
		t.Errorf("read back: %v", err)
	}
	if _, err := ReadPlan(bytes.NewReader(file)); !errors.Is(err, ErrReviewCopy) {
		t.Errorf("as a plan: %v", err)
	}
	if _, err := applier(&simServer{sim: newSim()}, newMemory()).Apply(t.Context(), q, ApplyOptions{User: me}); !errors.Is(err, ErrReviewCopy) {
		t.Errorf("applied: %v", err)
	}
	_, key := approverOf("bob", 2)
	if _, err := Approve(q, key, signedAt, "", ""); !errors.Is(err, ErrReviewCopy) {
		t.Errorf("approved: %v", err)
	}
	if _, err := q.Redact(salt); !errors.Is(err, ErrReviewCopy) {
		t.Errorf("redacted again: %v", err)
	}
	if again, err := p.Redact(salt); err != nil || !bytes.Equal(written(t, again), file) {
		t.Errorf("the same salt gives another copy (%v)", err)
	}
	if other, err := p.Redact([]byte("other")); err != nil || other.Actions[0].Set["owner"].Equal(q.Actions[0].Set["owner"]) {
		t.Errorf("another salt gives the same hashes (%v)", err)
	}
	roundTrip(t, p) // which Redact has left as it was
}

func TestBlame(t *testing.T) {
	s := newSim()
	for _, o := range parse(t, base+"eve patch a=9; bob patch b=2; eve delete; bob insert a=3") {
		s.do(o)
		s.poll()
	}
	rec := Record{Key: k1, Changes: s.changes(0)}
	ours := rec.Changes[2].Identify()
	all := BlameOf(&rec, func(id audit.ChangeID) bool { return id == rec.Changes[1].Identify() }, map[audit.ChangeID]string{ours: "plan"})
	var got []string
	for _, n := range sortedKeys(all) {
		line := n + ":"
		for _, b := range all[n] {
			line += " " + b.User + "=" + show(b.Value)
			if b.Selected {
				line += "!"
			}
			if b.Plan != "" {
				line += "*"
			}
		}
		got = append(got, line)
	}
	want := "a: ann=1 eve=9! eve=absent bob=3|b: ann=1 bob=2* eve=absent|id: ann=1 eve=absent bob=1"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestLineFilter(t *testing.T) {
	p := allKinds(t)
	p.Containment = []Containment{{User: "eve", Do: DoDeactivate}}
	for _, tt := range []struct {
		filter LineFilter
		want   int
	}{
		{LineFilter{}, 1 + len(p.Actions) + len(p.Conflicts) + len(p.Kept) + 1},
		{LineFilter{Key: audit.Key{Table: dogs, ID: "42"}}, 1 + 1},
		{LineFilter{Class: ClassRecreated}, 1 + 1},
		{LineFilter{Class: DoDelete}, 1 + 1},
		{LineFilter{Class: ClassSuperseded}, 1 + 1},
		{LineFilter{Class: DoDeactivate}, 1 + 1},
		{LineFilter{Key: audit.Key{Table: dogs, ID: "42"}, Class: ClassRecreated}, 1},
		{LineFilter{Key: audit.Key{Table: dogs, ID: "4242"}}, 1},
	} {
		q := new(Plan)
		n := 0
		for l := range p.Lines() {
			if tt.filter.Fits(l) {
				q.Take(l)
				n++
			}
		}
		if n != tt.want || len(q.Actions)+len(q.Conflicts)+len(q.Kept)+len(q.Containment) != n-1 || q.Header.Digest != p.Header.Digest {
			t.Errorf("%+v: %d lines (%s), want %d", tt.filter, n, said(q), tt.want)
		}
	}
}
