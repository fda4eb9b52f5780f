package harper

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/big"
	"os"
	"slices"
	"testing"
	"time"

	"recourse/audit"
)

// liveClient speaks to the Harper that the environment names; it holds nothing
// of worth. Without one the test is skipped.
func liveClient(t *testing.T, change func(*Options)) *Client {
	t.Helper()
	o := Options{
		Target: os.Getenv("HARPER_TEST_URL"), REST: os.Getenv("HARPER_TEST_REST_URL"),
		Username: os.Getenv("HARPER_TEST_USERNAME"), Password: os.Getenv("HARPER_TEST_PASSWORD"),
		Timeout: 20 * time.Second,
	}
	if o.Target == "" {
		t.Skip("HARPER_TEST_URL is not set")
	}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// liveTable makes a table without a schema, and drops it at the end.
func liveTable(t *testing.T, c *Client, name string) audit.Table {
	t.Helper()
	ctx := t.Context()
	table := audit.Table{Database: "recourse_client_test", Name: name}
	_, _ = c.Call(ctx, map[string]any{"operation": "create_database", "database": table.Database})
	_, _ = c.Call(ctx, map[string]any{"operation": "drop_table", "database": table.Database, "table": name})
	if _, err := c.Call(ctx, map[string]any{"operation": "create_table", "database": table.Database, "table": name, "primary_key": "id"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := c.Call(context.Background(), map[string]any{"operation": "drop_table", "database": table.Database, "table": name})
		if err != nil {
			t.Error(err)
		}
	})
	return table
}

func object(t *testing.T, fields map[string]any) audit.Value {
	t.Helper()
	v, err := audit.Of(fields)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// everyType is a record of all that JavaScript can hold and CBOR can carry.
func everyType() map[string]any {
	return map[string]any{
		"int": 7, "neg": -70000, "u32": int64(math.MaxUint32), "over32": int64(1) << 40, "under32": -(int64(1) << 40),
		"safe": int64(maxSafe), "minsafe": -int64(maxSafe), "float": 1.5, "f32": float64(float32(0.1)), "f64": 0.1, "half": 0.5,
		"large": 1e300, "beyond": math.Ldexp(1, 60), "nan": math.NaN(), "inf": math.Inf(1), "ninf": math.Inf(-1),
		"bigint": new(big.Int).Add(big.NewInt(maxSafe), big.NewInt(3)), "huge": new(big.Int).Lsh(big.NewInt(1), 200),
		"hugeneg": new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 200)), "u64": uint64(math.MaxUint64),
		"bytes": []byte{0, 1, 255}, "date": time.UnixMilli(1709210096789), "old": time.UnixMilli(-1), "far": time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC),
		"nothing": nil, "true": true, "false": false, "text": "é☃😀\x00\u2028", "empty": "",
		"list": []any{1, nil, []any{}, map[string]any{"k": []any{int64(1) << 50}}}, "obj": map[string]any{"": 1, "a.b": map[string]any{}},
	}
}

func TestLiveTypesSurvive(t *testing.T) {
	c := liveClient(t, nil)
	ctx := t.Context()
	table := liveTable(t, c, "types")
	fields := everyType()
	fields["id"] = "r"
	want := object(t, fields)
	r, err := c.Insert(ctx, table, []audit.Value{want})
	if err != nil || !slices.Equal(r.Hashes, []audit.ID{`"r"`}) {
		t.Fatal(r, err)
	}
	current, err := c.Current(ctx, table, []audit.ID{`"r"`})
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string, got audit.Value) {
		t.Helper()
		got = got.With("__createdtime__", nil).With("__updatedtime__", nil)
		for name, w := range want.Fields() {
			if g := got.Get(name); string(g) != string(w) {
				t.Errorf("%s: %s: wrote %s, read %s", what, name, w.JSON(), g.JSON())
			}
		}
		if !got.Equal(want) {
			t.Errorf("%s: %s", what, audit.DiffOf(want, got))
		}
	}
	same("current", current[`"r"`].Body)
	n := 0
	for row, err := range c.AuditLog(ctx, AuditQuery{Table: table}) {
		if err != nil || row.Err != nil {
			t.Fatal(err, row.Err)
		}
		n++
		same("log", row.Record)
		if row.Time != current[`"r"`].Version || row.Operation != audit.OpInsert || row.ID != `"r"` {
			t.Errorf("row %+v against version %v", row, current[`"r"`].Version)
		}
	}
	if n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestLiveIDs(t *testing.T) {
	c := liveClient(t, nil)
	ctx := t.Context()
	table := liveTable(t, c, "ids")
	ids := []audit.ID{`1`, `"1"`, `-1.5`, `1099511627776`, `"a.b"`, `["x",1,"y"]`, `"x,1,y"`, `"constructor"`, `"true"`, `" 7"`, `"2026-01-01T00:00:00Z"`, `9007199254740992`}
	for _, id := range ids {
		if _, err := c.Insert(ctx, table, []audit.Value{object(t, map[string]any{"id": id.Value(), "v": string(id)})}); err != nil {
			t.Fatal(id, err)
		}
	}
	_, err := c.Insert(ctx, table, []audit.Value{object(t, map[string]any{"id": 5}), object(t, map[string]any{"id": "5"})})
	if !errors.Is(err, ErrIDsCollide) {
		t.Errorf("ids 5 and \"5\": %v", err)
	}
	asked := append([]audit.ID{`7`, `"7"`, `"nope"`}, ids...)
	current, err := c.Current(ctx, table, asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if v := current[id].Body.Get("v").Text(); v != string(id) {
			t.Errorf("record %s says it is %s", id, v)
		}
		if current[id].Nulls {
			t.Logf("%s was read with nulls", id)
		}
	}
	if len(current) != len(ids) {
		t.Errorf("found %v", slices.Collect(maps.Keys(current)))
	}
	history, err := c.RecordHistory(ctx, table, asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range asked {
		want := 1
		if id == `7` || id == `"7"` || id == `"nope"` {
			want = 0
		}
		if rows := history[id]; len(rows) != want || want == 1 && (rows[0].Err != nil || rows[0].Record.Get("v").Text() != string(id)) {
			t.Errorf("history of %s: %+v", id, rows)
		}
	}
	r, err := c.Delete(ctx, table, ids)
	if err != nil || len(r.Hashes) != len(ids) {
		t.Errorf("delete: %+v %v", r, err)
	}
	if left, err := c.Records(ctx, table, asked); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestLiveServer(t *testing.T) {
	for _, jwt := range []bool{false, true} {
		c := liveClient(t, func(o *Options) { o.JWT = jwt })
		ctx := t.Context()
		version, err := c.Version(ctx)
		if err != nil {
			t.Fatal(err)
		}
		now, coarse, err := c.ServerTime(ctx)
		if err != nil || time.Since(now.Go()).Abs() > time.Minute {
			t.Errorf("time %v ± %v: %v", now, coarse, err)
		}
		t.Logf("version %s, time %s ± %v", version, now.ISO(), coarse)
		user, err := c.DescribeTable(ctx, audit.Table{Database: "system", Name: "hdb_user"})
		if err != nil || user.PrimaryKey != "username" || !user.Audit {
			t.Errorf("%+v %v", user, err)
		}
		if _, err := c.DescribeTable(ctx, audit.Table{Database: "nope", Name: "nope"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown table: %v", err)
		}
	}
	c := liveClient(t, func(o *Options) { o.Password = "not-it" })
	if _, err := c.DescribeAll(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("wrong password: %v", err)
	}
}

func TestLiveREST(t *testing.T) {
	c := liveClient(t, nil)
	if c.rest == nil {
		t.Skip("HARPER_TEST_REST_URL is not set")
	}
	ctx := t.Context()
	// Both are exported by the component that the live Harper runs.
	dog, thing := audit.Table{Database: "contract", Name: "Dog"}, audit.Table{Database: "contract", Name: "Thing"}
	for table, want := range map[audit.Table]bool{dog: true, thing: true, {Database: "other", Name: "Dog"}: false, {Database: "contract", Name: "Nope"}: false} {
		if got, err := c.Exported(ctx, table); err != nil || got != want {
			t.Errorf("exported %s: %v %v", table, got, err)
		}
	}
	mark := time.Now().Format("150405.000000")
	cases := []struct {
		table audit.Table
		id    audit.ID
		want  error
	}{
		{dog, audit.ID(audit.Text("recourse a/b c%2F?d#é " + mark).JSON()), nil},
		{dog, `"recourse.x.y"`, nil},
		{dog, `"recourse.json"`, ErrIDNotOnREST},
		{dog, `"recourse.name"`, ErrIDNotOnREST},
		{dog, `"7"`, nil},
		{dog, `7`, ErrIDNotOnREST},
		{thing, `76543`, nil},
		{thing, `-76543.5`, nil},
		{thing, `"76543"`, ErrIDNotOnREST},
		{thing, `"constructor"`, ErrIDNotOnREST},
		{thing, `["a",1]`, ErrIDNotOnREST},
		{thing, `9007199254740993`, ErrIDNotOnREST},
		{thing, `""`, ErrEmptyID},
	}
	for _, k := range cases {
		err := c.Put(ctx, k.table, k.id, object(t, map[string]any{"tags": "put", "surplus": 1}))
		if !errors.Is(err, k.want) {
			t.Errorf("put %s: %v, want %v", k.id, err, k.want)
		}
		if k.want != nil {
			continue
		}
		if err := c.Patch(ctx, k.table, k.id, object(t, map[string]any{"tags": []any{"patched", int64(1) << 40}})); err != nil {
			t.Errorf("patch %s: %v", k.id, err)
		}
		got, ok, err := c.GetREST(ctx, k.table, k.id)
		if err != nil || !ok || got.Get("tags").JSON() != `["patched",1099511627776]` || got.Get("surplus") == nil {
			t.Errorf("get %s: %s %v %v", k.id, got.JSON(), ok, err)
		}
		current, err := c.Records(ctx, k.table, []audit.ID{k.id})
		if err != nil || !current[k.id].Equal(got) {
			t.Errorf("operations API has %s: %s, %v", k.id, current[k.id].JSON(), err)
		}
		if _, err := c.Delete(ctx, k.table, []audit.ID{k.id}); err != nil {
			t.Error(err)
		}
		if _, ok, err := c.GetREST(ctx, k.table, k.id); ok || err != nil {
			t.Errorf("after delete: %v %v", ok, err)
		}
	}
	if err := c.Put(ctx, dog, `"x"`, object(t, map[string]any{"id": "y"})); !errors.Is(err, ErrIDMismatch) {
		t.Errorf("mismatch: %v", err)
	}
}

// TestLivePoison makes entries that Harper cannot read back, which break off
// the log in either format.
func TestLivePoison(t *testing.T) {
	c := liveClient(t, nil)
	if c.rest == nil {
		t.Skip("HARPER_TEST_REST_URL is not set")
	}
	ctx := t.Context()
	thing := audit.Table{Database: "contract", Name: "Thing"}
	now, _, err := c.ServerTime(ctx)
	if err != nil {
		t.Fatal(err)
	}
	bad, good := audit.ID(audit.Text("bad"+now.String()).JSON()), audit.ID(audit.Text("good"+now.String()).JSON())
	set := func(name string, v any) audit.Value { return object(t, map[string]any{name: v}) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// The first pair of patches is unreadable on LMDB, the second on RocksDB.
	must(c.Put(ctx, thing, good, set("a", 1)))
	must(c.Put(ctx, thing, bad, set("a", 1)))
	must(c.Patch(ctx, thing, bad, set("a", 2)))
	must(c.Put(ctx, thing, bad, set("a", 3)))
	must(c.Patch(ctx, thing, bad, set("a", 4)))
	must(c.Patch(ctx, thing, bad, set("b", 5)))
	rocks := false
	if v, err := c.Version(ctx); err == nil && v >= "5.1" {
		rocks = true
	}
	if !rocks {
		_, err := c.Delete(ctx, thing, []audit.ID{bad})
		must(err)
	}
	for _, asJSON := range []bool{true, false} {
		var truncated *TruncatedError
		rows := 0
		for row, err := range c.AuditLog(ctx, AuditQuery{Table: thing, From: now, JSON: asJSON}) {
			if err != nil {
				if !errors.As(err, &truncated) {
					t.Fatal(err)
				}
				break
			}
			rows++
			if row.Err != nil {
				t.Error(row.Err)
			}
		}
		if truncated == nil {
			t.Errorf("JSON %v: %d rows and no error", asJSON, rows)
			continue
		}
		t.Logf("JSON %v: %d rows, then %q, by the server: %v", asJSON, rows, truncated.Message, truncated.Server)
	}
	history, err := c.RecordHistory(ctx, thing, []audit.ID{bad, good, `"nobody"`})
	var failed IDErrors
	if !errors.As(err, &failed) || failed[bad] == nil || len(failed) != 1 || len(history[good]) != 1 || history[`"nobody"`] == nil {
		t.Errorf("history %v, error %v", history, err)
	}
	t.Log(err)
	_, err = c.Delete(ctx, thing, []audit.ID{bad, good})
	must(err)
}
