package report

// Facts are one thing's properties by name, such as the state of the program.
type Facts struct {
	Names    []string // in JSON; a table shows them with blanks
	Values   []any    // as in a Listing's row
	Document any      // what JSON, NDJSON and YAML hold instead; nil is the facts as an object
	Notes    []string // sentences below the facts, for people
}

// Facts prints properties.
func (p *Printer) Facts(f Facts) error {
	return p.print(output{
		document: func() any {
			if f.Document != nil {
				return f.Document
			}
			return object{f.Names, f.Values}
		},
		page: func(g *page) {
			width := 0
			for _, n := range f.Names {
				width = max(width, columns(factName(n)))
			}
			for i, n := range f.Names {
				c := cellOf(f.Values, i, false)
				g.line(c.paint, "%s  %s", pad(factName(n), width, false), c.text)
			}
			for _, n := range f.Notes {
				g.wrapped(plain, 0, Visible(n))
			}
		},
		sheet: func() sheet {
			s := sheet{names: []string{"name", "value"}}
			for i, n := range f.Names {
				s.rows = append(s.rows, []string{Visible(n), cellOf(f.Values, i, true).text})
			}
			return s
		},
		notes: func() []string {
			out := make([]string, len(f.Notes))
			for i, n := range f.Notes {
				out[i] = Visible(n)
			}
			return out
		},
	})
}

func factName(n string) string {
	b := []rune(Visible(n))
	for i, r := range b {
		if r == '_' {
			b[i] = ' '
		}
	}
	return string(b)
}
