package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"recourse/audit"
)

var shop = audit.Table{Database: "shop", Name: "customers"}

func openAt(t testing.TB, dir string) *DB {
	t.Helper()
	db, err := Open(dir, Options{Memory: 1, NoSync: true, Bulk: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func open(t testing.TB) *DB {
	t.Helper()
	return openAt(t, t.TempDir())
}

// made is a change of shop.customers with its ID; body nil is a delete.
func made(id string, at audit.Time, op audit.Op, body audit.Value) audit.Change {
	c := audit.Change{Time: at, User: "ann", Op: op, Reported: op, Key: audit.Key{Table: shop, ID: audit.ID(id)},
		Group: audit.Group{Size: 1}, Observed: at + 5, Node: "n1"}
	switch {
	case op.Kind() == audit.KindDelete:
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
	case body != nil:
		c.After = audit.PresentImage(body, audit.Logged, audit.Exact)
	}
	c.ID = c.Identify()
	return c
}

// noise is bytes that no packing makes fewer of.
func noise(n int) audit.Value { return noiseOf(0, n) }

// noiseOf is other noise for every seed.
func noiseOf(seed uint64, n int) audit.Value {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b) // it never fails
	return audit.BytesValue(b)
}

func object(n int) audit.Value {
	return audit.Object(map[string]audit.Value{"n": audit.Int(int64(n)), "name": audit.Text(fmt.Sprint("name ", n))})
}

func appendAll(t testing.TB, db *DB, changes ...audit.Change) audit.Appended {
	t.Helper()
	out, err := db.Append(context.Background(), audit.Batch{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustGet(t testing.TB, db *DB, s audit.Seq) audit.Change {
	t.Helper()
	c, err := db.Get(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustBeWhole fails the test for every problem that Verify finds.
func mustBeWhole(t testing.TB, db *DB) Verification {
	t.Helper()
	v, err := db.Verify(context.Background(), func(p string) { t.Errorf("verify: %s", p) })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func problems(t testing.TB, db *DB) []string {
	t.Helper()
	var all []string
	if _, err := db.Verify(context.Background(), func(p string) { all = append(all, p) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func collect[T any](t testing.TB, seq func(func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}
