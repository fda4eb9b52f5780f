package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"recourse/audit"
	"recourse/store"
)

// TestFewImages: a store that keeps no more than two slabs of last images, of
// more than ten thousand records, tells the same of every change as one that keeps
// all, while images that made room are on their way to the disk, changes come late
// and the store is opened again.
func TestFewImages(t *testing.T) {
	batches := 50
	if soak() {
		batches = 600
	}
	for _, displaced := range []int{1 << 30, 1} {
		t.Run(fmt.Sprint(displaced), func(t *testing.T) {
			few := store.Options{NoSync: true}
			few.Images(1, displaced, 12_000)
			few.Chunks(1000, 4)
			all := store.Options{NoSync: true}
			all.Images(64<<20, displaced, 12_000)
			p := &pair{t: t, r: rand.New(rand.NewPCG(uint64(displaced), 14)), options: []store.Options{few, all}, dirs: []string{t.TempDir(), t.TempDir()}}
			p.open(0)
			p.open(1)
			for i := range batches {
				p.append()
				if i%25 == 24 {
					p.reopen(p.r.IntN(2))
				}
			}
			p.reopen(1)
			p.append()
			if !p.stores[1].AllImages() || p.stores[0].AllImages() {
				t.Errorf("all images are in memory: of few %v, of all %v", p.stores[0].AllImages(), p.stores[1].AllImages())
			}
			p.compare()
			if displaced > 2048 && p.pending == 0 {
				t.Error("no image had to make room")
			}
			for i := range p.stores {
				whole(t, p.stores[i])
				if err := p.stores[i].Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A pair of stores have the same changes.
type pair struct {
	t       *testing.T
	r       *rand.Rand
	options []store.Options
	dirs    []string
	stores  [2]*store.DB
	known   []audit.Change
	pending int // images that made room and were not on disk, at most
}

func (p *pair) open(i int) {
	p.t.Helper()
	var err error
	if p.stores[i], err = store.Open(p.dirs[i], p.options[i]); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) reopen(i int) {
	p.t.Helper()
	if err := p.stores[i].Close(); err != nil {
		p.t.Fatal(err)
	}
	p.open(i)
}

const pairRecords = 20_000

func (p *pair) append() {
	p.t.Helper()
	var b audit.Batch
	for range 500 {
		c := p.change()
		if p.r.IntN(200) == 0 && len(p.known) > 0 { // again, and better
			c = p.known[p.r.IntN(len(p.known))]
			c.After.Trust = audit.Exact
			c.After.Body = c.After.Body.With("again", audit.Bool(true))
		}
		b.Changes = append(b.Changes, c)
	}
	p.known = append(p.known, b.Changes...)
	var out [2]audit.Appended
	for i, db := range p.stores {
		var err error
		if out[i], err = db.Append(p.t.Context(), b); err != nil {
			p.t.Fatal(err)
		}
	}
	if out[0] != out[1] {
		p.t.Fatalf("appended %+v and %+v", out[0], out[1])
	}
	p.pending = max(p.pending, p.stores[0].Displaced())
}

// change is of any of many records, or of one of a few that are written often.
func (p *pair) change() audit.Change {
	n := p.r.IntN(pairRecords)
	if p.r.IntN(5) == 0 {
		n = p.r.IntN(50)
	}
	at := audit.Time(1.7e12 + float64(len(p.known))*100 + float64(p.r.IntN(1000)))
	if p.r.IntN(30) == 0 {
		at -= audit.Time(p.r.IntN(3_000_000))
	}
	c := audit.Change{Time: at, Observed: at, User: "ann", Op: audit.OpPatch, Key: audit.Key{Table: audit.Table{Database: "shop", Name: "things"}, ID: audit.ID(fmt.Sprint(n))}}
	switch p.r.IntN(20) {
	case 0:
		c.Op, c.After = audit.OpDelete, audit.AbsentImage(audit.Logged, audit.Exact)
	case 1:
		c.Op = audit.OpMessage
		c.After = audit.PresentImage(audit.Text("hello"), audit.Logged, audit.Exact)
	default:
		body := audit.Object(map[string]audit.Value{"n": audit.Int(p.r.Int64()), "x": audit.Text(fmt.Sprintf("%0*x", 100+p.r.IntN(300), p.r.Uint64()))})
		if p.r.IntN(500) == 0 {
			body = body.With("large", audit.Text(fmt.Sprintf("%0*x", 20_000, p.r.Uint64())))
		}
		c.After = audit.PresentImage(body, audit.Logged, audit.Prompt)
	}
	c.ID = c.Identify()
	return c
}

func (p *pair) compare() {
	p.t.Helper()
	a, b := followed(p.t, p.stores[0]), followed(p.t, p.stores[1])
	if len(a) != len(b) {
		p.t.Fatalf("%d and %d changes", len(a), len(b))
	}
	records := map[audit.Key]bool{}
	for i := range a {
		if records[a[i].Key] = true; !alike(&a[i], &b[i]) {
			p.t.Fatalf("change %d is %+v\nand %+v", a[i].Seq, a[i], b[i])
		}
	}
	if len(records) < 10_000 {
		p.t.Errorf("only %d records", len(records))
	}
}
