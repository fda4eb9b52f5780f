package index_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/index"
	"recourse/query"
)

// same fails unless two indexes propose the same for many queries.
func same(t *testing.T, a, b *index.Index) {
	t.Helper()
	if a.Progress() != b.Progress() {
		t.Errorf("progress %d and %d", a.Progress(), b.Progress())
	}
	g := newCorpus(77)
	for range 150 {
		q := g.query(1)
		if got, want := find(t, a, q), find(t, b, q); !slices.Equal(got, want) {
			t.Errorf("%s: %v, and %v when built anew", q, got, want)
		}
	}
}

func TestFollowInPartsIsRebuild(t *testing.T) {
	db, x := openStore(t), openIndex(t, t.TempDir())
	changes, sum := newCorpus(4).changes(300), 0
	for batch := range slices.Chunk(changes, 23) {
		put(t, db, batch...)
		sum += follow(t, x, db)
	}
	if sum != int(db.Last()) {
		t.Errorf("Follow counted %d changes of %d", sum, db.Last())
	}
	if n := follow(t, x, db); n != 0 {
		t.Errorf("Follow found %d more", n)
	}
	rebuilt := openIndex(t, t.TempDir())
	follow(t, rebuilt, db)
	same(t, x, rebuilt)
}

// A brittle store breaks off after some changes.
type brittle struct {
	query.Reader
	left int
}

var errBroken = errors.New("broken")

func (b *brittle) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for c, err := range b.Reader.Follow(ctx, after) {
			if b.left--; b.left < 0 {
				yield(audit.Change{}, errBroken)
				return
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func TestFollowGoesOnAfterFailure(t *testing.T) {
	db, x := openStore(t), openIndex(t, t.TempDir())
	for batch := range slices.Chunk(newCorpus(5).changes(2300), 100) {
		put(t, db, batch...)
	}
	if _, err := x.Follow(t.Context(), &brittle{db, 1500}); !errors.Is(err, errBroken) {
		t.Fatalf("Follow: %v, want the store's error", err)
	}
	if p := x.Progress(); p == 0 || p > 1500 {
		t.Errorf("progress %d after a failure at 1500", p)
	}
	follow(t, x, db)
	rebuilt := openIndex(t, t.TempDir())
	follow(t, rebuilt, db)
	same(t, x, rebuilt)
}

// TestKilledIndexGoesOn kills a process that adds changes, at several points,
// and checks that what it had acknowledged is there and the rest can be added.
func TestKilledIndexGoesOn(t *testing.T) {
	const size, envDir = 120, "RECOURSE_TEST_INDEX"
	changes := numbered(size)
	if dir := os.Getenv(envDir); dir != "" {
		x, err := index.Open(dir, index.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes[x.Progress():] {
			add(t, x, c)
			fmt.Printf("added %d\n", c.Seq)
		}
		return
	}
	dir := t.TempDir()
	acknowledged := 0
	for _, until := range []int{1, 2, 17, 40, 41} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledIndexGoesOn$")
		cmd.Env = append(os.Environ(), envDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && acknowledged < until {
			if _, err := fmt.Sscanf(lines.Text(), "added %d", &acknowledged); err != nil && strings.HasPrefix(lines.Text(), "added") {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}
	x := openIndex(t, dir)
	if p := int(x.Progress()); p < acknowledged || acknowledged < 41 {
		t.Fatalf("progress %d, though %d had been acknowledged", p, acknowledged)
	}
	add(t, x, changes[x.Progress():]...)
	rebuilt := openIndex(t, t.TempDir())
	add(t, rebuilt, changes...)
	same(t, x, rebuilt)
}
