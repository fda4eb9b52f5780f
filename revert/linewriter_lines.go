package revert

// action is an action, as its JSON has it.
func (w *lineWriter) action(a *Action) {
	w.raw(`{"add":`)
	w.values(a.Add)
	w.raw(`,"attrs":`)
	w.attributes(a.Attrs)
	w.raw(`,"blind":`)
	listOf(w, a.Blind, (*lineWriter).window)
	w.raw(`,"changes":`)
	w.ids(a.Changes)
	w.raw(`,"decided":`)
	listOf(w, a.Decided, (*lineWriter).class)
	w.raw(`,"do":`)
	w.text(a.Do)
	w.raw(`,"expect":`)
	w.expect(&a.Expect)
	w.raw(`,"history":`)
	w.text(a.History)
	w.raw(`,"k":`)
	w.target(&a.K)
	w.raw(`,"kept":`)
	objectOf(w, a.Kept, (*lineWriter).kept)
	w.raw(`,"kind":`)
	w.text(a.Kind)
	if a.Level != 0 {
		w.raw(`,"level":`)
		w.int(a.Level)
	}
	w.raw(`,"n":`)
	w.number(a.N)
	if len(a.Notes) > 0 {
		w.raw(`,"notes":`)
		objectOf(w, a.Notes, (*lineWriter).text)
	}
	w.raw(`,"phase":`)
	w.int(a.Phase)
	w.raw(`,"set":`)
	w.values(a.Set)
	if len(a.Undone) > 0 {
		w.raw(`,"undone":`)
		w.ids(a.Undone)
	}
	w.raw(`,"unset":`)
	listOf(w, a.Unset, (*lineWriter).textAt)
	w.raw(`}`)
}

func (w *lineWriter) textAt(s *string) { w.text(*s) }

func (w *lineWriter) class(c *Class) { w.text(string(*c)) }

func (w *lineWriter) window(b *Window) {
	w.raw(`{"from":`)
	w.time(b.From)
	w.raw(`,"to":`)
	w.time(b.To)
	w.raw(`}`)
}

func (w *lineWriter) expect(e *Expect) {
	w.raw(`{"absent":`)
	listOf(w, e.Absent, (*lineWriter).textAt)
	w.raw(`,"exists":`)
	w.bool(e.Exists)
	w.raw(`,"owned":`)
	w.values(e.Owned)
	w.raw(`,"version":`)
	w.time(e.Version)
	w.raw(`}`)
}

func (w *lineWriter) attributes(m map[string]Attribute) { objectOf(w, m, (*lineWriter).attribute) }

func (w *lineWriter) attribute(a Attribute) {
	w.raw(`{`)
	comma := w.optional(`"base":`, a.Base, false)
	w.comma(comma)
	w.raw(`"by":`)
	w.ids(a.By)
	w.raw(`,"class":`)
	w.class(&a.Class)
	w.optional(`"current":`, a.Current, true)
	w.optional(`"delta":`, a.Delta, true)
	if len(a.Paths) > 0 {
		w.raw(`,"paths":`)
		objectOf(w, a.Paths, (*lineWriter).path)
	}
	w.optional(`"target":`, a.Target, true)
	w.optional(`"theirs":`, a.Theirs, true)
	w.raw(`,"trust":`)
	w.text(a.Trust.String())
	if len(a.Unknown) > 0 {
		w.raw(`,"unknown":`)
		listOf(w, a.Unknown, (*lineWriter).textAt)
	}
	w.raw(`}`)
}

func (w *lineWriter) path(p PathValue) {
	w.raw(`{"class":`)
	w.class(&p.Class)
	w.optional(`"current":`, p.Current, true)
	w.optional(`"target":`, p.Target, true)
	w.raw(`}`)
}

func (w *lineWriter) kept(k KeptValue) {
	w.raw(`{"by":`)
	w.evidence(&k.By)
	w.raw(`,"class":`)
	w.class(&k.Class)
	w.optional(`"current":`, k.Current, true)
	w.raw(`}`)
}

func (w *lineWriter) evidence(e *Evidence) {
	w.raw(`{"id":`)
	w.id(&e.ID)
	w.raw(`,"op":`)
	w.text(string(e.Op))
	w.raw(`,"time":`)
	w.time(e.Time)
	w.raw(`,"user":`)
	w.text(e.User)
	w.raw(`}`)
}

// conflict is a conflict, as its JSON has it.
func (w *lineWriter) conflict(c *Conflict) {
	w.raw(`{"attrs":`)
	w.attributes(c.Attrs)
	w.raw(`,"blind":`)
	listOf(w, c.Blind, (*lineWriter).window)
	w.raw(`,"changes":`)
	w.ids(c.Changes)
	w.raw(`,"class":`)
	w.class(&c.Class)
	w.raw(`,"default":`)
	w.text(c.Default)
	w.raw(`,"evidence":`)
	listOf(w, c.Evidence, (*lineWriter).evidence)
	w.raw(`,"history":`)
	w.text(c.History)
	w.raw(`,"k":`)
	w.target(&c.K)
	w.raw(`,"kind":`)
	w.text(c.Kind)
	w.raw(`,"n":`)
	w.number(c.N)
	at := w.at
	w.raw(`,"options":`)
	listOf(w, c.Options, (*lineWriter).textAt)
	w.raw(`,"record":`)
	w.bool(c.Record)
	w.raw(`,"resolution":`)
	w.other(c.Resolution)
	if len(c.Undone) > 0 {
		w.raw(`,"undone":`)
		w.ids(c.Undone)
	}
	w.raw(`,"version":`)
	w.time(c.Version)
	if c.Why != "" {
		w.raw(`,"why":`)
		w.text(c.Why)
	}
	if c.Withheld != nil {
		w.raw(`,"withheld":`)
		w.other(c.Withheld)
	}
	w.raw(`}`)
	w.at = at
}

// keptRecord is a record with nothing to write, as its JSON has it.
func (w *lineWriter) keptRecord(k *Kept) {
	w.raw(`{"blind":`)
	listOf(w, k.Blind, (*lineWriter).window)
	w.raw(`,"changes":`)
	w.ids(k.Changes)
	w.raw(`,"class":`)
	w.class(&k.Class)
	w.raw(`,"history":`)
	w.text(k.History)
	w.raw(`,"k":`)
	w.target(&k.K)
	w.raw(`,"kept":`)
	objectOf(w, k.Kept, (*lineWriter).kept)
	w.raw(`,"kind":`)
	w.text(k.Kind)
	w.raw(`,"n":`)
	w.number(k.N)
	if len(k.Undone) > 0 {
		w.raw(`,"undone":`)
		w.ids(k.Undone)
	}
	w.raw(`,"version":`)
	w.time(k.Version)
	w.raw(`}`)
}
