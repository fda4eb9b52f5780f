package harper

import (
	"errors"
	"net/http"
	"reflect"
	"testing"
	"time"

	"recourse/audit"
)

// answering answers each operation from a table, as JSON or with a status.
func answering(t *testing.T, answers map[string]string) *Client {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		op := operation(r).Get("operation").Text()
		text, ok := answers[op]
		w.Header().Set("Content-Type", mimeJSON)
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			text = `{"error":"Operation '` + op + `' not found"}`
		}
		if text == "403" {
			w.WriteHeader(http.StatusForbidden)
			text = `{"error":"no"}`
		}
		_, _ = w.Write([]byte(text))
	})
}

func TestNodes(t *testing.T) {
	ctx := t.Context()
	status := `{"type":"cluster-status","node_name":"n2","url":"wss://n2:9933","is_enabled":true,"connections":[
		{"name":"n3","url":"wss://n3:9933","shard":2,"database_sockets":[]},
		{"name":"n1","url":"wss://n1:9933","database_sockets":[
			{"database":"data","connected":true,"latency":0.5,"lastReceivedRemoteTime":"Thu, 26 Nov 2026 17:47:27 GMT","lastReceivedVersion":1795715247097.25,"lastReceivedStatus":"Waiting"},
			{"database":"other","connected":false,"lastReceivedRemoteTime":"Copying","lastReceivedVersion":1}]}]}`
	nodes, err := answering(t, map[string]string{"cluster_status": status}).Nodes(ctx)
	want := []Node{
		{Name: "n1", URL: "wss://n1:9933", Links: []Link{
			{Database: "data", Connected: true, Latency: 500 * time.Microsecond, Received: 1795715247097.25},
			{Database: "other", Copying: true},
		}},
		{Name: "n2", URL: "wss://n2:9933", Self: true},
		{Name: "n3", URL: "wss://n3:9933", Shard: "2", Links: []Link{}},
	}
	if err != nil || !reflect.DeepEqual(nodes, want) {
		t.Errorf("cluster_status: %+v, %v", nodes, err)
	}
	for i, want := range [][2]bool{{false, true}, {false, false}, {true, true}} {
		if connected, known := nodes[i].Connected(); connected != want[0] || known != want[1] {
			t.Errorf("%s: connected %v, known %v", nodes[i].Name, connected, known)
		}
	}
	nodes, err = answering(t, map[string]string{"search_by_value": `[{"name":"b","url":"wss://b","shard":null},{"name":"a"},{"url":"x"}]`}).Nodes(ctx)
	if err != nil || !reflect.DeepEqual(nodes, []Node{{Name: "a"}, {Name: "b", URL: "wss://b"}}) {
		t.Errorf("hdb_nodes: %+v, %v", nodes, err)
	}
	if nodes, err = answering(t, nil).Nodes(ctx); err == nil {
		t.Errorf("a Harper that cannot be asked: %v", nodes) // search_by_value is known everywhere
	}
	if _, err := answering(t, map[string]string{"cluster_status": "403"}).Nodes(ctx); !errors.Is(err, ErrForbidden) {
		t.Errorf("forbidden: %v", err)
	}
	if _, err := answering(t, map[string]string{"cluster_status": `{"message":"hello"}`}).Nodes(ctx); err == nil {
		t.Error("an answer that is none: no error")
	}
}

func TestConfigurationDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"3d"`: 72 * time.Hour, `"12h"`: 12 * time.Hour, `"12H"`: 12 * time.Hour, `"90m"`: 90 * time.Minute, `"1M"`: 30 * 24 * time.Hour,
		`"1.5d"`: 36 * time.Hour, `259200`: 72 * time.Hour, `"3600"`: time.Hour, `"10s"`: 10 * time.Second, `" 2d "`: 48 * time.Hour, `null`: 0,
	} {
		c := answering(t, map[string]string{"get_configuration": `{"logging":{"auditLog":false,"auditRetention":` + text + `},"storage":{"engine":"rocksdb"}}`})
		cfg, err := c.Configuration(t.Context())
		if err != nil || cfg.AuditRetention != want || cfg.AuditLog == nil || *cfg.AuditLog || cfg.StorageEngine != "rocksdb" {
			t.Errorf("%s: %v, %v, want %v", text, cfg.AuditRetention, err, want)
		}
	}
	for _, text := range []string{`"soon"`, `-5`, `"1e40d"`, `{}`, `""`, `true`} {
		c := answering(t, map[string]string{"get_configuration": `{"logging":{"auditLog":true,"auditRetention":` + text + `}}`})
		if cfg, err := c.Configuration(t.Context()); err == nil || cfg.AuditLog == nil || !*cfg.AuditLog {
			t.Errorf("%s: %v, %v", text, cfg.AuditRetention, err) // the rest of it is still told
		}
	}
	if cfg, err := answering(t, map[string]string{"get_configuration": `{}`}).Configuration(t.Context()); err != nil || cfg.AuditLog != nil || cfg.AuditRetention != 0 {
		t.Errorf("nothing said: %+v, %v", cfg, err)
	}
	if _, err := answering(t, map[string]string{"get_configuration": "403"}).Configuration(t.Context()); !errors.Is(err, ErrForbidden) {
		t.Errorf("forbidden: %v", err)
	}
}

func TestUsersWithoutNames(t *testing.T) {
	// LMDB was seen to list a user that has nothing but a role.
	c := answering(t, map[string]string{"list_users": `[{"role":{"id":"x"}},{"username":"a","password":"hash","role":{"id":"x"}}]`})
	users, err := c.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].Key != "a" || users[0].Value.Get("password").Text() != "hash" {
		t.Errorf("%v, %v", users, err)
	}
	for _, text := range []string{`{"message":"x"}`, `"x"`} {
		if _, err := answering(t, map[string]string{"list_roles": text}).Roles(t.Context()); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	c = answering(t, map[string]string{"user_info": `{"username":"r","active":true,"role":{"role":"auditor","permission":{"super_user":false,"operations":["read_audit_log","read_only"]}}}`})
	me, err := c.UserInfo(t.Context())
	if err != nil || me.SuperUser || me.Role != "auditor" || !reflect.DeepEqual(me.Operations, []string{"read_audit_log", "read_only"}) {
		t.Errorf("%+v, %v", me, err)
	}
	if _, err := answering(t, map[string]string{"user_info": `{}`}).UserInfo(t.Context()); err == nil {
		t.Error("nobody: no error")
	}
}

func TestJobs(t *testing.T) {
	var asked audit.Value
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = operation(r)
		w.Header().Set("Content-Type", mimeJSON)
		_, _ = w.Write([]byte(`[{"id":"j1","type":"csv_data_load","user":"bob","status":"COMPLETE","start_datetime":1795470364242,"end_datetime":1795470364300,"message":"two\u001b[31m lines\n"},{"id":"j2","type":"x","status":"IN_PROGRESS","start_datetime":1795470364242}]`))
	})
	from := time.Date(2026, 11, 23, 1, 2, 3, 456_000_000, time.FixedZone("", 3600))
	jobs, err := c.Jobs(t.Context(), from, from.Add(time.Hour))
	if err != nil || len(jobs) != 2 {
		t.Fatal(jobs, err)
	}
	if got := asked.Get("from_date").Text(); got != "2026-11-23T00:02:03.456Z" {
		t.Errorf("from %s", got)
	}
	if j := jobs[0]; j.ID != "j1" || j.User != "bob" || j.End != 1795470364300 || j.Message != "two [31m lines" {
		t.Errorf("%+v", j)
	}
	if j := jobs[1]; j.User != "" || j.End != 0 || j.Raw.Get("id").Text() != "j2" {
		t.Errorf("%+v", j)
	}
}

// TestReload is of the one entry of a log that is about no record.
func TestReload(t *testing.T) {
	const groups = `[{"operation":"insert","timestamp":1,"ids":[null],"records":[{}]},{"operation":"reload","timestamp":2,"ids":[null],"records":[null]}]`
	var rows []AuditRow
	for row, err := range DecodeAuditLog(reader(groups), DecodeOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if len(rows) != 2 || rows[0].Err == nil {
		t.Fatalf("%v", rows)
	}
	if r := rows[1]; r.Err != nil || r.ID != "" || r.Operation != audit.OpReload || r.Time != 2 || r.Record != nil {
		t.Errorf("%+v", r)
	}
}

func TestDescribedFacts(t *testing.T) {
	v, err := audit.FromJSON([]byte(`{"primary_key":"id","audit":true,"record_count":120000,"estimated_record_range":[110000,130000],"replicate":false,"last_updated_record":[1795470364242.5,"x"]}`))
	if err != nil {
		t.Fatal(err)
	}
	info := tableInfo(audit.Table{}, v)
	if info.CountRange != [2]int64{110000, 130000} || info.Replicate == nil || *info.Replicate || info.LastUpdated != 1795470364242.5 {
		t.Errorf("%+v", info)
	}
	if info := tableInfo(audit.Table{}, v.With("last_updated_record", audit.Float(5.5)).With("replicate", nil)); info.LastUpdated != 5.5 || info.Replicate != nil {
		t.Errorf("%+v", info)
	}
}
