package harper

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"recourse/audit"
)

func TestCapturedLogs(t *testing.T) {
	for _, dir := range []string{"captures/lmdb", "captures/rocksdb", "incidents/lmdb/final", "incidents/rocksdb/final"} {
		t.Run(dir, func(t *testing.T) {
			list := auditCaptures(t, dir)
			if len(list) < 12 {
				t.Fatalf("only %d captures", len(list))
			}
			for _, c := range list {
				switch raw := c.body(t); c.accept() {
				case "application/x-msgpack":
					if _, err := collect(raw, DecodeOptions{}); err == nil {
						t.Errorf("%s: MessagePack was read", c.path)
					}
				case "application/cbor":
					checkCBOR(t, c.path, raw)
				default:
					checkJSON(t, c.path, raw)
				}
			}
		})
	}
}

func checkJSON(t *testing.T, path string, raw []byte) {
	rows, err := collect(raw, DecodeOptions{})
	i := 0
	var want *string
	for _, g := range rawGroups(t, raw) {
		if want = g.Error; want != nil {
			break
		}
		keys := g.Hashes
		if g.IDs != nil {
			keys = g.IDs
		}
		for j, record := range g.Records {
			if i == len(rows) {
				t.Fatalf("%s: row %d is missing", path, i)
			}
			r := rows[i]
			i++
			if string(r.Operation) != g.Operation || r.User != g.User || r.Time.String() != g.Timestamp.String() ||
				r.Index != j || r.Size != len(keys) || r.IDsField != (g.IDs != nil) || r.Err != nil || !r.Lossy {
				t.Errorf("%s: row %d is %+v in %+v", path, i-1, r, g)
			}
			if id := string(r.ID); !sameJSON(t, []byte(id), keys[j]) {
				t.Errorf("%s: row %d has id %s, want %s", path, i-1, id, keys[j])
			}
			v, err := audit.FromJSON(record)
			if err != nil {
				t.Fatal(err)
			}
			if isNull := string(record) == "null"; isNull != (r.Record == nil) || !isNull && !bytes.Equal(r.Record, v) {
				t.Errorf("%s: row %d is %s, want %s", path, i-1, r.Record.JSON(), record)
			}
		}
	}
	if i != len(rows) {
		t.Errorf("%s: %d rows, want %d", path, len(rows), i)
	}
	var truncated *TruncatedError
	switch {
	case want == nil && err != nil:
		t.Errorf("%s: %v", path, err)
	case want != nil && (!errors.As(err, &truncated) || truncated.Message != *want || truncated.Rows != len(rows) || !truncated.Server):
		t.Errorf("%s: error %v, want %q", path, err, *want)
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	v, err := audit.FromJSON(a)
	if err != nil {
		t.Fatal(err)
	}
	w, err := audit.FromJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	return v.Equal(w)
}

// checkCBOR counts against another decoder of CBOR.
func checkCBOR(t *testing.T, path string, raw []byte) {
	rows, err := collect(raw, DecodeOptions{})
	type group struct {
		Operation string  `cbor:"operation"`
		Timestamp float64 `cbor:"timestamp"`
		Records   []any   `cbor:"records"`
	}
	var groups []group
	if whole := cbor.Unmarshal(raw, &groups); whole != nil {
		var byKey map[string][]group
		if cbor.Unmarshal(raw, &byKey) != nil {
			var truncated *TruncatedError
			if !errors.As(err, &truncated) || truncated.Server {
				t.Errorf("%s: %v, though it is no CBOR: %v", path, err, whole)
			}
			return
		}
		for _, g := range byKey {
			groups = append(groups, g...)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	want := 0
	for _, g := range groups {
		for range g.Records {
			if r := rows[want]; string(r.Operation) != g.Operation || float64(r.Time) != g.Timestamp || r.Err != nil || r.Lossy {
				t.Errorf("%s: row %+v in %+v", path, r, g)
			}
			want++
		}
	}
	if len(rows) != want {
		t.Errorf("%s: %d rows, want %d", path, len(rows), want)
	}
}

// TestTypesInCBOR looks at a record of every type as a real Harper sent it.
func TestTypesInCBOR(t *testing.T) {
	for _, line := range []string{"lmdb", "rocksdb"} {
		for _, c := range auditCaptures(t, "captures/"+line+"/values") {
			if !strings.HasSuffix(c.path, "read-as-cbor.json") {
				continue
			}
			rows, err := collect(c.body(t), DecodeOptions{})
			if err != nil || len(rows) != 1 {
				t.Fatal(rows, err)
			}
			got := rows[0].Record.With("__updatedtime__", nil).With("__createdtime__", nil).JSON()
			const want = `{"big":12345678901234567890,"buf":{"$bytes":"AAH/"},"date":{"$date":"2024-02-29T12:34:56.789Z"},` +
				`"huge":123456789012345678901234567890,"id":3000,"inf":{"$number":"Infinity"},"nan":{"$number":"NaN"}}`
			if got != want {
				t.Errorf("%s: %s\nwant %s", line, got, want)
			}
			return
		}
	}
	t.Error("no such capture")
}
