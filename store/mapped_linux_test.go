package store

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"recourse/audit"
)

// TestUnmapFiles: what readers and compactions have at hand stays whole while
// tables and value log are taken out of memory, again and again.
func TestUnmapFiles(t *testing.T) {
	db := open(t)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				db.unmapFiles()
			}
		}
	})
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			for c, err := range db.Follow(context.Background(), 0) {
				if err != nil || c.ID != c.Identify() {
					t.Errorf("change %d: %v", c.Seq, err)
					return
				}
			}
		}
	})
	for i := range 200 {
		var batch []audit.Change
		for j := range 80 {
			body := object(1).With("long", noiseOf(uint64(i*80+j), 150))
			batch = append(batch, made(fmt.Sprint(j%7), audit.Time(i*100+j), audit.OpUpsert, body))
		}
		if i%20 == 0 {
			batch = append(batch, made("large", audit.Time(i*100+90), audit.OpUpsert, noiseOf(uint64(i), 2*valueThreshold)))
			if err := db.RunGC(context.Background()); err != nil {
				t.Error(err)
			}
		}
		appendAll(t, db, batch...)
	}
	close(done)
	group.Wait()
	mustBeWhole(t, db)
	db.releaseTables()
	db.unmapTables()
	if len(db.mapped.at) == 0 || len(db.mapped.at) != len(db.badger.Tables()) {
		t.Errorf("%d tables are held, want all %d", len(db.mapped.at), len(db.badger.Tables()))
	}
}

func TestParseMapping(t *testing.T) {
	for line, want := range map[string]mapping{
		"7f0c8c000000-7f0c8c100000 rw-s 00000000 fe:00 1311 /data/a b/000012.sst": {0x7f0c8c000000, 0x7f0c8c100000, "/data/a b/000012.sst"},
		"7f0c8c000000-7f0c8c100000 rw-p 00000000 fe:00 1311 /data/000012.sst":     {},
		"7f0c8c000000-7f0c8c100000 rw-s 00000000 fe:00 1311 /data/000012.vlog":    {0x7f0c8c000000, 0x7f0c8c100000, "/data/000012.vlog"},
		"7f0c8c000000-7f0c8c100000 rw-s 00000000 fe:00 1311 /data/00012.mem":      {},
		"7f0c8c000000-7f0c8c100000 rw-p 00000000 00:00 0":                         {},
		"z-7f0c8c100000 rw-s 00000000 fe:00 1311 /data/000012.sst":                {},
	} {
		if got, ok := parseMapping(line); got != want || ok != (want != mapping{}) {
			t.Errorf("%s: %+v %v", line, got, ok)
		}
	}
}
