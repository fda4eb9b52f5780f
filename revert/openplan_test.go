package revert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"recourse/audit"
)

// mixedPlan is a plan with lines of every kind, of which there are several pieces.
func mixedPlan(t *testing.T, records int) (*Plan, []audit.Change, []byte) {
	t.Helper()
	changes := mixed(records)
	sel, err := Select(Criteria{}, each(changes, eves))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make(t.Context(), Request{Selection: sel, Contain: true}, history(changes))
	if err != nil {
		t.Fatal(err)
	}
	return p, changes, written(t, p)
}

// A plan that stays in its file has what it has in memory: every line, the
// decisions, the counts, what has moved since.
func TestOpenedPlanIsThePlan(t *testing.T) {
	p, changes, file := mixedPlan(t, 800)
	o, err := OpenPlan(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.pieces) < 6 {
		t.Fatalf("%d pieces: the test looks at too little", len(o.pieces))
	}
	if o.Actions != len(p.Actions) || o.Unresolved != p.Unresolved() || o.Records != len(p.Keys()) || !slices.Equal(o.Tables(), p.Tables()) {
		t.Errorf("actions, unresolved, records, tables: %d %d %d %v", o.Actions, o.Unresolved, o.Records, o.Tables())
	}
	again := &Plan{Header: o.Outline.Header}
	for l, err := range o.Lines() {
		if err != nil {
			t.Fatal(err)
		}
		again.Take(l)
	}
	whole, err := ReadPlan(bytes.NewReader(file))
	if err != nil || !reflect.DeepEqual(again, whole) {
		t.Errorf("other lines: %v", err)
	}
	var copied bytes.Buffer
	if err := o.Write(&copied); err != nil || !bytes.Equal(copied.Bytes(), file) {
		t.Errorf("written again it is another file: %v", err)
	}
	// Some records have moved, and one is not stored any more.
	later := slices.Clone(changes)
	for i := range 10 {
		c := changes[i*7]
		c.Time, c.User, c.Op = 1_795_480_000_000+audit.Time(i), "zoe", audit.OpUpdate
		later = append(later, c)
	}
	later = slices.DeleteFunc(later, func(c audit.Change) bool { return c.Key == p.Actions[0].Key() })
	want, err := p.MovedSince(t.Context(), nil, history(later))
	if err != nil || len(want) < 10 {
		t.Fatalf("%d moves: %v", len(want), err)
	}
	got, err := o.MovedSince(t.Context(), nil, history(later))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("moved: %v\n%+v\nwant\n%+v", err, got, want)
	}
}

// Whatever byte of a plan's file is another one, it is not opened; and written to
// after it was opened, no line of the piece is given.
func TestOpenedPlanIsNotTampered(t *testing.T) {
	_, _, file := mixedPlan(t, 200)
	for at := 0; at < len(file); at += 1 + len(file)/60 {
		other := slices.Clone(file)
		other[at] ^= 1
		if p, err := OpenPlan(bytes.NewReader(other)); !errors.Is(err, ErrBadPlan) || p != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
	if _, err := OpenPlan(bytes.NewReader(file[:len(file)/2])); !errors.Is(err, ErrBadPlan) {
		t.Errorf("half a file: %v", err)
	}
	mine := slices.Clone(file)
	p, err := OpenPlan(bytes.NewReader(mine))
	if err != nil {
		t.Fatal(err)
	}
	piece := p.pieces[1]
	mine[piece.to-10] ^= 1
	before := bytes.Count(mine[p.pieces[0].from:piece.from], []byte("\n"))
	n := 0
	for _, err = range p.Lines() {
		if err != nil {
			break
		}
		n++
	}
	if !errors.Is(err, ErrBadPlan) || n != before {
		t.Errorf("%d lines were given, %d stand before what was written to: %v", n, before, err)
	}
	if err := p.Write(new(bytes.Buffer)); !errors.Is(err, ErrBadPlan) {
		t.Errorf("copied: %v", err)
	}
}

// Carried out from its file a plan does what it does from memory, and a file that is
// written to meanwhile ends it.
func TestOpenedPlanIsApplied(t *testing.T) {
	s, p := herd(t, 40)
	want, file := applied(p, s.state()), written(t, p)
	o, err := OpenPlan(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	a := applier(&simServer{sim: s}, newMemory())
	res, err := a.ApplyOpened(context.Background(), o, ApplyOptions{User: me, Batch: 17})
	if err != nil || res.Err() != nil || res.Verified != len(p.Actions) || len(res.Steps) != 0 || !equalStates(s.state(), want) {
		t.Fatalf("%+v %v", res, err)
	}
	v, err := a.VerifyOpened(t.Context(), o, true)
	all, bad := a.VerifyOpened(t.Context(), o, false)
	same, worse := a.Verify(t.Context(), p)
	if err := errors.Join(err, bad, worse); err != nil || v.OK != len(p.Actions) || len(v.Checks) != 0 || !reflect.DeepEqual(all, same) {
		t.Errorf("verified: %v %+v", err, v)
	}
	s, p = herd(t, 400)
	file = written(t, p)
	if o, err = OpenPlan(bytes.NewReader(file)); err != nil || len(o.pieces) < 2 {
		t.Fatal(len(o.pieces), err)
	}
	file[o.pieces[1].from+5] ^= 1
	res, err = applier(&simServer{sim: s}, newMemory()).ApplyOpened(context.Background(), o, ApplyOptions{User: me})
	first := bytes.Count(file[o.pieces[0].from:o.pieces[0].to], []byte("\n"))
	if !errors.Is(err, ErrBadPlan) || res.Verified > first {
		t.Errorf("%d steps were made, %d were whole: %v", res.Verified, first, err)
	}
}

// A plan that takes changes back and names no apply of which is carried out no more
// from its file than from memory.
func TestOpenedPlanIsChecked(t *testing.T) {
	s, p := herd(t, 1)
	p.Actions[0].Undone = []audit.ChangeID{{1}}
	if err := p.seal(); err != nil {
		t.Fatal(err)
	}
	o, err := OpenPlan(bytes.NewReader(written(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	_, want := applier(&simServer{sim: s}, newMemory()).Apply(t.Context(), p, ApplyOptions{User: me})
	_, got := applier(&simServer{sim: s}, newMemory()).ApplyOpened(t.Context(), o, ApplyOptions{User: me})
	if !errors.Is(got, ErrBadPlan) || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\nwant\n%v", got, want)
	}
}
