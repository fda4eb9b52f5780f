package store

import (
	"encoding/binary"
	"math"

	"recourse/audit"
)

// A form says what a value, in deterministic CBOR, is made of. Forms from
// formTemplate on are texts: the number of the template is what they exceed it
// by. Forms from wideForm on do not fit a byte: they stand as wideForm, and what
// they exceed it by is a uvarint in the numbers, before anything else.
const (
	formSame     = iota // the value that the image after has of this attribute
	formRaw             // a uvarint in the numbers, that many bytes in the literals
	formNull            //
	formFalse           //
	formTrue            //
	formInt             // an integer from 0 on: a uvarint
	formNegative        // -1 minus a uvarint
	formNear            // an integer: the change's own time in whole milliseconds plus a folded uvarint
	formDate            // a date: as formNear, the float64 of its seconds being that nearest to these milliseconds
	formDateInt         // a date of whole seconds: a uvarint
	formHalf            // a float16: its two bytes
	formSingle          // a float32: its four bytes
	formDouble          // a float64: its eight bytes
	formHundred         // a float64: a folded uvarint divided by 100
	formThousand        // by 1,000
	formMyriad          // by 10,000
	formMillion         // by 1,000,000
	formID              // a text: the key's id without its quotes
	formText            // a text: a uvarint in the numbers, that many bytes in the literals
	formTemplate        //

	wideForm = 255
	maxForms = 1 << 11 // templates of a block
)

var divisors = [...]float64{100, 1e3, 1e4, 1e6}

const (
	cborText  = 0x60
	cborMap   = 0xa0
	cborDate  = 0xc1
	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6
	cborHalf  = 0xf9
	cborFloat = 0xfa
	cborReal  = 0xfb
)

// A moment is what values are near to and like: the change's time in whole
// milliseconds (0 if that is not some 140,000 years from 1970), and its id.
type moment struct {
	ms int64
	id audit.ID
}

func momentOf(c *audit.Change) moment {
	m := moment{id: c.Key.ID}
	if t := math.Floor(float64(c.Time)); math.Abs(t) < 1<<52 {
		m.ms = int64(t)
	}
	return m
}

// valueForm is the form of one item, whose variable parts it adds to out.
func (w *blockWriter) valueForm(v []byte, at moment) int {
	arg, size := cborHead(v)
	whole := size == len(v) // nothing but a head
	switch {
	case v[0] < 0x20 && whole:
		if d := int64(arg) - at.ms; arg > 1<<36 && arg < 1<<60 && d < 1<<36 && d > -1<<36 {
			w.out.num(fold(d))
			return formNear
		}
		w.out.num(arg)
		return formInt
	case v[0] < 0x40 && whole:
		w.out.num(arg)
		return formNegative
	case v[0]&0xe0 == cborText && size > 0 && uint64(len(v)-size) == arg:
		return w.textForm(v[size:], at)
	case v[0] == cborDate:
		if form := w.dateForm(v[1:], at); form != formRaw {
			return form
		}
	case len(v) == 1 && v[0] >= cborFalse && v[0] <= cborNull:
		return formFalseTrueNull(v[0])
	case v[0] == cborReal && len(v) == 9:
		return w.realForm(v[1:])
	case v[0] == cborFloat && len(v) == 5:
		w.out.nums = append(w.out.nums, v[1:]...)
		return formSingle
	case v[0] == cborHalf && len(v) == 3:
		w.out.nums = append(w.out.nums, v[1:]...)
		return formHalf
	}
	w.out.raw(v)
	return formRaw
}

func formFalseTrueNull(b byte) int {
	switch b {
	case cborFalse:
		return formFalse
	case cborTrue:
		return formTrue
	}
	return formNull
}

func (w *blockWriter) textForm(s []byte, at moment) int {
	if n := len(at.id) - 2; n > 0 && n == len(s) && at.id[0] == '"' && at.id[n+1] == '"' && at.id[1:n+1] == audit.ID(s) {
		return formID
	}
	start := w.out.sizes()
	if !w.plain && w.split.split(s) {
		if n := w.forms.number(w.split.items, maxForms); n >= 0 {
			return formTemplate + n
		}
	}
	w.out.cut(start)
	w.out.raw(s)
	return formText
}

func (w *blockWriter) dateForm(seconds []byte, at moment) int {
	if len(seconds) == 9 && seconds[0] == cborReal {
		f := math.Float64frombits(binary.BigEndian.Uint64(seconds[1:]))
		ms := math.Round(f * 1000)
		if math.Abs(ms) < 1<<52 && math.Float64bits(ms/1000) == math.Float64bits(f) {
			w.out.num(fold(int64(ms) - at.ms))
			return formDate
		}
	}
	if arg, size := cborHead(seconds); size > 0 && size == len(seconds) && seconds[0] < 0x20 {
		w.out.num(arg)
		return formDateInt
	}
	return formRaw
}

func (w *blockWriter) realForm(b []byte) int {
	bits := binary.BigEndian.Uint64(b)
	f := math.Float64frombits(bits)
	for i, by := range divisors {
		n := math.Round(f * by)
		if math.Abs(n) < 1<<46 && math.Float64bits(n/by) == bits && n != 0 {
			w.out.num(fold(int64(n)))
			return formHundred + i
		}
	}
	w.out.nums = append(w.out.nums, b...)
	return formDouble
}

// value appends the item of a form but formSame.
func (d *blockReader) value(dst []byte, form int, at *moment) []byte {
	in := &d.in
	switch form {
	case wideForm:
		form += int(min(in.nums.uvarint(), maxForms))
	case formRaw:
		return append(dst, in.run()...)
	case formNull, formFalse, formTrue:
		return append(dst, [...]byte{cborNull, cborFalse, cborTrue}[form-formNull])
	case formInt:
		return appendCBORHead(dst, 0, in.nums.uvarint())
	case formNegative:
		return appendCBORHead(dst, 0x20, in.nums.uvarint())
	case formNear:
		return appendCBORHead(dst, 0, uint64(at.ms+unfold(in.nums.uvarint())))
	case formDate:
		return appendReal(append(dst, cborDate), float64(at.ms+unfold(in.nums.uvarint()))/1000)
	case formDateInt:
		return appendCBORHead(append(dst, cborDate), 0, in.nums.uvarint())
	case formHalf:
		return append(append(dst, cborHalf), in.nums.take(2)...)
	case formSingle:
		return append(append(dst, cborFloat), in.nums.take(4)...)
	case formDouble:
		return append(append(dst, cborReal), in.nums.take(8)...)
	case formHundred, formThousand, formMyriad, formMillion:
		return appendReal(dst, float64(unfold(in.nums.uvarint()))/divisors[form-formHundred])
	case formID:
		if len(at.id) < 2 {
			in.nums.bad = true
			return dst
		}
		return append(appendCBORHead(dst, cborText, uint64(len(at.id)-2)), at.id[1:len(at.id)-1]...)
	case formText:
		s := in.run()
		return append(appendCBORHead(dst, cborText, uint64(len(s))), s...)
	}
	if form -= formTemplate; form < 0 || form >= d.m.forms.len() {
		in.nums.bad = true
		return dst
	}
	return d.text(dst, d.m.forms.at(form))
}

// text appends a text that has a template. Most are shorter than 24 bytes, whose
// head is one byte.
func (d *blockReader) text(dst, template []byte) []byte {
	start := len(dst)
	dst = d.in.text(append(dst, 0), template, &d.m.words)
	n := len(dst) - start - 1
	if n < 24 {
		dst[start] = cborText | byte(n)
		return dst
	}
	var space [9]byte
	head := appendCBORHead(space[:0], cborText, uint64(n))
	dst = append(dst, head[1:]...)
	copy(dst[start+len(head):], dst[start+1:start+1+n])
	copy(dst[start:], head)
	return dst
}
