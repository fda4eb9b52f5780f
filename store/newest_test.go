package store

import (
	"fmt"
	"runtime"
	"testing"
	"weak"

	"recourse/audit"
)

// TestNewestHoldsNoMore: what a block held that is forgotten is held no more, though others
// of its batch are kept.
func TestNewestHoldsNoMore(t *testing.T) {
	var db DB
	db.newest.limit = 3 * 480 * audit.BlockSize
	rows := make([]row, 8*audit.BlockSize)
	for i := range rows {
		rows[i].c = made(fmt.Sprint(i), audit.Time(1+i), audit.OpUpsert, object(i))
		rows[i].c.Seq = audit.Seq(i + 1)
	}
	first := weak.Make(&rows[0].c.After.Body[0])
	last := weak.Make(&rows[len(rows)-1].c.After.Body[0])
	db.keepNewest(rows)
	rows = nil
	runtime.GC()
	if _, kept := db.newest.get(7); !kept || last.Value() == nil {
		t.Error("the last block is not kept")
	}
	if _, kept := db.newest.get(0); kept || first.Value() != nil {
		t.Error("the first block is held")
	}
	runtime.KeepAlive(&db)
}
