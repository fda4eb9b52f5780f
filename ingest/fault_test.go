package ingest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harpertest"
	"recourse/store"
)

// seeds is how many schedules are played of each line, by how many nodes there
// are; a long run plays a hundred and twenty times as many.
var seeds = map[int]uint64{1: 30, 2: 10, 3: 5}

// TestFaults plays schedules of writes, polls and mishaps. When all
// is over and quiet, the store has to hold what the log has held, each change
// once, and to say where it does not: what it would hold had nothing gone wrong.
func TestFaults(t *testing.T) {
	times := uint64(1)
	if os.Getenv("RECOURSE_SOAK") != "" {
		times = 120
	}
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		for nodes, n := range seeds {
			t.Run(fmt.Sprintf("%s/%d", line, nodes), func(t *testing.T) {
				t.Parallel()
				var db *store.DB
				crashes, guesses := 0, 0
				for seed := range n * times {
					if seed%15 == 0 {
						db = simStore(t, db)
					}
					w := schedule(t, seed, line, nodes, db)
					crashes, guesses = crashes+w.crashes, guesses+w.wrongGuesses
				}
				simStore(t, db).Close()
				t.Logf("%d schedules, %d crashes; %d times it was inferred wrongly what a change was", n*times, crashes, guesses)
			})
		}
	}
}

// simStore closes a store and opens a new one that does not wait for the disk.
func simStore(t *testing.T, old *store.DB) *store.DB {
	t.Helper()
	if old != nil {
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db, err := store.Open(t.TempDir(), store.Options{NoSync: true, SkipCheck: true, Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func schedule(t *testing.T, seed uint64, line harpertest.Line, nodes int, db *store.DB) *world {
	w := newWorld(seed, line, nodes, db)
	defer func() {
		for _, n := range w.nodes {
			n.srv.Close()
		}
	}()
	for range 30 + w.rnd.IntN(40) {
		w.step()
		w.look()
	}
	problems := w.settle()
	problems = append(problems, w.check()...)
	if len(problems) > 0 {
		t.Errorf("%s, %d nodes, seed %d:\n  %s\n%s", line, nodes, seed, strings.Join(problems, "\n  "), strings.Join(w.trace, "\n"))
	}
	return w
}

// step is one thing that happens.
func (w *world) step() {
	switch c := w.rnd.IntN(100); {
	case c < 45:
		w.write()
	case c < 50:
		w.finish()
	case c < 65:
		w.pass()
	case c < 78:
		w.once()
	case c < 86:
		w.some()
	case c < 92:
		w.weather = pick(w, 0, 0, 10, 40, 100)
		w.say("weather: %d of 100 requests go wrong", w.weather)
	case c < 95:
		w.disk.left, w.disk.crash, w.disk.after = 1+w.rnd.IntN(6), w.chance(75), w.chance(50)
		w.say("the disk will fail at append %d (crash: %v, after: %v)", w.disk.left, w.disk.crash, w.disk.after)
	default:
		w.trouble()
	}
}

// pass lets time pass.
func (w *world) pass() {
	d := time.Duration(pick(w, 50, 300, 1000, 4000, 12_000, 70_000, 700_000, 8_000_000)) * time.Millisecond
	w.now += ms(d)
	w.say("%s pass", d)
}

func (w *world) once() {
	_ = w.try("poll all", w.tail.Once) // a mishap is what this is about
}

// some does one thing of what a poll of all does, in an order of its own.
func (w *world) some() {
	w.tail.find(context.Background())
	n := pick(w, w.tail.list()...)
	i, rescan := w.rnd.IntN(len(w.tables)), w.chance(50)
	_ = w.try(fmt.Sprint("poll or a window of a re-scan of ", n.name, " ", w.tables[i].Name), func(ctx context.Context) (got audit.Appended, err error) {
		targets, err := n.tailer.targets(ctx)
		if err != nil {
			return got, err
		}
		if err := n.tailer.load(ctx); err != nil {
			return got, err
		}
		tb := n.tailer.table(targets[i])
		server, err := n.tailer.serverTime(ctx)
		switch {
		case err != nil:
			return got, err
		case rescan && tb.rescanDue(server, n.tailer.tiers()):
			return n.tailer.rescan(ctx, tb, server)
		}
		return n.tailer.poll(ctx, tb, server)
	})
}

// trouble is what happens to servers.
func (w *world) trouble() {
	n := pick(w, w.nodes...)
	switch c := w.rnd.IntN(10); {
	case c < 2:
		by := audit.Time(pick(w, 1_500, 10_000, 3_600_000) * pick(w, 1, -1))
		n.offset += by
		w.stepped = true
		w.say("the clock of %s is set by %.1fs", n.name, float64(by)/1000)
	case c < 4:
		n.srv.Restart()
		w.say("%s restarts", n.name)
	case c < 6:
		w.restart()
		w.say("the tailer restarts")
	case c < 8:
		n.down = !n.down
		n.srv.SetDown(n.down)
		w.say("%s down: %v", n.name, n.down)
	case c < 9 && len(w.links) == 0:
		w.purge(n)
	case c == 8 && len(w.nodes) < 4:
		w.clone(n)
	case len(w.links) > 0:
		l := pick(w, w.links...)
		if w.chance(50) {
			l.Pause()
			w.say("a link is cut")
		} else {
			l.Resume()
			w.say("a link is mended")
		}
	}
}

// purge deletes the log of a table up to a time.
func (w *world) purge(n *member) {
	t, before := w.table(), w.now+n.offset-audit.Time(pick(w, 0, 2_000, 100_000, 3_600_000))
	provable := w.provable(n, t, before)
	for _, l := range n.truth.entries {
		l.traceless = l.traceless || l.Table == t && l.LocalTime < before && (!provable || !l.prompt)
	}
	gone, err := n.srv.Wipe(t, before)
	w.say("the log of %s/%s is deleted before %.3fs: %d entries %s", n.name, t.Name, float64(before-dawn)/1000, gone, orFine(err))
	w.purged = w.purged || gone > 0
}

// provable says that a deletion of a table's log takes a change along that was
// read of it: without one, nobody can know that there was a deletion.
func (w *world) provable(n *member, t audit.Table, before audit.Time) bool {
	for c, err := range w.db.TableChanges(context.Background(), t, 0, before) {
		if err != nil {
			panic(err)
		}
		if c.Node == n.name && !c.Late && c.Op.Kind() != audit.KindMessage {
			return true
		}
	}
	return false
}

// clone adds a node that gets its records from another, and no history of them.
func (w *world) clone(from *member) {
	if from.down {
		return
	}
	n := w.join(fmt.Sprint("n", len(w.nodes)+1))
	for _, m := range w.nodes[:len(w.nodes)-1] {
		w.links = append(w.links, harpertest.Replicate(m.srv, n.srv), harpertest.Replicate(n.srv, m.srv))
		if m == from {
			w.links[len(w.links)-2].BaseCopy()
		}
	}
	w.say("%s joins, with a copy of %s", n.name, from.name)
}

// settle ends all mishaps and lets the tailer do everything that it does in
// time.
func (w *world) settle() (problems []string) {
	w.say("quiet")
	w.weather, w.disk.left = 0, 0
	for _, n := range w.nodes {
		n.down = false
		n.srv.SetDown(false)
	}
	for _, l := range w.links {
		l.Resume()
	}
	for len(w.open) > 0 {
		w.finish()
	}
	w.look()
	for _, d := range []time.Duration{time.Second, 15 * time.Second, 11 * time.Minute, 7 * time.Hour, 25 * time.Hour} {
		w.now += ms(d)
		w.say("%s pass", d)
		if err := w.try("poll all", w.tail.Once); err != nil {
			problems = append(problems, "a poll fails although all is well: "+err.Error())
		}
	}
	return problems
}
