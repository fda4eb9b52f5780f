package store

// pass goes past the change at place i, which is the next, and writes nothing of
// it: to read one change those before it in its group must be gone past.
func (d *blockReader) pass(i int) {
	d.in.beside, d.keys.in.beside = d.in.beside[:0], d.keys.in.beside[:0]
	d.keys.pass(i)
	d.passBodies(i)
}

// passBodies goes past the bodies of the change at place i, whose key was read.
func (d *blockReader) passBodies(i int) {
	d.next = i + 1
	for role := range roleCount {
		switch kind := int(d.m.cols[colAfterBody+role].at(i)); kind {
		case bodyNone, bodyAfter:
		case bodyRaw:
			d.in.run()
		default:
			d.passObject(role, kind-bodyShape)
		}
	}
}

func (d *blockReader) passObject(role, shape int) {
	g := d.m.groups[role][shape].at
	cell := int(d.seen[role][shape])
	d.seen[role][shape]++
	forms := d.m.parts[partForms]
	for _, at := range g {
		if form := cellAt(forms[at:], cell); form != formSame {
			d.in.passValue(int(form), &d.m.forms)
		}
		if d.in.bad() {
			return
		}
	}
}

// run is a number of literals that the numbers tell.
func (s *sources) run() []byte { return s.lits.take(s.nums.uvarint()) }

// passValue goes past what an item of a form but formSame takes.
func (s *sources) passValue(form int, templates *texts) {
	switch form {
	case wideForm:
		form += int(min(s.nums.uvarint(), maxForms))
	case formRaw, formText:
		s.run()
		return
	case formNull, formFalse, formTrue, formID:
		return
	case formInt, formNegative, formNear, formDate, formDateInt, formHundred, formThousand, formMyriad, formMillion:
		s.nums.uvarint()
		return
	case formHalf:
		s.nums.take(2)
		return
	case formSingle:
		s.nums.take(4)
		return
	case formDouble:
		s.nums.take(8)
		return
	}
	if form -= formTemplate; form < 0 || form >= templates.len() {
		s.nums.bad = true
		return
	}
	s.passText(templates.at(form))
}

// passText goes past what a text with this template takes.
func (s *sources) passText(template []byte) {
	before := byte(0) // the item that ends here
	for i := 0; i < len(template); i++ {
		item := template[i]
		switch item {
		case itemWord:
			if s.beside != nil && (mayBeDigits(before) || i+1 < len(template) && mayBeDigits(template[i+1])) {
				s.beside = append(s.beside, s.words.pos)
			}
			if s.words.byte() >= twoByteWord {
				s.words.byte()
			}
		case itemNumber:
			s.nums.uvarint()
		case itemRun:
			s.run()
		case itemPadded, itemHex, itemUpper, itemByte:
			if i++; i == len(template) {
				s.nums.bad = true
				return
			}
			s.passItem(item, uint64(template[i]))
		}
		before = item
	}
}

func (s *sources) passItem(item byte, arg uint64) {
	switch item {
	case itemPadded:
		s.nums.uvarint()
	case itemHex:
		s.nums.take((arg + 1) / 2)
	case itemUpper:
		s.lits.take(arg)
	}
}
