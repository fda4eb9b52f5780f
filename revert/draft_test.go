package revert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"recourse/audit"
)

// sameDraft makes sure that the draft of a plan is that plan, byte for byte.
func sameDraft(ctx context.Context, req Request, records iter.Seq2[Record, error], want *Plan) error {
	d, err := MakeDraft(ctx, req, records, nil)
	if err != nil {
		return fmt.Errorf("draft: %w", err)
	}
	var got, whole bytes.Buffer
	if err := errors.Join(d.Write(&got), WritePlan(&whole, want), d.Close()); err != nil {
		return fmt.Errorf("draft: %w", err)
	}
	if !bytes.Equal(got.Bytes(), whole.Bytes()) || d.Unresolved != want.Unresolved() || d.Empty() != want.Empty() {
		return fmt.Errorf("the draft is another plan:\n%s\nwant\n%s", got.Bytes(), whole.Bytes())
	}
	return nil
}

func checkDraft(t *testing.T, req Request, records iter.Seq2[Record, error], want *Plan) {
	t.Helper()
	if err := sameDraft(t.Context(), req, records, want); err != nil {
		t.Fatal(err)
	}
}

// A keptFile is a TempFile that fails when it has so many bytes.
type keptFile struct {
	*os.File
	left int
}

var errFull = errors.New("no space left on device")

func (f *keptFile) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	if f.File == nil {
		return len(b), nil
	}
	return f.File.Write(b)
}

func (f *keptFile) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }

// tempIn makes files in a folder.
func tempIn(dir string) func() (TempFile, error) {
	return func() (TempFile, error) {
		f, err := os.CreateTemp(dir, "")
		return &keptFile{f, 1 << 40}, err
	}
}

// mixed are changes of which a plan has lines of every kind.
func mixed(records int) []audit.Change {
	changes := manyChanges(records)
	for i := range changes {
		c := &changes[i]
		switch n := i % records % 8; {
		case n == 1 && c.User != "eve", n == 2 && c.User == "bob", n == 4 && c.User == "bob":
			c.Key.ID += "000000" // a record that the attacker made, and one of somebody's own
		case n == 1:
			c.Op = audit.OpInsert
		case n == 6 && c.User == "bob":
			c.Op, c.After = audit.OpDelete, audit.AbsentImage(audit.Logged, audit.Exact)
		case n == 3 && c.User == "eve":
			c.Op, c.After = audit.OpDelete, audit.AbsentImage(audit.Logged, audit.Exact)
		case n == 4 && c.User == "eve":
			c.Op, c.After = audit.OpDelete, audit.AbsentImage(audit.Logged, audit.Exact)
		case n == 5 && c.User == "bob":
			c.After = changes[i-2*records].After
		}
		c.ID = c.Identify()
	}
	return changes
}

// TestDraftInFiles: lines of every kind that are too many for memory come out of
// files as they would from memory, and the files are gone afterwards.
func TestDraftInFiles(t *testing.T) {
	changes := mixed(5_000)
	sel, err := Select(Criteria{}, each(changes, eves))
	if err != nil {
		t.Fatal(err)
	}
	req := Request{Selection: sel, Contain: true}
	want, err := Make(t.Context(), req, history(changes))
	if err != nil {
		t.Fatal(err)
	}
	c := want.Header.Counts
	if least := slices.Min([]int{c.Insert, c.Patch, c.Delete, c.Conflict, c.Already}); least < 500 {
		t.Fatalf("too little to look at: %+v", c)
	}
	dir, made := t.TempDir(), 0
	temp := func(room int) func() (TempFile, error) {
		return func() (TempFile, error) {
			made++
			f, err := tempIn(dir)()
			f.(*keptFile).left = room
			return f, err
		}
	}
	d, err := MakeDraft(t.Context(), req, history(changes), temp(1<<40))
	if err != nil {
		t.Fatal(err)
	}
	var got, whole bytes.Buffer
	if err := errors.Join(d.Write(&got), WritePlan(&whole, want), d.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), whole.Bytes()) || made < 3 {
		t.Errorf("%d bytes out of %d files, want %d", got.Len(), made, whole.Len())
	}
	if _, err := MakeDraft(t.Context(), req, history(changes), temp(1<<18)); !errors.Is(err, errFull) {
		t.Errorf("no room for the lines: %v", err)
	}
	d, err = MakeDraft(t.Context(), req, history(changes), temp(1<<40))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(&keptFile{nil, whole.Len() - 1}); !errors.Is(err, errFull) {
		t.Errorf("no room for the plan: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	interrupted := func(yield func(Record, error) bool) {
		for rec := range history(changes) {
			if n++; n == len(changes)/4 {
				cancel()
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
	if _, err := MakeDraft(ctx, req, interrupted, temp(1<<40)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("files that are left: %v", left)
	}
}

// What becomes of a record depends on others in some plans; their drafts are those
// plans, too.
func TestDraftsThatAreMadeInMemory(t *testing.T) {
	changes := manyChanges(40)
	for i := range changes {
		changes[i].Group = audit.Group{Size: 2, Index: i % 2}
		changes[i].Time = audit.Time(1_795_470_000_000 + float64(i/2))
		changes[i].ID = changes[i].Identify()
	}
	odd := 0
	sel, err := Select(Criteria{}, each(changes, func(c *audit.Change) bool {
		odd++
		return eves(c) && odd != 50
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Policy{{}, {Strict: StrictTransaction}, {References: map[string]string{"dev.dog.city": "dev.city"}}} {
		req := Request{Selection: sel, Policy: p}
		want, err := Make(t.Context(), req, history(changes))
		if err != nil {
			t.Fatal(err)
		}
		checkDraft(t, req, history(changes), want)
		shuffled := func(yield func(Record, error) bool) {
			var all []Record
			for rec := range history(changes) {
				all = append(all, rec)
			}
			slices.Reverse(all)
			for _, rec := range all {
				if !yield(rec, nil) {
					return
				}
			}
		}
		checkDraft(t, req, shuffled, want)
	}
	if _, err := MakeDraft(t.Context(), Request{Selection: sel}, history(changes[:60]), nil); !errors.Is(err, ErrIncomplete) {
		t.Errorf("a draft without records of selected changes: %v", err)
	}
	failing := func(yield func(Record, error) bool) { yield(Record{}, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)) }
	if _, err := MakeDraft(t.Context(), Request{Selection: sel}, failing, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a draft of records that cannot be read: %v", err)
	}
}
