package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"recourse/audit"
)

// typical is a record of ten attributes, and as Harper sends it: attributes in
// the order of the schema, numbers as floats.
func typical() (audit.Value, []byte) {
	fields := map[string]any{
		"id": "c-10017", "name": "Ann Example", "email": "ann@example.com", "balance": 1234.56, "age": 41,
		"tags": []any{"gold", "eu"}, "address": map[string]any{"city": "Antwerpen", "zip": "2000"},
		"active": true, "created": 1795470364242.5806, "since": time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC),
	}
	wire := []byte{0xb9, 0, byte(len(fields))}
	for _, name := range []string{"id", "name", "email", "balance", "age", "tags", "address", "active", "created", "since"} {
		k, _ := cbor.Marshal(name)
		wire = append(append(wire, k...), must(audit.Of(fields[name]))...)
	}
	return must(audit.Of(fields)), wire
}

func BenchmarkDecode(b *testing.B) {
	v, wire := typical()
	for name, data := range map[string][]byte{"canonical": v, "harper": wire} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := audit.Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJSON(b *testing.B) {
	v, _ := typical()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = v.AppendJSON(buf[:0])
	}
}

func BenchmarkFromJSON(b *testing.B) {
	v, _ := typical()
	data := []byte(v.JSON())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := audit.FromJSON(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEqual(b *testing.B) {
	v, _ := typical()
	for name, w := range map[string]audit.Value{"same": v, "last differs": v.With("created", audit.Int(1)), "by value": v.With("age", audit.Int(42))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.Equal(w)
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	v, _ := typical()
	b.ReportAllocs()
	for b.Loop() {
		v.Get("balance")
	}
}

func BenchmarkDiffOf(b *testing.B) {
	v, _ := typical()
	w := v.With("email", audit.Text("eve@example.com")).With("address", nil)
	wide := map[string]audit.Value{}
	for i := range 200 {
		wide[fmt.Sprintf("attribute%03d", i)] = audit.Int(int64(i))
	}
	a := audit.Object(wide)
	for name, pair := range map[string][2]audit.Value{"10": {v, w}, "200": {a, a.With("attribute100", nil)}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				audit.DiffOf(pair[0], pair[1])
			}
		})
	}
}

func BenchmarkIdentify(b *testing.B) {
	c := audit.Change{Time: 1795470364242.5806, Key: audit.Key{Table: audit.Table{Database: "shop", Name: "customers"}, ID: `"c-17"`}}
	b.ReportAllocs()
	for b.Loop() {
		c.Identify()
	}
}

func BenchmarkAttributes(b *testing.B) {
	v, _ := typical()
	c := audit.Change{Op: audit.OpUpdate, Before: audit.PresentImage(v, audit.Folded, audit.Exact)}
	c.After = audit.PresentImage(v.With("email", audit.Text("eve@example.com")).With("balance", audit.Int(7)), audit.Logged, audit.Exact)
	b.ReportAllocs()
	for b.Loop() {
		c.Attributes()
	}
}
