package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

func TestBlockKeepsWhatItIsGiven(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for _, n := range []int{1, 1, 1, 2, 2, 3, 16, 17, 33, 255, 256, 256, 256} {
		first := audit.Seq(1 + r.Uint64N(1<<40))
		rows := randomRows(r, first, n)
		checkBlock(t, mustOpen(t, first, mustEncode(t, rows)), rows)
		checkBlock(t, mustOpen(t, first, packed(t, rows, false)), rows)
		checkBlock(t, mustOpen(t, first, packed(t, rows, true)), rows)
	}
}

func TestBlockFindsWhatWouldNotComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 7))
	rows := randomRows(r, 1, 20)
	w := new(blockWriter)
	w.reset(false)
	b, err := w.pack(1, rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, spoil := range []func(*row){
		func(r *row) { r.c.User += "x" }, func(r *row) { r.c.Observed++ }, func(r *row) { r.was.Trust++ },
		func(r *row) { r.prev++ }, func(r *row) { r.c.Sent = append(bytes.Clone(r.c.Sent), 0) }, func(r *row) { r.c.After.Body = audit.Value("x") },
	} {
		other := slices.Clone(rows)
		spoil(&other[i])
		if err := b.check(other); err == nil {
			t.Errorf("difference %d is not found", i)
		}
	}
}

func TestBlockKeepsTexts(t *testing.T) {
	var rows []row
	for i, s := range append(blockTexts, malformed...) {
		c := made(s, 1795392000000, audit.OpUpdate, audit.Object(map[string]audit.Value{"s": audit.Text(s), "t": audit.Text(s + s), "b": audit.BytesValue([]byte(s))}))
		c.Seq, c.User, c.Note = audit.Seq(i+1), s, s
		c.Sent = audit.Value(s)
		c.ID = c.Identify()
		rows = append(rows, row{c: c})
	}
	checkBlock(t, mustOpen(t, 1, packed(t, rows, false)), rows)
}

// More shapes, words and templates than a byte can number, and more than there
// may be.
func TestBlockOfManyForms(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return string(b)
	}
	rows := make([]row, audit.BlockSize)
	for i := range rows {
		fields := map[string]audit.Value{}
		for range 60 {
			var s strings.Builder
			for range 1 + r.IntN(8) {
				s.WriteString(letters(6) + []string{" ", "-", "12", "/", "007", "A"}[r.IntN(6)])
			}
			fields[letters(2)] = audit.Text(s.String())
		}
		c := made(letters(5), 1795392000000, audit.OpUpdate, audit.Object(fields))
		c.Seq, c.User = audit.Seq(i+1), letters(4)
		rows[i] = row{c: c, prev: 1, was: audit.PresentImage(audit.Object(fields).With(letters(2), audit.Text(letters(3))), audit.Logged, audit.Exact)}
	}
	checkBlock(t, mustOpen(t, 1, packed(t, rows, false)), rows)
}

func TestBlockOfLargeBodies(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789 abcdef "), 24<<20/18)
	body := audit.Object(map[string]audit.Value{"a": audit.Text(string(large)), "n": audit.Int(1)})
	c := made("1", 1795392000000, audit.OpUpdate, body)
	c.Seq = 1
	rows := []row{{c: c, prev: 1, was: audit.PresentImage(body.With("n", audit.Int(2)), audit.Logged, audit.Exact)}}
	payload := mustEncode(t, rows)
	got, err := mustOpen(t, 1, payload).rows()
	if err != nil || !sameRow(&got[0], &rows[0]) {
		t.Fatalf("a body of %d bytes does not come back: %v", len(body), err)
	}
}

func TestBlockRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 3))
	rows := randomRows(r, 1, 3)
	gap := randomRows(r, 1, 3)
	gap[2].c.Seq++
	for name, rows := range map[string][]row{
		"no rows": nil, "too many": randomRows(r, 1, audit.BlockSize+1), "a gap": gap,
	} {
		if _, err := encodeBlock(1, rows); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := encodeBlock(2, rows); err == nil {
		t.Error("another first number: no error")
	}
}

// unpacked is the payload with its parts as they are, so that damage to it
// reaches what zstd would refuse.
func unpacked(t testing.TB, payload []byte) []byte {
	t.Helper()
	b := mustOpen(t, 1, payload)
	out := []byte{blockVersion}
	for _, n := range []int{b.n, b.bodies, b.keys} {
		out = binary.AppendUvarint(out, uint64(n))
	}
	var all []byte
	for _, f := range b.frames {
		part, err := f.open(nil)
		if err != nil {
			t.Fatal(err)
		}
		out = binary.AppendUvarint(binary.AppendUvarint(out, uint64(len(part))), uint64(len(part)))
		all = append(all, part...)
	}
	return append(out, all...)
}

// Whatever is cut off or flipped, a block is refused or is still one of rows.
func TestBlockDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	rows := randomRows(r, 1, 40)
	payload := mustEncode(t, rows)
	for n := range payload {
		if _, err := openBlock(1, payload[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("of %d bytes the first %d: %v", len(payload), n, err)
		}
	}
	whole := unpacked(t, payload)
	checkBlock(t, mustOpen(t, 1, whole), rows)
	damages := 800
	if os.Getenv("RECOURSE_SOAK") != "" {
		damages = 24_000
	}
	for i := range damages {
		bad := bytes.Clone([][]byte{payload, whole, whole}[i%3])
		for range 1 + r.IntN(3) {
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		}
		readDamaged(t, bad)
	}
}

// readDamaged reads all that a payload may have, in both ways.
func readDamaged(t testing.TB, payload []byte) {
	b, err := openBlock(1, payload)
	if err == nil {
		var all []row
		if all, err = b.rows(); err == nil {
			again := mustEncode(t, all)
			checkBlock(t, mustOpen(t, 1, again), all)
		}
		for i := range b.len() {
			if one, oneErr := b.row(i); oneErr == nil && err == nil && !sameRow(&one, &all[i]) {
				t.Fatalf("row %d differs by itself", i)
			}
		}
	}
	if err != nil && !errors.Is(err, ErrCorrupt) {
		t.Fatalf("not ErrCorrupt: %v", err)
	}
}

func FuzzOpenBlock(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 5))
	for _, n := range []int{1, 2, 20} {
		payload := mustEncode(f, randomRows(r, 1, n))
		f.Add(payload)
		f.Add(unpacked(f, payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) { readDamaged(t, payload) })
}
