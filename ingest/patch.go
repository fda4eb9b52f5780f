package ingest

import (
	"maps"
	"math/big"

	"recourse/audit"
)

// applyPatch is the image after a patch as it was sent, from the image before
// it: attributes are replaced on the first level, and {"__op__":"add","value":n}
// adds to a number (Harper's crdt.ts). What cannot be told is unknown.
func applyPatch(before audit.Image, patch audit.Value) audit.Image {
	fields := map[string]audit.Value{}
	switch before.State {
	case audit.Unknown:
		return audit.Image{}
	case audit.Present:
		fields = maps.Collect(before.Body.Fields())
	}
	for name, v := range patch.Fields() {
		if v.Kind() != audit.KindObject || v.Get("__op__") == nil {
			fields[name] = v
			continue
		}
		sum, ok := add(fields[name], v)
		if !ok {
			return audit.Image{}
		}
		fields[name] = sum
	}
	return audit.PresentImage(audit.Object(fields), audit.Folded, before.Trust)
}

// add is a number with an increment applied, and whether it is one that is
// understood. Adding to nothing is adding to zero.
func add(old, op audit.Value) (audit.Value, bool) {
	if op.Get("__op__").Text() != "add" {
		return nil, false
	}
	n := op.Get("value")
	if n.Kind() != audit.KindInt && n.Kind() != audit.KindFloat {
		return nil, false
	}
	switch old.Kind() {
	case audit.KindMissing:
		return n, true
	case audit.KindNull: // counts as the number zero, to which no BigInt can be added
		return n, n.Kind() == audit.KindFloat || safe(n.Big())
	case audit.KindInt, audit.KindFloat:
	default:
		return nil, false
	}
	a, b := old.Big(), n.Big()
	if old.Kind() == audit.KindInt && n.Kind() == audit.KindInt && a != nil && b != nil {
		sum := new(big.Int).Add(a, b)
		// Two numbers of JavaScript whose sum is above 2^53 are rounded; two BigInts
		// are not, and which they are is not told here.
		if safe(a) && safe(b) && !safe(sum) {
			return nil, false
		}
		return audit.BigInt(sum), true
	}
	x, okX := old.Float64()
	y, okY := n.Float64()
	return audit.Float(x + y), okX && okY
}

// safe says that JavaScript's numbers hold an integer exactly.
func safe(n *big.Int) bool { return n.CmpAbs(big.NewInt(1<<53)) <= 0 }
