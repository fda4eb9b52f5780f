package harper

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// checkLine compares LineDecoder with DecodeAuditLog and encoding/json, and says
// whether the line is of the common form.
func checkLine(t *testing.T, d *LineDecoder, line []byte) bool {
	t.Helper()
	checked, fine := d.Check(line)
	if fine && (!json.Valid(line) || checked.Rows != nil) {
		t.Fatalf("%q was found fine", line)
	}
	got, ok := d.Decode(line)
	if ok && !fine {
		t.Fatalf("%q was decoded, and is not fine", line)
	}
	if !ok && !fine {
		return false
	}
	var want []AuditRow
	for row, err := range DecodeAuditLog(bytes.NewReader([]byte("["+string(line)+"]")), DecodeOptions{}) {
		if err != nil {
			t.Fatalf("%q is read early and is no audit log: %v", line, err)
		}
		want = append(want, row)
	}
	var names struct{ Database, Schema, Table string }
	if err := json.Unmarshal(line, &names); err != nil {
		t.Fatal(err)
	}
	if checked.Database != names.Database || checked.Schema != names.Schema || checked.Table != names.Table {
		t.Fatalf("%q: got %q.%q.%q", line, checked.Database, checked.Schema, checked.Table)
	}
	if !ok { // a key or record that cannot be decoded: its row says so
		return false
	}
	if len(got.Rows) == 0 || !reflect.DeepEqual(got.Rows, want) {
		t.Fatalf("%q:\ngot  %+v\nwant %+v", line, got.Rows, want)
	}
	return true
}

var lines = map[string]bool{
	`{"operation":"insert","user_name":"u40","timestamp":1795392000217.4106,"hash_values":["e-0"],"records":[{"id":"e-0","name":"Rob","salary":329.79}],"database":"ops","table":"employees"}`: true,
	` { "table" : "t" , "ids" : [ 1 , "b" ] , "records" : [ null , { } ] , "timestamp" : 5 , "operation" : "delete" } ` + "\r\n":                                                               true,
	`{"operation":"update","user_name":null,"timestamp":1,"ids":[[1,"a"]],"records":[{"b":1,"a":2,"b":3}],"schema":"d","database":"","table":"t"}`:                                             true,
	`{"operation":"","user_name":"é\u00e9\n","timestamp":-0.5,"ids":["\u00e9\"x"],"records":["no object"]}`:                                                                                    true,
	`{"operation":"reload","timestamp":1,"ids":[-0],"records":[{"x":12345678901234567890123}]}`:                                                                                                true,
	// What DecodeAuditLog is to read, or to refuse.
	`{"operation":"insert","timestamp":1,"hash_values":["a"],"records":[{}],"original_records":[{}]}`: false,
	`{"operation":"insert","timestamp":1,"hash_values":["a"],"records":[]}`:                           false,
	`{"operation":"insert","timestamp":1,"hash_values":[],"records":[]}`:                              false,
	`{"operation":"insert","timestamp":1,"hash_values":[null],"records":[{}]}`:                        false,
	`{"operation":"insert","timestamp":1,"hash_values":["a"],"records":[{"a":}]}`:                     false,
	`{"operation":"insert","timestamp":"1","hash_values":["a"],"records":[{}]}`:                       false,
	`{"operation":"insert","timestamp":1e999,"hash_values":["a"],"records":[{}]}`:                     false,
	`{"operation":null,"timestamp":1,"hash_values":["a"],"records":[{}]}`:                             false,
	`{"operation":"a","operation":"b","timestamp":1,"hash_values":["a"],"records":[{}]}`:              false,
	`{"operation":"a","ids":["a"],"timestamp":1,"hash_values":["a"],"records":[{}]}`:                  false,
	`{"Operation":"a","timestamp":1,"hash_values":["a"],"records":[{}]}`:                              false,
	`{"operation":"a","timestamp":1,"hash_values":["a"],"records":[{}]} x`:                            false,
	`{"operation":"a","timestamp":1,"hash_values":["a"],"records":[{}],}`:                             false,
	`{"operation":"a","timestamp":1,"hash_values":["a"],"records":[{}]`:                               false,
	`{"operation":"delete","timestamp":1,"hash_values":["a"]}`:                                        false,
	`{"error":"no","timestamp":1}`:                                                                    false,
	`{"request":{},"response":[]}`:                                                                    false,
	`[]`:                                                                                              false,
	``:                                                                                                false,
	`{}`:                                                                                              false,
	`{"operation":"a","user_name":nul`:                                                                false,
	`{"operation":"a","user_name":nullx`:                                                              false,
}

func TestLinesAreReadAsAnswersAre(t *testing.T) {
	var d LineDecoder
	for line, common := range lines {
		if got := checkLine(t, &d, []byte(line)); got != common {
			t.Errorf("%s: common form %t, want %t", line, got, common)
		}
		for i := range len(line) {
			checkLine(t, &d, []byte(line[:i]))
			checkLine(t, &d, []byte(line[:i]+line[i+1:]))
		}
	}
}

func FuzzLine(f *testing.F) {
	for line := range lines {
		f.Add([]byte(line))
	}
	var d LineDecoder
	f.Fuzz(func(t *testing.T, line []byte) { checkLine(t, &d, line) })
}

func BenchmarkLine(b *testing.B) {
	line := []byte(`{"operation":"update","user_name":"u2","timestamp":1795392001325.4780,"hash_values":["y-000000"],"records":[{"id":"y-000000","order":"EF-41140d","amount":1873.79,"fee":5327.80,"status":"pending","payer":"Lena Tanaka","payer_email":"mei.wirth129@example.org","ip":"10.5.10.240","at":1795309102617,"reference":"QC-d43b48","refunded":false,"memo":"customer two for late"}],"database":"shop","table":"payments"}`)
	for name, read := range map[string]func(*LineDecoder, []byte) (Line, bool){"decode": (*LineDecoder).Decode, "check": (*LineDecoder).Check} {
		b.Run(name, func(b *testing.B) {
			var d LineDecoder
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := read(&d, line); !ok {
					b.Fatal("not read")
				}
			}
		})
	}
}
