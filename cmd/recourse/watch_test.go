package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/store"
)

// A rig is a Harper to write to and to watch.
type rig struct {
	ops, rest, user, password string
	changes                   int
	restTable                 audit.Table // exported over REST; zero: none
}

// TestWatchWhileWriting writes by every way there is while watch runs, kills
// watch three times with SIGKILL on the way, and holds what is stored against
// the whole log. It runs on the built-in server of both lines, and on a live one
// when HARPER_TEST_URL is set: only there is it known that the protocol is right.
func TestWatchWhileWriting(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			srv := harpertest.New(harpertest.Options{Line: line})
			t.Cleanup(func() { srv.Close() })
			dog := audit.Table{Database: "contract", Name: "Dog"}
			srv.CreateTable(dog, harpertest.Schema{Exported: true})
			watchWhileWriting(t, rig{
				ops: srv.OpsURL(), rest: srv.RESTURL(), user: "admin", password: "secret",
				changes: 1500, restTable: dog,
			})
		})
	}
	t.Run("live", func(t *testing.T) {
		r := rig{
			ops: os.Getenv("HARPER_TEST_URL"), rest: os.Getenv("HARPER_TEST_REST_URL"),
			user: os.Getenv("HARPER_TEST_USERNAME"), password: os.Getenv("HARPER_TEST_PASSWORD"), changes: 10000,
		}
		if r.ops == "" {
			t.Skip("HARPER_TEST_URL names no live Harper")
		}
		if r.rest != "" {
			r.restTable = audit.Table{Database: "contract", Name: "Dog"}
		}
		watchWhileWriting(t, r)
	})
}

func watchWhileWriting(t *testing.T, r rig) {
	client, err := harper.New(harper.Options{Target: r.ops, REST: r.rest, Username: r.user, Password: r.password})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	table := audit.Table{Database: fmt.Sprintf("watch%06d", rand.IntN(1e6)), Name: "items"}
	for _, op := range []map[string]any{
		{"operation": "create_database", "database": table.Database, "schema": table.Database},
		{"operation": "create_table", "database": table.Database, "schema": table.Database, "table": table.Name, "primary_key": "id", "hash_attribute": "id"},
	} {
		if _, err := client.Call(ctx, op); err != nil {
			t.Fatal(err)
		}
	}
	start, _, err := client.ServerTime(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, r: r, client: client, table: table, prefix: table.Database}
	data := t.TempDir()
	watch := startWatch(t, r, data)
	for part := range 4 {
		w.write(r.changes * (part + 1) / 4)
		if part < 3 {
			kill(t, watch)
			watch = startWatch(t, r, data)
		}
	}
	time.Sleep(300 * time.Millisecond)
	kill(t, watch)
	once := command(r, data, "watch", "--once", "--interval", "50ms")
	if out, err := once.CombinedOutput(); err != nil {
		t.Fatalf("watch --once: %v\n%s", err, out)
	}
	tables := []audit.Table{table}
	if r.restTable != (audit.Table{}) {
		tables = append(tables, r.restTable)
	}
	compareWithLog(t, client, data, tables, start, w.prefix, r.changes)
	if _, err := client.Call(ctx, map[string]any{"operation": "drop_database", "database": table.Database, "schema": table.Database}); err != nil {
		t.Logf("drop the test's database: %v", err)
	}
}

func command(r rig, data string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append(args, "--data", data)...)
	cmd.Env = append(os.Environ(), "RECOURSE_TEST_MAIN=1",
		"HARPER_CLI_TARGET="+r.ops, "HARPER_CLI_USERNAME="+r.user, "HARPER_CLI_PASSWORD="+r.password)
	return cmd
}

func startWatch(t *testing.T, r rig, data string) *exec.Cmd {
	t.Helper()
	cmd := command(r, data, "watch", "--interval", "50ms", "--log-level", "warn")
	cmd.Stderr = &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// kill ends watch as a power cut would, and makes sure that it was running.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatalf("kill: %v", err)
	}
	err := cmd.Wait()
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("watch had ended before it was killed: %v\n%s", err, cmd.Stderr)
	}
}

// A writer makes changes by the operations API, by SQL and by REST, such that
// the log stays readable as a whole.
type writer struct {
	t      *testing.T
	r      rig
	client *harper.Client
	table  audit.Table
	prefix string
	made   int // changes so far
	next   int // the next id
}

func (w *writer) write(upTo int) {
	w.t.Helper()
	for w.made < upTo {
		n := w.next
		w.next += 10
		first := fmt.Sprintf("%s-%d", w.prefix, n)
		var batch []any
		for i := range 10 {
			batch = append(batch, map[string]any{"id": fmt.Sprintf("%s-%d", w.prefix, n+i), "n": n + i, "note": "first"})
		}
		w.op(10, map[string]any{"operation": "insert", "records": batch})
		w.op(1, map[string]any{"operation": "update", "records": []any{map[string]any{"id": first, "note": "second"}}})
		w.op(1, map[string]any{"operation": "upsert", "records": []any{map[string]any{"id": first, "extra": n}}})
		sql := w.table.String()
		w.op(1, map[string]any{"operation": "sql", "sql": fmt.Sprintf("UPDATE %s SET note = 'by sql' WHERE id = '%s-%d'", sql, w.prefix, n+1)})
		w.op(1, map[string]any{"operation": "delete", "ids": []any{fmt.Sprintf("%s-%d", w.prefix, n+2)}, "hash_values": []any{fmt.Sprintf("%s-%d", w.prefix, n+2)}})
		if w.r.restTable.Name != "" {
			w.rest("PUT", first, `{"name":"rex","n":1}`)
			w.rest("PATCH", first, `{"n":2}`)
			w.rest("PATCH", first, `{"owner":"ann"}`)
		}
	}
}

func (w *writer) op(changes int, op map[string]any) {
	w.t.Helper()
	op["database"], op["schema"], op["table"] = w.table.Database, w.table.Database, w.table.Name
	if _, err := w.client.Call(w.t.Context(), op); err != nil {
		w.t.Fatalf("%v: %v", op["operation"], err)
	}
	w.made += changes
}

func (w *writer) rest(method, id, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.r.rest+"/"+w.r.restTable.Name+"/"+id, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(w.r.user+":"+w.r.password)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("%s %s: %s %s", method, id, resp.Status, answer)
	}
	w.made++
}

// compareWithLog reads the tables' whole logs in one go and holds the store
// against them: the same changes, each once, with operation, user, and the
// image where Harper keeps it; and the newest image of each record is the live
// record.
func compareWithLog(t *testing.T, client *harper.Client, data string, tables []audit.Table, start audit.Time, prefix string, made int) {
	t.Helper()
	ctx := t.Context()
	db, err := store.Open(filepath.Join(data, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stored := map[string]audit.Change{}
	newest := map[audit.Key]audit.Change{}
	for c, err := range db.Follow(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(c.Key.ID), `"`+prefix) {
			continue
		}
		name := changeName(c.Key, c.Time, c.Op.Kind())
		if _, twice := stored[name]; twice {
			t.Errorf("stored twice: %s", name)
		}
		stored[name] = c
		if last, ok := newest[c.Key]; !ok || last.Time <= c.Time {
			newest[c.Key] = c
		}
	}
	logged := 0
	for _, table := range tables {
		for row, err := range client.AuditLog(ctx, harper.AuditQuery{Table: table, From: start - 1000}) {
			if err != nil {
				t.Fatalf("read the whole log: %v", err)
			}
			if !strings.HasPrefix(string(row.ID), `"`+prefix) {
				continue
			}
			logged++
			name := changeName(audit.Key{Table: table, ID: row.ID}, row.Time, row.Operation.Kind())
			c, ok := stored[name]
			if !ok {
				t.Errorf("in the log, but not stored: %s", name)
				continue
			}
			delete(stored, name)
			if c.Op != row.Operation || c.User != row.User {
				t.Errorf("%s: stored as %s by %q, the log says %s by %q", name, c.Op, c.User, row.Operation, row.User)
			}
			if c.After.State == audit.Present && c.After.Trust == audit.Exact && !c.After.Body.Equal(row.Record) {
				t.Errorf("%s: stored %s, the log says %s", name, c.After.Body.JSON(), row.Record.JSON())
			}
		}
	}
	for name := range stored {
		t.Errorf("stored, but not in the log: %s", name)
	}
	if logged < made {
		t.Errorf("the log has %d changes, %d were made", logged, made)
	}
	checkNewest(ctx, t, client, newest)
	t.Logf("%d changes made, %d in the log, all stored once", made, logged)
}

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
