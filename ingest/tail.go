package ingest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Server is a Harper that can be tailed. *harper.Client is one.
type Server interface {
	Source
	// DescribeAll lists the tables, system tables excepted.
	DescribeAll(context.Context) ([]harper.TableInfo, error)
	// ServerTime is the server's clock: a moment not after that at which it
	// answered, and by how much it may be before it.
	ServerTime(context.Context) (audit.Time, time.Duration, error)
}

// A Checkpoint store remembers how far the logs were read. *store.DB is one.
type Checkpoint interface {
	Sink
	// Cursor is where reading of one table's log on one node stands.
	Cursor(ctx context.Context, node string, table audit.Table) (audit.Cursor, bool, error)
	// Gaps lists what could not be read before.
	Gaps(context.Context) ([]audit.Gap, error)
}

// A Tailer follows the logs of every audited table of one Harper node.
type Tailer struct {
	o    Options
	mu   sync.Mutex
	gaps map[audit.Table][]audit.Gap
	// unlogged are the tables of which Harper keeps no audit log.
	unlogged map[audit.Table]bool
}

// NewTailer makes a tailer; Run or Once sets it to work.
func NewTailer(o Options) *Tailer {
	return &Tailer{o: o.withDefaults(), gaps: map[audit.Table][]audit.Gap{}, unlogged: map[audit.Table]bool{}}
}

// Once reads every table's log up to now, and returns what was new. A table
// that fails does not stop the others; the errors come joined. That a user may
// not read the system's tables is an error only when there is nothing else that
// they may read.
func (t *Tailer) Once(ctx context.Context) (audit.Appended, error) {
	var total audit.Appended
	targets, err := t.targets(ctx)
	if err != nil {
		return total, err
	}
	if err := t.loadGaps(ctx); err != nil {
		return total, err
	}
	var errs, refused []error
	for _, tg := range targets {
		got, err := t.poll(ctx, tg)
		total = addAppended(total, got)
		for errors.Is(err, errSpent) && ctx.Err() == nil {
			got, err = t.poll(ctx, tg)
			total = addAppended(total, got)
		}
		if ctx.Err() != nil {
			return total, ctx.Err()
		}
		switch {
		case err == nil:
		case tg.system && isRefused(err):
			refused = append(refused, err)
		default:
			errs = append(errs, err)
		}
	}
	if len(targets) > 0 && len(refused) == len(targets) {
		return total, refused[0]
	}
	return total, errors.Join(errs...)
}

// Run tails until the context ends, which is no error. It fails at once if the
// server cannot be reached or refuses the credentials at the start; later
// failures are logged and retried.
func (t *Tailer) Run(ctx context.Context) error {
	targets, err := t.targets(ctx)
	if err != nil {
		return err
	}
	if err := t.mayRead(ctx, targets); err != nil {
		return err
	}
	if err := t.loadGaps(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	feeds := map[string]chan []target{}
	for {
		tables := byDatabase(targets)
		for db := range feeds {
			if _, there := tables[db]; !there {
				tables[db] = nil // it was dropped
			}
		}
		for db, ts := range tables {
			feed, running := feeds[db]
			if !running {
				feed = make(chan []target, 1)
				feeds[db] = feed
				wg.Go(func() { t.follow(ctx, feed) })
			}
			select { // only the newest list counts
			case <-feed:
			default:
			}
			feed <- ts
		}
		if !sleep(ctx, t.o.Discover) {
			return nil
		}
		if next, err := t.targets(ctx); err == nil {
			targets = next
		} else if ctx.Err() == nil {
			t.o.Log.Warn("list tables", "node", t.o.Node, "err", err)
		}
	}
}

// follow polls the tables of one database in turn, one request at a time:
// every poll of a table costs the server a walk through the whole database's
// window, so they are not run side by side.
func (t *Tailer) follow(ctx context.Context, feed <-chan []target) {
	targets := <-feed
	failing := map[audit.Table]*backoff{}
	for {
		select {
		case targets = <-feed:
		default:
		}
		for _, tg := range targets {
			b := failing[tg.table]
			if b != nil && t.o.Now().Before(b.until) {
				continue
			}
			_, err := t.poll(ctx, tg)
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, errSpent):
				t.o.Log.Info("so many entries cannot be read that it takes several passes", "table", tg.table.String())
			case err == nil:
				if b != nil {
					t.o.Log.Info("reading again", "table", tg.table.String())
				}
				delete(failing, tg.table)
			default:
				if b == nil {
					b = &backoff{}
					failing[tg.table] = b
				}
				pause := b.fail(t.o.Now(), t.o.Interval)
				t.o.Log.Warn("read audit log", "table", tg.table.String(), "retry_in", pause.Round(time.Millisecond), "err", err)
			}
		}
		if !sleep(ctx, t.o.Interval) {
			return
		}
	}
}

// A backoff says when a failing table is tried again.
type backoff struct {
	failures int
	until    time.Time
}

// fail counts a failure: the pause doubles up to a minute, less up to a half by
// chance, so that many tables do not come back at once.
func (b *backoff) fail(now time.Time, interval time.Duration) time.Duration {
	pause := min(min(interval, time.Minute)<<min(b.failures, 16), time.Minute)
	b.failures++
	pause -= time.Duration(rand.Int64N(int64(pause)/2 + 1))
	b.until = now.Add(pause)
	return pause
}

func ms(d time.Duration) audit.Time { return audit.Time(float64(d) / float64(time.Millisecond)) }

// sleep pauses, and says false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
