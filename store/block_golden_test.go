package store

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"recourse/audit"
)

var updateBlock = flag.Bool("update-block", false, "write the golden block, for a new version of the format")

// goldenRows have every column, every form and every kind of body.
func goldenRows() []row {
	at := audit.Time(1795392000217.4106)
	full := audit.Object(map[string]audit.Value{
		"id": audit.Text("c-000017"), "name": audit.Text("Rob Jones"), "email": audit.Text("amir.orlov845@example.org"),
		"phone": audit.Text("+1-555-067-4902"), "code": audit.Text("EF-41140d"), "long": audit.Text(string(make([]byte, 600))),
		"token": audit.Text("aB3xK9q1"), "none": audit.Null(), "yes": audit.Bool(true), "no": audit.Bool(false), "n": audit.Int(7),
		"minus": audit.Int(-7), "seen": audit.Int(1795391000217), "date": audit.DateOf(1795391000217), "whole": audit.DateOf(1795391000000),
		"half": audit.Float(0.5), "single": audit.Float(1.0 / 1024 / 1024 / 1024), "double": audit.Float(1.0 / 3), "nan": audit.Float(math.NaN()),
		"money": audit.Float(329.79), "weight": audit.Float(77.996), "ratio": audit.Float(0.1234), "small": audit.Float(0.000001),
		"tags": audit.Array(audit.Text("a"), audit.Object(map[string]audit.Value{"b": audit.Int(1)})), "bytes": audit.BytesValue([]byte{0, 255}),
	})
	first := made(`"c-000017"`, at, audit.OpInsert, full)
	patch := made(`"c-000017"`, at+12.5, audit.OpPatch, full.With("n", audit.Int(8)).With("name", nil).With("new", audit.Text("v12")))
	patch.Reported, patch.User, patch.Node, patch.Cluster, patch.Group = audit.OpUpdate, "bob", "n2", "eu", audit.Group{Size: 3, Index: 2}
	patch.Sent = audit.Object(map[string]audit.Value{"n": audit.Int(8), "new": audit.Text("v12")})
	patch.Lossy, patch.Late, patch.Synthetic, patch.Nth, patch.Note = true, true, true, 1, "not all could be read"
	patch.After.Trust = audit.Prompt
	logged := made(`17`, at+13, audit.OpUpsert, audit.Object(nil))
	logged.Before = audit.PresentImage(full, audit.Logged, audit.Exact)
	gone := made(`"c-000017"`, at+14, audit.OpDelete, nil)
	odd := made("\xff", audit.Time(math.Copysign(0, -1)), "odd", audit.Value("\xa1\x61a\x18\x01"))
	odd.Observed, odd.Sent = audit.Time(math.NaN()), audit.Value{}
	rows := []row{{c: first}, {c: patch, prev: 1, prevTime: first.Time, was: first.After}, {c: logged},
		{c: gone, prev: 2, prevTime: patch.Time, was: patch.After}, {c: odd, prev: 99, prevTime: audit.Time(math.Inf(1)), was: audit.PresentImage(odd.After.Body, audit.Fetched, audit.Provisional)}}
	for i := range rows {
		rows[i].c.Seq = audit.Seq(1000 + i)
		rows[i].c.ID = rows[i].c.Identify()
	}
	return rows
}

// A block that an earlier program wrote is read for as long as its version is.
func TestBlockGolden(t *testing.T) {
	file := filepath.Join("testdata", "block-1.bin")
	if *updateBlock {
		if err := os.WriteFile(file, mustEncode(t, goldenRows()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	payload, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	checkBlock(t, mustOpen(t, 1000, payload), goldenRows())
}
