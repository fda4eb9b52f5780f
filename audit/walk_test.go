package audit

import (
	"math/big"
	"slices"
	"testing"
)

// leaves are the values that the walk of v should visit, by other means.
func leaves(v Value) []string {
	var out []string
	switch v.Kind() {
	case KindMissing:
	case KindArray:
		for e := range v.Elems() {
			out = append(out, leaves(e)...)
		}
	case KindObject:
		for _, e := range v.Fields() {
			out = append(out, leaves(e)...)
		}
	case KindTagged:
		_, content := v.Tag()
		out = append(out, leaves(content)...)
	default:
		out = append(out, v.JSON())
	}
	return out
}

func walked(v Value) []string {
	var out []string
	v.Leaves(func(l Value) bool { out = append(out, l.JSON()); return true })
	return out
}

func object(pairs ...any) Value {
	fields := map[string]Value{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i].(string)] = pairs[i+1].(Value)
	}
	return Object(fields)
}

// bodies are records and, the first, none.
func bodies() []Value {
	tagged := Value(append([]byte{0xd8, 0x40}, Array(Text("in a tag"))...))
	return []Value{
		nil,
		object(),
		object("a", Text("x")),
		object("a", Text("y"), "b", Int(1)),
		object("a", object("b", Text("x"), "c", object("d", Null()))),
		object("a", object("b", Text("x"), "c", Int(5)), "/", Text("z")),
		object("a", Array(Text("x"), object("b", Int(7)), Array()), "t", tagged),
		object("a", Array(Text("x"), object("b", Int(8)), Array()), "f", Float(1<<60), "d", DateOf(5), "y", BytesValue([]byte{1, 2})),
		object("n", BigInt(new(big.Int).Lsh(big.NewInt(1), 60)), "f", BigInt(new(big.Int).Lsh(big.NewInt(1), 60)), "a", object()),
		Text("no record"),
		Array(Int(1)),
	}
}

func TestEachLeaf(t *testing.T) {
	for _, v := range bodies() {
		if got, want := walked(v), leaves(v); !slices.Equal(got, want) {
			t.Errorf("%s: visits %q, want %q", v.JSON(), got, want)
		}
	}
}

// EachTouched visits the edits of Touched, whatever is known of the images.
func TestEachTouchedIsTouched(t *testing.T) {
	image := func(v Value) []Image {
		if v == nil {
			return []Image{{}, AbsentImage(Logged, Exact)}
		}
		return []Image{PresentImage(v, Logged, Exact)}
	}
	edit := func(o, n Value) string { return string(o) + "\x00" + string(n) + "\x00" }
	for _, op := range []Op{OpUpdate, OpMessage} {
		for _, before := range bodies() {
			for _, after := range bodies() {
				for _, b := range image(before) {
					for _, a := range image(after) {
						c := Change{Op: op, Before: b, After: a}
						var got, want []string
						c.EachTouched(func(o, n Value) { got = append(got, edit(o, n)) })
						for _, e := range c.Touched() {
							want = append(want, edit(e.Old, e.New))
						}
						slices.Sort(got)
						slices.Sort(want)
						if !slices.Equal(got, want) {
							t.Errorf("%s of %s to %s: %q, want %q", op, before.JSON(), after.JSON(), got, want)
						}
					}
				}
			}
		}
	}
}

func TestTextBytes(t *testing.T) {
	long := make([]byte, 70000)
	for _, s := range []string{"", "x", "a text of more than twenty-three bytes", string(long)} {
		if got := Text(s).TextBytes(); string(got) != s {
			t.Errorf("TextBytes of %d bytes has %d", len(s), len(got))
		}
	}
	if got := Int(5).TextBytes(); got != nil {
		t.Errorf("TextBytes of a number: %q", got)
	}
}
