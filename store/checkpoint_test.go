package store

import (
	"errors"
	"testing"

	"recourse/audit"
)

// TestCheckpoint: the checkpoint of full blocks stays, whatever is stored after them,
// and is what their bytes give; of more changes than there are, there is none.
func TestCheckpoint(t *testing.T) {
	ctx := t.Context()
	db := open(t)
	if c, err := db.Checkpoint(ctx); err != nil || c != (Checkpoint{}) {
		t.Fatalf("of an empty store: %+v, %v", c, err)
	}
	var all []audit.Change
	for i := range 700 {
		all = append(all, momentChange(i, "ann"))
	}
	appendAll(t, db, all[:520]...)
	c, err := db.Checkpoint(ctx)
	if err != nil || c.Changes != 512 || c.Digest == [32]byte{} {
		t.Fatalf("%+v, %v", c, err)
	}
	appendAll(t, db, all[520:]...)
	if again, err := db.CheckpointAt(ctx, 512); err != nil || again != c {
		t.Errorf("later it is %+v, %v", again, err)
	}
	if first, err := db.CheckpointAt(ctx, 256); err != nil || first.Digest == c.Digest {
		t.Errorf("of the first block: %+v, %v", first, err)
	}
	if _, err := db.CheckpointAt(ctx, 1024); !errors.Is(err, ErrNotFound) {
		t.Errorf("of more than there are: %v", err)
	}
}
