package revert

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"recourse/audit"
)

// A generatedServer has the generated records as bob has left them, or as we have
// written them. Of its records it keeps whether they were written; journal and ledger
// keep nothing.
type generatedServer struct {
	generated
	mu      sync.Mutex
	written []bool
	looks   int
	look    func()
}

func (g *generatedServer) number(k audit.Key) int {
	var n int
	_, _ = fmt.Sscan(string(k.ID), &n) // the plan has no others
	return n - 1_000_000
}

// log is all that Harper's log has of a record.
func (g *generatedServer) log(i int) []audit.Change {
	life := g.life(i)
	if g.mu.Lock(); g.written[i] {
		last := life[len(life)-1]
		last.User, last.Op, last.Time = me, audit.OpPatch, 1_795_490_000_000+audit.Time(i)
		last.After.Body = last.After.Body.With("email", life[0].After.Body.Get("email"))
		last.ID = last.Identify()
		life = append(life, last)
	}
	g.mu.Unlock()
	return life
}

func (g *generatedServer) Read(_ context.Context, keys []audit.Key) (map[audit.Key]audit.Image, error) {
	if g.looks++; g.looks%(1+int(g.generated)/usualBatch/5) == 0 {
		g.look()
	}
	all := map[audit.Key]audit.Image{}
	for _, k := range keys {
		life := g.log(g.number(k))
		all[k] = audit.PresentImage(life[len(life)-1].After.Body, audit.Fetched, audit.Exact)
	}
	return all, nil
}

func (g *generatedServer) History(_ context.Context, keys []audit.Key, since audit.Time) (map[audit.Key]Trail, error) {
	all := map[audit.Key]Trail{}
	for _, k := range keys {
		life := slices.DeleteFunc(g.log(g.number(k)), func(c audit.Change) bool { return c.Time < since })
		all[k] = Trail{Changes: life}
	}
	return all, nil
}

func (g *generatedServer) Write(_ context.Context, w Write) (Outcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.written[g.number(w.Key)] = true
	return Outcome{Acked: true}, nil
}

func (g *generatedServer) AddReceipt(context.Context, ...audit.Receipt) error { return nil }
func (g *generatedServer) Receipts(context.Context, string) ([]audit.Receipt, error) {
	return nil, nil
}
func (g *generatedServer) BeginApply(context.Context, audit.Apply) error         { return nil }
func (g *generatedServer) Enter(context.Context, string, ...audit.Entered) error { return nil }
func (g *generatedServer) EndApply(context.Context, string, audit.Time) error    { return nil }

// file writes the plan of the generated attack.
func (g generated) file(t *testing.T) *os.File {
	t.Helper()
	req := Request{Selection: g.selection(t)}
	temp := tempIn(t.TempDir())
	d, err := MakeDraft(t.Context(), req, Records(t.Context(), &reading{generated: g}, req.Selection.Changes, temp), temp)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "plan"))
	if err == nil {
		t.Cleanup(func() { f.Close() })
		err = d.Write(f)
	}
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// carry applies the plan, from its file or from memory, and verifies it. It is the most
// that is in use meanwhile, beyond what was before; measured some times.
func (g generated) carry(t *testing.T, opened bool) int64 {
	t.Helper()
	f, srv := g.file(t), &generatedServer{generated: g, written: make([]bool, g)}
	before, most := inUse(), int64(0)
	srv.look = func() { most = max(most, inUse()-before) }
	a := &Applier{Server: srv, Journal: srv, Ledger: srv}
	carry := func() (res *Result, v *Verification, err error) {
		p, err := OpenPlan(f)
		if err == nil {
			res, err = a.ApplyOpened(t.Context(), p, ApplyOptions{User: me})
		}
		if err == nil {
			v, err = a.VerifyOpened(t.Context(), p, true)
		}
		return res, v, err
	}
	if !opened {
		carry = func() (res *Result, v *Verification, err error) {
			p, err := ReadPlan(io.NewSectionReader(f, 0, 1<<40))
			if err == nil {
				res, err = a.Apply(t.Context(), p, ApplyOptions{User: me})
			}
			if err == nil {
				v, err = a.Verify(t.Context(), p)
			}
			return res, v, err
		}
	}
	if res, v, err := carry(); err != nil || res.Verified != int(g) || v.OK != int(g) {
		t.Fatalf("%+v %+v: %v", res, v, err)
	}
	return most
}

// TestCarryingOutTakesTheSameMemory: to apply a plan that stays in its file, and to
// verify it, takes no more memory for ten times as many records. With RECOURSE_SOAK
// they are a million.
func TestCarryingOutTakesTheSameMemory(t *testing.T) {
	few := generated(200)
	if os.Getenv("RECOURSE_SOAK") != "" {
		few = 100_000
	}
	grows := func(opened bool) int64 {
		a, b := few.carry(t, opened), (10*few).carry(t, opened)
		t.Logf("%d records %d kB, %d records %d kB", few, a>>10, 10*few, b>>10)
		return (b - a) / int64(9*few)
	}
	if each := grows(true); each > 64 {
		t.Errorf("a record more takes %d bytes", each)
	}
	if each := grows(false); each < 1_000 {
		t.Errorf("with the plan in memory a record more takes %d bytes: this test looks at nothing", each)
	}
}
