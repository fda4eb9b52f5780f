package harper

import (
	"bytes"
	"testing"
)

// TestNullIsNoDelete: CBOR tells a record that Harper could not show from one
// that is deleted, and JSON does not.
func TestNullIsNoDelete(t *testing.T) {
	head := "\xa4\x69operation\x65patch\x69timestamp\x01\x63ids\x82\x01\x02\x67records\x82"
	for name, c := range map[string]struct {
		answer string
		null   []bool
	}{
		"cbor": {"\x9f" + head + "\xf6\xf7" + "\xff", []bool{true, false}},
		"json": {`[{"operation":"patch","timestamp":1,"ids":[1,2],"records":[null,null]}]`, []bool{false, false}},
	} {
		var got []bool
		for row, err := range DecodeAuditLog(bytes.NewReader([]byte(c.answer)), DecodeOptions{}) {
			if err != nil {
				t.Fatal(name, err)
			}
			if row.Record != nil {
				t.Errorf("%s: the record is %s", name, row.Record.JSON())
			}
			got = append(got, row.Null)
		}
		if len(got) != 2 || got[0] != c.null[0] || got[1] != c.null[1] {
			t.Errorf("%s: null is %v, want %v", name, got, c.null)
		}
	}
}
