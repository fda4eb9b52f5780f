package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"recourse/audit"
	"recourse/internal/harpertest"
	"recourse/store"
)

// A chronicle is what each record truly was, write by write.
type chronicle struct {
	t      *testing.T
	srv    *harpertest.Server
	r      *rand.Rand
	states map[audit.ID][]state
}

type state struct {
	version audit.Time
	body    audit.Value // nil: there is no such record
}

// write makes a random write of a random record, and notes what it came to.
func (c *chronicle) write() {
	id := audit.ID(fmt.Sprint(1 + c.r.IntN(90)))
	v, err := audit.Of(map[string]any{"n": c.r.IntN(1000), string(rune('a' + c.r.IntN(3))): c.r.IntN(5)})
	if err != nil {
		c.t.Error(err)
	}
	switch c.r.IntN(5) {
	case 0:
		err = c.srv.Delete("ann", dogs, id)
	case 1, 2:
		err = c.srv.Put("ann", dogs, id, v)
	default:
		err = c.srv.Patch("ann", dogs, id, v)
	}
	if err != nil {
		c.t.Error(err)
	}
	entries := c.srv.Entries(dogs.Database)
	last := entries[len(entries)-1]
	if last.ID != id {
		c.t.Errorf("the newest entry is of %s, want %s", last.ID, id)
	}
	c.states[id] = append(c.states[id], state{last.Version, c.srv.Records(dogs)[id]})
}

func (c *chronicle) writes(most int) {
	for range c.r.IntN(most + 1) {
		c.write()
	}
}

// around is what a record was just before a write, and just after.
func (c *chronicle) around(id audit.ID, version audit.Time) (was, is audit.Value) {
	for _, s := range c.states[id] {
		if s.version == version {
			return was, s.body
		}
		was = s.body
	}
	c.t.Errorf("no write of %s at %v is known", id, version)
	return nil, nil
}

// TestBaselineMeetsTheLog: records are written, the log is purged, and then a
// baseline is taken while others write and a tail reads. Whatever image a change
// then has from before it is the true one, or says that it may not be.
func TestBaselineMeetsTheLog(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		var based, total int
		for seed := range uint64(12) {
			t.Run(fmt.Sprint(line, seed), func(t *testing.T) {
				srv := harpertest.New(harpertest.Options{Line: line})
				t.Cleanup(srv.Close)
				srv.CreateTable(dogs, harpertest.Schema{Exported: true})
				c := &chronicle{t: t, srv: srv, r: rand.New(rand.NewPCG(seed, 7)), states: map[audit.ID][]state{}}
				b, n := c.run()
				based, total = based+b, total+n
			})
		}
		if based*20 < total {
			t.Errorf("%s: of %d changes %d have a sure image from the baseline, which is too few for the baseline to be of use", line, total, based)
		}
	}
}

// run plays one schedule, judges it, and counts the changes that have a sure
// image from the baseline, and all.
func (c *chronicle) run() (based, total int) {
	db := openStore(c.t)
	for range 150 {
		c.write()
	}
	if _, err := c.srv.Wipe(dogs, c.srv.Now()); err != nil {
		c.t.Fatal(err)
	}
	tl := tailer(c.t, c.srv, db)
	c.writes(10)
	if c.r.IntN(2) == 0 {
		once(c.t, tl)
	}
	c.srv.SetFault(func(r harpertest.Request) harpertest.Fault {
		if r.Operation == "search_by_conditions" || r.Operation == "system_information" {
			c.writes(12)
		}
		return harpertest.Fault{}
	})
	if b := take(c.t, baseliner(c.t, c.srv, db), dogs)[0]; b.Ended == 0 {
		c.t.Fatal(b.Err)
	}
	c.srv.SetFault(nil)
	for range 3 {
		c.writes(25)
		if c.r.IntN(2) == 0 {
			once(c.t, tl)
		}
	}
	once(c.t, tl)
	return c.judge(db)
}

func (c *chronicle) judge(db *store.DB) (based, total int) {
	for _, ch := range changesOf(c.t, db) {
		total++
		was, is := c.around(ch.Key.ID, ch.Time)
		c.compare(ch, "before", ch.Before, was)
		if ch.After.Source == audit.Baselined {
			c.compare(ch, "after", ch.After, is)
		}
		if sure(ch.Before) && ch.Before.Source == audit.Baselined {
			based++
		}
	}
	return based, total
}

func sure(i audit.Image) bool { return i.State != audit.Unknown && i.Trust >= audit.Prompt }

// compare holds an image that is said to be sure against the truth.
func (c *chronicle) compare(ch audit.Change, when string, got audit.Image, want audit.Value) {
	if sure(got) && ((got.State == audit.Present) != (want != nil) || !got.Body.Equal(want)) {
		c.t.Errorf("%s of %s at %v: %s it %s (%s, %s) %s; it truly was %s",
			ch.Op, ch.Key, ch.Time, when, got.State, got.Source, got.Trust, got.Body.JSON(), want.JSON())
	}
}
