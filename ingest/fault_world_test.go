package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"recourse/audit"
	"recourse/internal/harpertest"
	"recourse/store"
)

// A world is one schedule: servers, what is written to them, who tails them, and
// everything that goes wrong. It is made of a seed and the same each time.
type world struct {
	rnd    *rand.Rand
	line   harpertest.Line
	now    audit.Time // the true time
	tables []audit.Table
	nodes  []*member
	links  []*harpertest.Link
	db     *store.DB
	disk   *disk
	kept   time.Duration // how long the log is kept
	tail   *Cluster
	trace  []string

	weather int  // how many of a hundred requests go wrong
	stepped bool // a clock was set
	purged  bool // a log was cut
	crashes int
	// wrongGuesses are changes whose kind was inferred, and wrongly.
	wrongGuesses int
	open         []*open // transactions under way
	serial       int
}

// A member is a node of the world.
type member struct {
	name   string
	srv    *harpertest.Server
	wire   *wire
	truth  *truth
	offset audit.Time // of its clock
	told   audit.Time // what the clock told last
	down   bool
}

// An open is a transaction that commits later than it began.
type open struct {
	node  *member
	begun audit.Time
	write func(*harpertest.Tx)
	what  string
}

// begin is a time at which all schedules begin.
const dawn = audit.Time(1.8e12)

func newWorld(seed uint64, line harpertest.Line, nodes int, db *store.DB) *world {
	w := &world{
		rnd: rand.New(rand.NewPCG(seed, uint64(line))), line: line, now: dawn, db: db, disk: &disk{Checkpoint: db}, kept: 72 * time.Hour,
	}
	if seed%5 == 4 {
		w.kept = 6 * time.Hour
	}
	database := fmt.Sprintf("s%d_%s_%d", seed, line, nodes)
	w.tables = []audit.Table{{Database: database, Name: "a"}, {Database: database, Name: "b"}}
	for i := range nodes {
		w.join(fmt.Sprint("n", i+1))
	}
	var servers []*harpertest.Server
	for _, n := range w.nodes {
		servers = append(servers, n.srv)
	}
	w.links = harpertest.Cluster(servers...)
	w.restart()
	return w
}

// join adds a node.
func (w *world) join(name string) *member {
	n := &member{name: name, truth: newTruth(), offset: audit.Time(len(w.nodes)) / 1024} // no two versions are the same
	n.srv = harpertest.New(harpertest.Options{Line: w.line, Node: name, Clock: func() audit.Time { return n.clock(w.now) }, CommitDelay: 1, Retention: w.kept})
	for _, t := range w.tables {
		n.srv.CreateTable(t, harpertest.Schema{Exported: true})
	}
	n.wire = &wire{srv: n.srv, tables: w.tables, mishap: w.mishap}
	w.nodes = append(w.nodes, n)
	return n
}

// clock goes a little on whenever it is looked at, so that no two commits have
// one time, and back only when it is set back.
func (n *member) clock(now audit.Time) audit.Time {
	at := now + n.offset
	if at <= n.told && n.told-at < 1000 {
		at = n.told + 1.0/256
	}
	n.told = at
	return at
}

// restart is a new process on the old store.
func (w *world) restart() {
	c := &Cluster{Options: Options{
		Store: w.disk, Cluster: w.tables[0].Database, System: []string{}, Retention: w.kept,
		Now: func() time.Time { return w.now.Go() },
	}}
	c.Find = func(context.Context) (found []Member, _ error) {
		for _, n := range w.nodes {
			found = append(found, Member{Name: n.name, Server: n.wire})
		}
		return found, nil
	}
	w.tail = c
}

func (w *world) say(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%9.3fs  ", float64(w.now-dawn)/1000)+fmt.Sprintf(format, args...))
}

func (w *world) chance(percent int) bool { return w.rnd.IntN(100) < percent }

func pick[T any](w *world, of ...T) T { return of[w.rnd.IntN(len(of))] }

// mishap is the fate of a request in the weather that it is.
func (w *world) mishap(op string) (mishap, func(int) int) {
	if !w.chance(w.weather) {
		return fine, nil
	}
	kinds := []mishap{refused, busy, broken, silent}
	if op == "read_audit_log" {
		kinds = append(kinds, severed, severed, severed, failing)
	}
	kind := pick(w, kinds...)
	w.say("          %s: %s", op, mishapNames[kind])
	return kind, func(n int) int { return w.rnd.IntN(max(n, 1)) }
}

// look lets the truth see what there is.
func (w *world) look() {
	for _, n := range w.nodes {
		reached := map[audit.Table]audit.Time{}
		for _, t := range w.tables {
			c, _, err := w.db.Cursor(context.Background(), n.name, t)
			if err != nil {
				panic(err)
			}
			reached[t] = c.Time
		}
		n.truth.look(n.srv, w.tables, func(l *logged) {
			l.behind = l.Version < reached[l.Table]-300_000
			l.prompt = l.Version > w.now+n.offset-30_000 && l.Version <= n.srv.Now()
		})
	}
}

var errDisk = errors.New("no space left on device")

// A disk is a store that fails, or takes the process with it, at its nth append
// from now on.
type disk struct {
	Checkpoint
	left  int // appends until then; 0: never
	after bool
	crash bool
}

// A crashed process is thrown as a panic.
type crashed struct{}

// Append implements [Sink].
func (d *disk) Append(ctx context.Context, b audit.Batch) (audit.Appended, error) {
	if d.left == 0 {
		return d.Checkpoint.Append(ctx, b)
	}
	if d.left--; d.left > 0 {
		return d.Checkpoint.Append(ctx, b)
	}
	switch {
	case !d.crash:
		return audit.Appended{}, errDisk
	case d.after:
		if _, err := d.Checkpoint.Append(ctx, b); err != nil {
			return audit.Appended{}, err
		}
	}
	panic(crashed{})
}

// try does something to the tailer that may crash it; then there is a new one.
func (w *world) try(what string, do func(context.Context) (audit.Appended, error)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crashed); !ok {
				panic(p)
			}
			w.say("  %s: CRASH", what)
			w.crashes++
			w.restart()
			err = errDisk
		}
	}()
	got, err := do(context.Background())
	w.say("  %s: %d new, %d known, %d gaps, %d late, %d amended, %d differ; %v", what, got.New, got.Known, got.Gaps, got.Late, got.Amended, got.Divergences, err)
	return err
}
