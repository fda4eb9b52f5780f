package ingest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// go test -run TestZZ -v . with SEED LINE NODES TABLE ID
func TestZZ(t *testing.T) {
	n := func(s string) int { i, _ := strconv.Atoi(os.Getenv(s)); return i }
	db := simStore(t, nil)
	w := newWorld(uint64(n("SEED")), harpertest.Line(n("LINE")), n("NODES"), db)
	for range 30 + w.rnd.IntN(40) {
		w.step()
		w.look()
	}
	w.settle()
	table := w.tables[n("TABLE")]
	id := audit.ID(os.Getenv("ID"))
	for _, n := range w.nodes {
		for _, e := range n.truth.entries {
			if e.ID == id && e.Table == table {
				fmt.Println(n.name, e.LocalTime, e.Version, e.Type, "prev", e.Prev, e.User, e.Raw.JSON())
			}
		}
		h, err := n.wire.RecordHistory(context.Background(), table, []audit.ID{id})
		for _, r := range h[id] {
			fmt.Println("  history", r.Time, r.Operation, r.Record.JSON())
		}
		fmt.Println(err)
		for r, err := range n.wire.AuditLog(context.Background(), harper.AuditQuery{Table: table}) {
			if r.ID == id {
				fmt.Println("  log", r.ID, r.Time, r.Operation, r.Index, r.Size, r.Record.JSON(), err)
			}
		}
	}
	for c, err := range db.History(context.Background(), audit.Key{Table: table, ID: id}) {
		fmt.Println("stored", c.Seq, c.Time, c.Op, c.Reported, c.Nth, c.User, c.After.Trust, c.After.Body.JSON(), c.Group, c.Note, c.Observed, err)
	}
	for _, l := range w.trace {
		if len(l) > 200 {
			l = l[:200]
		}
		fmt.Println(l)
	}
}

func TestYY(t *testing.T) {
	n := func(s string) int { i, _ := strconv.Atoi(os.Getenv(s)); return i }
	db := simStore(t, nil)
	w := newWorld(uint64(n("SEED")), harpertest.Line(n("LINE")), n("NODES"), db)
	for range 30 + w.rnd.IntN(40) {
		w.step()
		w.look()
	}
	w.settle()
	as, _ := db.Alerts(context.Background())
	for _, a := range as {
		fmt.Printf("ALERT %s %s %+v\n", a.Rule, a.Title, a.Changes)
		for _, c := range a.Changes {
			for _, l := range w.nodes[0].truth.entries {
				if a.Rule == "log-purged" && l.ID == c.Key && l.Version == c.Time {
					fmt.Printf("   %+v\n", l.Entry)
				}
			}
		}
	}
	gs, _ := db.Gaps(context.Background())
	for _, g := range gs {
		fmt.Printf("GAP %+v\n", g)
	}
	for _, l := range w.trace {
		if len(l) > 200 {
			l = l[:200]
		}
		fmt.Println(l)
	}
}

func TestXX(t *testing.T) {
	n := func(s string) int { i, _ := strconv.Atoi(os.Getenv(s)); return i }
	db := simStore(t, nil)
	w := newWorld(uint64(n("SEED")), harpertest.Line(n("LINE")), n("NODES"), db)
	for range 30 + w.rnd.IntN(40) {
		w.step()
		w.look()
	}
	w.settle()
	for c, err := range db.TableChanges(context.Background(), w.tables[n("TABLE")], 0, 1e300) {
		fmt.Println("STORED", c.Time, c.Key.ID, c.Op, c.Late, c.Node, c.Observed, err)
	}
	for _, l := range w.nodes[0].truth.entries {
		if l.Table == w.tables[n("TABLE")] {
			fmt.Println("TRUTH", l.LocalTime, l.Version, l.ID, l.Type, l.traceless)
		}
	}
}
