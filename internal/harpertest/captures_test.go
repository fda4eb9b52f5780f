package harpertest

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

// captureOrder is the order in which the captures were taken: each one's state
// is what all before it left.
const captureOrder = `
writes/ops-insert writes/ops-update writes/ops-upsert writes/ops-delete writes/ops-update-same-id-twice writes/ops-insert-without-id
writes/sql-insert writes/sql-update writes/sql-delete writes/csv-data-load writes/catchup writes/delete-records-before
writes/rest-put-new writes/rest-put-replace writes/rest-patch writes/rest-patch-null writes/rest-patch-crdt-add writes/rest-patch-same-value
writes/rest-patch-empty writes/rest-patch-missing-record writes/rest-post writes/rest-delete-query writes/rest-delete-missing
writes/mixed-transaction writes/mixed-transaction-other-table writes/mixed-transaction-hash-value writes/put-and-delete-same-id
writes/aborted-transaction writes/publish writes/invalidate writes/invalidate-state writes/component-without-context
writes/two-commits-one-timestamp writes/cache-from-source writes/cache-invalidate writes/cache-invalidate-later writes/backdated
writes/future-version-ignores-writes writes/future-version-ignores-writes-log
unstable/1-patch-read-at-once unstable/2-same-patch-after-a-later-put unstable/3-raw-operation-leaks unstable/4-nulls-invented unstable/5-patch-then-delete
poison/1-json poison/2-hash-value poison/3-other-id poison/4-username poison/5-msgpack poison/6-cbor
poison/7-window-before poison/8-window-on poison/9-window-after poison/10-ttl-evicted
ranges/from-last-timestamp ranges/from-last-timestamp-plus-1ms ranges/group-cut-left ranges/group-cut-right
ranges/string-number ranges/iso-string ranges/null ranges/negative ranges/to-before-from ranges/limit1 ranges/limit2 ranges/limit0 ranges/limit-1
ranges/no-search-type ranges/empty-log ranges/audit-disabled ranges/audit-disabled-hash-value ranges/audit-disabled-describe
ranges/username ranges/hash-value ranges/read-transaction-log
ids/all ids/hash-value
values/ops-json values/rest-json values/ops-json-bigint-as-string values/written-as-cbor-read-as-json values/read-as-cbor values/read-as-msgpack values/stream-cbor values/stream-msgpack
restore/put-cannot-set-times restore/patch-sets-created restore/ops-upsert-merges restore/delete-then-insert restore/state-read-invents-nulls
restore/ignored-if-match restore/ignored-if-unmodified-since restore/ignored-if-none-match restore/batch-is-atomic restore/batch-is-atomic-state
restore/insert-existing-is-skipped restore/update-missing-is-skipped restore/bytes-as-json-refused restore/crdt-compensation restore/ops-api-refuses-crdt
errors/unknown-table errors/unknown-database errors/no-table errors/no-database errors/bogus-search-type errors/hash-value-without-values
errors/username-without-values errors/not-super-user errors/bad-password errors/unknown-user errors/inactive-user errors/no-credentials
errors/no-operation errors/unknown-operation errors/write-not-permitted errors/bad-jwt errors/malformed-json errors/empty-body
errors/unsupported-content-type errors/unsupported-accept errors/rest-forbidden errors/rest-not-found errors/expired-jwt errors/refresh-token-as-operation-token
trim/1-describe-before trim/2-log-after trim/3-describe-after trim/4-trace-in-hdb-job trim/5-jobs trim/6-drop-attribute
trim/7-drop-attribute-breaks-hash-value trim/8-dropped-table trim/9-created-again
system/hdb_role system/hdb_user system/describe backup/get-backup-head`

// notReplayed are the captures that this server is not asked for, and why.
var notReplayed = map[string]string{
	"errors/rest-forbidden":  "the refusal comes from code of the scenario's own component",
	"system/describe":        "lists the system tables of a whole Harper, of which three are kept here",
	"backup/get-backup-head": "backups are not served",
}

// markAfter says after how many requests the scenario noted the time that the
// capture's window starts with, where that is not at once.
var markAfter = map[string]int{
	"writes/delete-records-before": 2, "writes/mixed-transaction": 1, "unstable/1-patch-read-at-once": 1,
	"unstable/3-raw-operation-leaks": 1, "unstable/5-patch-then-delete": 1, "restore/ops-upsert-merges": 1,
	"restore/delete-then-insert": 1, "trim/6-drop-attribute": 1,
}

// A capture is one recorded request and what led there.
type capture struct {
	Note     string
	Before   []captured
	Request  capturedRequest
	Status   int
	Headers  map[string]string
	Response json.RawMessage
}

type captured struct {
	Request  capturedRequest
	Status   int
	Response json.RawMessage
}

type capturedRequest struct {
	To, Method, Path, User string
	Headers                map[string]string
	Body                   json.RawMessage
}

// TestCaptures replays every capture of both lines in one go per line and
// compares status and body. Times and generated ids must correspond one to one.
func TestCaptures(t *testing.T) {
	order := strings.Fields(captureOrder)
	for _, line := range lines {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			found := captureNames(t, line)
			for _, name := range found {
				if !slices.Contains(order, name) {
					t.Errorf("%s has no place in the order", name)
				}
			}
			if len(found) != len(order) {
				t.Fatalf("%d captures, %d names in the order", len(found), len(order))
			}
			p := newReplay(t, line)
			done := 0
			for _, name := range order {
				if _, skip := notReplayed[name]; !skip {
					done++
					p.replay(name)
				}
			}
			t.Logf("%d of %d captures replayed", done, len(order))
		})
	}
}

func captureNames(t *testing.T, line Line) []string {
	t.Helper()
	root := testdata + "captures/" + line.String()
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(path, ".json"); ok && err == nil {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(name), root+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func newReplay(t *testing.T, line Line) *replay {
	p := &replay{t: t, clock: &steppedClock{now: 1.79547e12}, pairs: map[string]string{}, back: map[string]string{}, token: map[string]string{}}
	delay := 2.0
	p.s = New(Options{Line: line, Clock: p.clock.tick, CommitDelay: milliseconds(delay)})
	t.Cleanup(p.s.Close)
	p.clock.set(captureTime(line) - 5000)
	p.tables()
	p.components()
	return p
}

// captureTime is when the first capture of a line was taken.
func captureTime(line Line) float64 {
	if line == RocksDB {
		return 1795472506000
	}
	return 1795470458000
}

func (p *replay) tables() {
	item := Schema{Exported: true, Created: "created", Updated: "updated", Attributes: []Attribute{
		{Name: "id", Type: "ID"}, {Name: "name", Type: "String", Indexed: true}, {Name: "price", Type: "Float"}, {Name: "stock", Type: "Int"},
		{Name: "big", Type: "BigInt"}, {Name: "when", Type: "Date"}, {Name: "bytes", Type: "Bytes"}, {Name: "meta", Type: "Any"},
		{Name: "created", Type: "Float"}, {Name: "updated", Type: "Float"},
	}}
	p.s.CreateTable(shop("Item"), item)
	for name, typ := range map[string]string{"Open": "Any", "Thing": "Int", "Ttl": "ID", "NoAudit": "ID", "Cache": "ID", "Other": "ID"} {
		p.s.CreateTable(shop(name), Schema{Exported: true, NoAudit: name == "NoAudit", Attributes: []Attribute{{Name: "id", Type: typ}}})
	}
	access := func(tables ...string) map[string]any {
		out := map[string]any{}
		for _, t := range tables {
			out[t] = map[string]any{"read": true, "insert": true, "update": true, "delete": true, "attribute_permissions": []any{}}
		}
		return map[string]any{"tables": out}
	}
	for _, body := range []map[string]any{
		{"operation": "create_database", "database": "w"},
		{"operation": "create_table", "database": "w", "table": "dog", "primary_key": "id"},
		{"operation": "create_table", "database": "w", "table": "ids", "primary_key": "k"},
		{"operation": "add_role", "role": "clerk", "permission": map[string]any{"super_user": false, "w": access("dog", "ids"), "shop": access("Item", "Open", "Thing", "Ttl", "NoAudit", "Cache", "Other")}},
		{"operation": "add_user", "role": "clerk", "username": "bob", "password": "pw", "active": true},
		{"operation": "add_user", "role": "clerk", "username": "idle", "password": "pw", "active": false},
	} {
		data, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		if status, answer := post(p.t, p.s, data); status != 200 {
			p.t.Fatalf("%s: %d %s", data, status, answer)
		}
	}
}

func shop(name string) audit.Table { return audit.Table{Database: "shop", Name: name} }

// components are the scenario's own: Steps runs a list of writes as one
// transaction, At writes with a given version, NoContext forgets its context,
// Cache fills a record from a source.
func (p *replay) components() {
	p.s.Handle("/Steps/", p.component(p.steps))
	p.s.Handle("/At/", p.component(func(user string, body audit.Value) error {
		at, _ := body.Get("timestamp").Float64()
		return p.s.TransactAt(audit.Time(at), user, func(tx *Tx) error { putRecord(tx, body); return nil })
	}))
	p.s.Handle("/NoContext/", p.component(func(user string, body audit.Value) error {
		if p.s.Line() == LMDB {
			user = "" // 5.1 finds the request's context by itself
		}
		return p.s.Transact(user, func(tx *Tx) error { putRecord(tx, body); return nil })
	}))
	p.s.Handle("/Cache/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := audit.Object(map[string]audit.Value{"id": audit.Text("c1"), "v": audit.Text("from the source")})
		if err := p.s.Fill(shop("Cache"), `"c1"`, v); err != nil {
			p.t.Error(err)
		}
		writeAnswer(w, "json", 200, v)
	}))
}

func putRecord(tx *Tx, body audit.Value) {
	rec := body.Get("record")
	tx.Put(shop(body.Get("table").Text()), audit.ID(rec.Get("id").JSON()), rec)
}

func (p *replay) component(run func(user string, body audit.Value) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			p.t.Error(err)
		}
		body, err := audit.FromJSON(data)
		if err != nil {
			p.t.Error(err)
		}
		if err := run(UserOf(r.Context()), body); err != nil {
			p.s.restError(w, r, asOpError(err))
			return
		}
		writeAnswer(w, "json", 200, obj{{"ok", true}})
	})
}

func (p *replay) steps(user string, body audit.Value) error {
	return p.s.Transact(user, func(tx *Tx) error {
		for step := range body.Get("steps").Elems() {
			table, id := shop(step.Get("table").Text()), audit.ID(step.Get("id").JSON())
			switch step.Get("op").Text() {
			case "put":
				putRecord(tx, step)
			case "patch":
				tx.Patch(table, id, step.Get("record"))
			case "delete":
				tx.Delete(table, id)
			case "publish":
				tx.Publish(table, id, step.Get("record"))
			case "invalidate":
				tx.Invalidate(table, id)
			case "commit":
				if err := tx.Commit(); err != nil {
					return err
				}
			case "sleep":
				ms, _ := step.Get("ms").Float64()
				p.clock.set(p.clock.peek() + ms)
			case "fail":
				return errors.New("deliberate")
			}
		}
		return nil
	})
}
