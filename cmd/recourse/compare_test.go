package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/store"
)

// compareWithLog reads the tables' whole logs in one go and holds the store
// against them: the same changes, each once, with operation, user, and the
// image where Harper keeps it; the patches' images are what the patches led to;
// and the newest image of each record is the live record.
func compareWithLog(t *testing.T, s *site, made int) {
	t.Helper()
	ctx := t.Context()
	db, err := store.Open(filepath.Join(s.data, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stored := map[string]audit.Change{}
	records := map[audit.Key][]audit.Change{}
	for c, err := range db.Follow(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if !s.wrote(c.Key) {
			continue
		}
		name := changeName(c.Key, c.Time, c.Op.Kind())
		if _, twice := stored[name]; twice {
			t.Errorf("stored twice: %s", name)
		}
		stored[name] = c
		records[c.Key] = append(records[c.Key], c)
	}
	logged := 0
	for _, table := range s.tables() {
		logged += compareTable(t, s, table, stored)
	}
	for name := range stored { // those of the log were taken out
		t.Errorf("stored, but not in the log: %s", name)
	}
	if logged < made {
		t.Errorf("the log has %d changes, %d were made", logged, made)
	}
	newest := map[audit.Key]audit.Change{}
	sure := 0
	for key, changes := range records {
		slices.SortFunc(changes, func(a, b audit.Change) int { return cmp.Compare(a.Time, b.Time) })
		newest[key] = changes[len(changes)-1]
		if key.Table == s.restTable {
			sure += checkPatches(t, s, changes)
		}
	}
	checkNewest(ctx, t, s.client, newest)
	t.Logf("%d changes made, %d in the log, all stored once; the images of %d patches are certain and right", made, logged, sure)
}

// compareTable takes what a table's log shows out of what is stored, and counts it.
func compareTable(t *testing.T, s *site, table audit.Table, stored map[string]audit.Change) int {
	t.Helper()
	logged := 0
	for row, err := range s.client.AuditLog(t.Context(), harper.AuditQuery{Table: table, From: s.start - 1000}) {
		if err != nil {
			t.Fatalf("read the whole log: %v", err)
		}
		key := audit.Key{Table: table, ID: row.ID}
		if !s.wrote(key) {
			continue
		}
		logged++
		name := changeName(key, row.Time, row.Operation.Kind())
		c, ok := stored[name]
		if !ok {
			t.Errorf("in the log, but not stored: %s", name)
			continue
		}
		delete(stored, name)
		if c.Op != row.Operation || c.User != row.User {
			t.Errorf("%s: stored as %s by %q, the log says %s by %q", name, c.Op, c.User, row.Operation, row.User)
		}
		// Of a patch, which an update is on RocksDB, the log may show what the record
		// has become since.
		if c.Op != audit.OpPatch && c.Sent == nil && c.After.State == audit.Present && c.After.Trust == audit.Exact && !c.After.Body.Equal(row.Record) {
			t.Errorf("%s: stored %s, the log says %s", name, c.After.Body.JSON(), row.Record.JSON())
		}
	}
	return logged
}

// checkPatches holds the images of the patches of one record that are said to be
// certain against what the writer sent, and counts them. Where the raw log is
// read, all are.
func checkPatches(t *testing.T, s *site, changes []audit.Change) int {
	t.Helper()
	if len(changes) != 1+len(restPatches) {
		t.Errorf("%s: %d changes are stored, %d were made", changes[0].Key, len(changes), 1+len(restPatches))
		return 0
	}
	want, err := audit.FromJSON([]byte(restRecord))
	if err != nil {
		t.Fatal(err)
	}
	sure := 0
	for i, c := range changes[1:] {
		sent, err := audit.FromJSON([]byte(restPatches[i]))
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range sent.Fields() {
			want = want.With(name, v)
		}
		if s.feed == "component" && (c.After.Trust != audit.Exact || !sameRecord(c.Sent.With("__updatedtime__", nil), sent)) {
			t.Errorf("%s: from the raw log, the image of patch %d is %s, and of what was sent it has %s", c.Key, i, c.After.Trust, c.Sent.JSON())
		}
		if c.After.State != audit.Present || c.After.Trust < audit.Prompt {
			continue
		}
		sure++
		for _, name := range []string{"name", "n", "owner"} {
			if got := c.After.Body.Get(name); !got.Equal(want.Get(name)) && (got.Kind() != audit.KindNull || want.Get(name) != nil) {
				t.Errorf("%s: the image of patch %d (%s) has %s %s, want %s", c.Key, i, c.After.Trust, name, got.JSON(), want.Get(name).JSON())
			}
		}
	}
	return sure
}

// wrote says that a record is one that this test writes.
func (s *site) wrote(k audit.Key) bool { return strings.HasPrefix(string(k.ID), `"`+s.prefix+"-") }

func changeName(k audit.Key, at audit.Time, kind audit.Kind) string {
	return fmt.Sprint(k, " ", at, " ", kind)
}

func checkNewest(ctx context.Context, t *testing.T, client *harper.Client, newest map[audit.Key]audit.Change) {
	t.Helper()
	byTable := map[audit.Table][]audit.ID{}
	for k := range newest {
		byTable[k.Table] = append(byTable[k.Table], k.ID)
	}
	wrong := 0
	for table, ids := range byTable {
		live, err := client.Records(ctx, table, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			c := newest[audit.Key{Table: table, ID: id}]
			if c.After.Trust < audit.Prompt {
				continue // said not to be certain
			}
			if want := live[id]; (want == nil) != (c.After.State == audit.Absent) || want != nil && !sameRecord(c.After.Body, want) {
				if wrong++; wrong < 5 {
					t.Errorf("%s: the newest stored image is %s, the record is %s", c.Key, c.After.Body.JSON(), want.JSON())
				}
			}
		}
	}
}

// sameRecord compares without attributes that are null on one side and absent on
// the other: Harper fills in nulls when it reads a table without a schema.
func sameRecord(a, b audit.Value) bool {
	for _, e := range audit.DiffOf(a, b) {
		if (e.Old != nil || e.New.Kind() != audit.KindNull) && (e.New != nil || e.Old.Kind() != audit.KindNull) {
			return false
		}
	}
	return true
}
