package store

import (
	"fmt"
	"strings"
	"testing"

	"recourse/audit"
)

// TestHistoriesHoldSoMuch: of records with large images as many are read at once as
// may be held, not as many as the store has.
func TestHistoriesHoldSoMuch(t *testing.T) {
	db := open(t)
	var keys []audit.Key
	body := audit.Object(map[string]audit.Value{"a": audit.Text(strings.Repeat("a", mostHeldBytes/3))})
	for i := range 5 {
		c := made(fmt.Sprint(i), audit.Time(1e12+float64(i)), audit.OpInsert, body)
		keys = append(keys, c.Key)
		appendAll(t, db, c)
	}
	err := db.view(t.Context(), func(r *reader) error {
		of, err := r.recordsSeqs(keys)
		if err != nil {
			return err
		}
		lives, err := r.lives(t.Context(), keys, of)
		if len(lives) != 3 {
			t.Errorf("%d records at once", len(lives))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for c, err := range db.Histories(t.Context(), keys) {
		if err != nil || at == len(keys) || c.Key != keys[at] {
			t.Fatalf("change %d of %s: %v", c.Seq, c.Key, err)
		}
		at++
	}
	if at != len(keys) {
		t.Errorf("%d of %d records", at, len(keys))
	}
}
