package rules

import (
	"slices"
	"strings"
	"text/template/parse"
	"unicode/utf8"
)

// A title is an alert's title with places for what the alert knows. It is
// written as a text/template of which only {{.name}} is allowed.
type title []titlePart

type titlePart struct {
	text  string // as it stands
	field string // or the value of this one
}

// titleFields is what a title may show beside the fields of its group.
var titleFields = []string{"count", "window", "rule", "severity"}

func (d *document) title(s scalar, w Window, each bool) title {
	known := append(slices.Clone(w.By), titleFields...)
	if each {
		known = append(known, "each")
	}
	trees, err := parse.Parse("title", s.text, "{{", "}}")
	if err != nil {
		_, message, _ := strings.Cut(err.Error(), "template: title:")
		d.fail(s.at, "title is no template: %s", message)
		return nil
	}
	var t title
	for _, n := range trees["title"].Root.Nodes {
		offset := utf8.RuneCountInString(s.text[:min(int(n.Position()), len(s.text))])
		if text, ok := n.(*parse.TextNode); ok {
			t = append(t, titlePart{text: string(text.Text)})
			continue
		}
		name, ok := fieldNode(n)
		if !ok {
			d.fail(s.locate(d, offset), "a title may only show fields, as in {{.user}}")
			continue
		}
		if !slices.Contains(known, name) {
			d.fail(s.locate(d, offset), "the alert has no field %s; it has %s", name, strings.Join(known, ", "))
			continue
		}
		t = append(t, titlePart{field: name})
	}
	return t
}

// fieldNode is the name in {{.name}}.
func fieldNode(n parse.Node) (string, bool) {
	action, ok := n.(*parse.ActionNode)
	if !ok || len(action.Pipe.Decl) > 0 || len(action.Pipe.Cmds) != 1 || len(action.Pipe.Cmds[0].Args) != 1 {
		return "", false
	}
	f, ok := action.Pipe.Cmds[0].Args[0].(*parse.FieldNode)
	if !ok || len(f.Ident) != 1 {
		return "", false
	}
	return f.Ident[0], true
}

// render fills the title in. What comes from the log is made fit to print.
func (t title) render(value func(string) string) string {
	var b strings.Builder
	for _, p := range t {
		if p.field == "" {
			b.WriteString(p.text)
			continue
		}
		v := printable(value(p.field))
		if v == "" {
			v = "(none)"
		}
		b.WriteString(v)
	}
	return b.String()
}
