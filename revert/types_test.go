package revert

import (
	"bytes"
	"context"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// drawValue is any value that Harper can hold.
func drawValue(t *rapid.T, depth int) audit.Value {
	most := 11
	if depth == 0 {
		most = 9
	}
	switch rapid.IntRange(0, most).Draw(t, "kind") {
	case 0:
		return audit.Null()
	case 1:
		return audit.Bool(rapid.Bool().Draw(t, "bool"))
	case 2:
		return audit.Int(rapid.Int64().Draw(t, "int"))
	case 3:
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 8, 24).Draw(t, "big"))
		return audit.BigInt(n.Neg(n))
	case 4:
		return audit.Float(rapid.Float64().Draw(t, "float"))
	case 5:
		return audit.Float([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1 << 60}[rapid.IntRange(0, 4).Draw(t, "odd")])
	case 6, 7:
		return audit.Text(rapid.String().Draw(t, "text"))
	case 8:
		return audit.BytesValue(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	case 9:
		return audit.DateOf(float64(rapid.Int64Range(-1e13, 1e13).Draw(t, "date")))
	case 10:
		var elems []audit.Value
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			elems = append(elems, drawValue(t, depth-1))
		}
		return audit.Array(elems...)
	}
	fields := map[string]audit.Value{}
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		fields[rapid.String().Draw(t, "name")] = drawValue(t, depth-1)
	}
	return audit.Object(fields)
}

// P17: whatever a value is, it comes back from the plan's file and from the
// write byte for byte, and then nothing is left to plan.
func TestTypesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest, evil := drawValue(t, 3), drawValue(t, 3)
		w := &world{t: t, sim: newSim(), mem: newMemory()}
		for _, o := range []op{
			{user: "ann", kind: "insert", key: k1, set: map[string]audit.Value{"v": honest, "w": audit.Int(1)}},
			{user: "eve", kind: "put", key: k1, set: map[string]audit.Value{"v": evil, "w": audit.Int(2)}},
		} {
			w.sim.do(o)
			w.sim.poll()
		}
		p := w.plan(eves)
		var file bytes.Buffer
		if err := WritePlan(&file, p); err != nil {
			t.Fatal(err)
		}
		read, err := ReadPlan(&file)
		if err != nil {
			t.Fatal(err)
		}
		if new(Policy).same(honest, evil) || honest.RawOp() {
			return
		}
		if len(read.Actions) != 1 {
			t.Fatalf("%s of %s and %s", said(read), honest.JSON(), evil.JSON())
		}
		a := read.Actions[0]
		if got := a.Set["v"]; !bytes.Equal(got, honest) && !blank(honest) { // null is as good as absent
			t.Fatalf("the plan writes %s, want %s", got.JSON(), honest.JSON())
		}
		if res, err := applier(&simServer{sim: w.sim}, w.mem).Apply(context.Background(), read, ApplyOptions{User: me}); err != nil || res.Verified != 1 {
			t.Fatalf("%+v %v", res, err)
		}
		if got := w.sim.state()[k1].Get("v"); !bytes.Equal(got, honest) {
			t.Fatalf("written %s, want %s", got.JSON(), honest.JSON())
		}
		if again := w.plan(eves); len(again.Actions) > 0 {
			t.Fatalf("planned again: %s", said(again))
		}
	})
}
