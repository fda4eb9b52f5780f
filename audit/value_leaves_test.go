package audit_test

import (
	"math/big"
	"slices"
	"testing"

	"recourse/audit"
)

func TestLeaves(t *testing.T) {
	big := audit.BigInt(new(big.Int).Lsh(big.NewInt(1), 80))
	date, raw := audit.DateOf(1785578400000), audit.BytesValue([]byte("x"))
	tagged, err := audit.Decode([]byte{0xd8, 0x64, 0x82, 0x01, 0x61, 'q'}) // tag 100 of [1, "q"]
	if err != nil {
		t.Fatal(err)
	}
	v := audit.Object(map[string]audit.Value{
		"a": audit.Array(audit.Int(1), audit.Array(), audit.Object(nil), audit.Array(audit.Text("deep"), big)),
		"b": audit.Object(map[string]audit.Value{"name": date, "n": audit.Null()}),
		"c": raw, "t": tagged,
	})
	want := []audit.Value{audit.Int(1), audit.Text("deep"), big, audit.Null(), date, raw, audit.Int(1), audit.Text("q")}
	var got []audit.Value
	if !v.Leaves(func(l audit.Value) bool { got = append(got, l); return true }) {
		t.Error("Leaves says that it was ended")
	}
	if !slices.EqualFunc(got, want, audit.Value.Equal) {
		t.Errorf("Leaves = %v, want %v", got, want)
	}
	n := 0
	if v.Leaves(func(audit.Value) bool { n++; return n < 2 }) || n != 2 {
		t.Errorf("Leaves went on: %d", n)
	}
	if !audit.Value(nil).Leaves(func(audit.Value) bool { return false }) {
		t.Error("nothing has a leaf")
	}
}
