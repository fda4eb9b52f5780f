package harpertest_test

import (
	"encoding/json"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

// everyType is a record with one attribute of each kind of value that Harper
// keeps, at the edges where encodings change.
func everyType() map[string]audit.Value {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	return map[string]audit.Value{
		"null": audit.Null(), "yes": audit.Bool(true), "no": audit.Bool(false),
		"zero": audit.Int(0), "one": audit.Int(1), "minus": audit.Int(-1),
		"u32": audit.Int(math.MaxUint32), "over32": audit.Int(math.MaxUint32 + 1), "over31": audit.Int(1 << 31),
		"minus31": audit.Int(math.MinInt32), "under31": audit.Int(math.MinInt32 - 1),
		"minus32": audit.Int(-math.MaxUint32), "under32": audit.Int(-math.MaxUint32 - 2),
		"now": audit.Int(1795470364242), "safe": audit.Int(1<<53 - 1), "minusSafe": audit.Int(-(1<<53 - 1)),
		"int64": audit.Int(math.MaxInt64), "minInt64": audit.Int(math.MinInt64), "tooBig": audit.BigInt(huge),
		"half": audit.Float(0.5), "tenth": audit.Float(0.1), "big": audit.Float(1e300), "small": audit.Float(-5e-324),
		"above53": audit.Float(1e21), "nan": audit.Float(math.NaN()), "inf": audit.Float(math.Inf(1)), "minusInf": audit.Float(math.Inf(-1)),
		"text": audit.Text("é😀\u0000\u2028\"\\"), "empty": audit.Text(""),
		"bytes": audit.BytesValue([]byte{0, 1, 2, 255}), "noBytes": audit.BytesValue(nil),
		"date": audit.Date(time.UnixMilli(1709210096789)), "early": audit.Date(time.UnixMilli(-1)), "epoch": audit.Date(time.UnixMilli(0)),
		"array": audit.Array(audit.Int(1), audit.Null(), audit.Text("x"), audit.Array()),
		"object": audit.Object(map[string]audit.Value{
			"a.b": audit.Int(1), "": audit.Int(2), "deep": audit.Array(audit.Object(map[string]audit.Value{"x": audit.Float(1.5)})),
			"at": audit.Date(time.UnixMilli(1709210096789)),
		}),
		"emptyObject": audit.Object(nil),
		"numbered":    audit.Object(map[string]audit.Value{"10": audit.Int(1), "9": audit.Int(2)}),
	}
}

// valueName is the attribute that stands in a record of that key.
func valueName(id audit.ID) string { return strings.TrimPrefix(id.Value().Text(), "of ") }

// testValues writes each value through our client and wants it back with its
// type, in the log, in a history and in the table.
func (s *suite) testValues(t *testing.T) {
	table := s.table(t)
	want := everyType()
	var records []audit.Value
	for name, v := range want {
		records = append(records, audit.Object(map[string]audit.Value{"id": audit.Text("of " + name), "v": v}))
	}
	if _, err := s.client.Insert(testContext(t), table, records); err != nil {
		t.Fatal(err)
	}
	check := func(where string, id audit.ID, got audit.Value) {
		t.Helper()
		name := valueName(id)
		if !got.Equal(want[name]) || got.Kind() != want[name].Kind() {
			t.Errorf("%s of %s: %s %s, want %s %s", where, name, got.Kind(), got.JSON(), want[name].Kind(), want[name].JSON())
		}
	}
	rows := s.scan(t, table, 0, 0)
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		if row.Err != nil || row.Lossy {
			t.Errorf("%s: error %v, lossy %v", row.ID, row.Err, row.Lossy)
		}
		check("image", row.ID, row.Record.Get("v"))
	}
	var ids []audit.ID
	for name := range want {
		ids = append(ids, audit.ID(audit.Text("of "+name).JSON()))
	}
	history, err := s.client.RecordHistory(testContext(t), table, ids)
	if err != nil {
		t.Fatal(err)
	}
	for id, rows := range history {
		if len(rows) != 1 {
			t.Fatalf("history of %s: %d rows", id, len(rows))
		}
		check("history", id, rows[0].Record.Get("v"))
	}
	current, err := s.client.Current(testContext(t), table, ids)
	if err != nil || len(current) != len(want) {
		t.Fatalf("%d current records, %v", len(current), err)
	}
	for id, record := range current {
		check("state", id, record.Body.Get("v"))
	}
	t.Run("JSON", func(t *testing.T) { s.testJSONValues(t, table) })
	t.Run("REST", func(t *testing.T) { s.testRESTValues(t) })
}

// testJSONValues says what JSON makes of the types that it has not.
func (s *suite) testJSONValues(t *testing.T, table audit.Table) {
	_, text := s.rawLog(t, table, nil)
	rows, _ := rawRows(t, parse(t, text), s.line)
	want := map[string]string{
		"nan": "null", "inf": "null", "minusInf": "null",
		"date":  `"2024-02-29T12:34:56.789Z"`,
		"bytes": `{"data":[0,1,2,255],"type":"Buffer"}`,
		"int64": "9223372036854775807", "tooBig": "123456789012345678901234567890",
	}
	for _, row := range rows {
		name := valueName(row.ID)
		if w, ok := want[name]; ok && row.Record.Get("v").JSON() != w {
			t.Errorf("%s is %s in JSON, want %s", name, row.Record.Get("v").JSON(), w)
		}
	}
	// The operations API rounds what JSON writes out in full.
	body, err := json.Marshal(fields{
		"operation": "insert", "database": table.Database, "table": table.Name,
		"records": json.RawMessage(`[{"id":9007199254740993,"v":12345678901234567890}]`),
	})
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := s.send(t, http.MethodPost, s.cfg.OpsURL, body, http.Header{"Authorization": {s.basic()}, "Content-Type": {"application/json"}})
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	if got := parse(t, string(answer)).Get("inserted_hashes").JSON(); got != "[9007199254740992]" {
		t.Errorf("inserted %s", got)
	}
}

// testRESTValues says that REST keeps big integers of JSON.
func (s *suite) testRESTValues(t *testing.T) {
	s.needREST(t)
	since := s.mark(t, things)
	id := s.prefix + "values"
	if status, text := s.rest(t, "PUT", things, id, `{"big":12345678901234567890,"over53":9007199254740993,"f":1.0}`); status != http.StatusNoContent {
		t.Fatalf("put: %d %s", status, text)
	}
	for _, row := range s.scan(t, things, since, 0) {
		if row.ID.Value().Text() == id {
			if got := strip(row.Record.With("id", nil)).JSON(); got != `{"big":12345678901234567890,"f":1,"over53":9007199254740993}` {
				t.Errorf("the image is %s", got)
			}
			return
		}
	}
	t.Error("the write is not in the log")
}
