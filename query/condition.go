package query

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"recourse/audit"
)

// A Condition is an expression as the where of a rule.
type Condition struct {
	Text string
	// Notes are what the rule takes otherwise than the query does.
	Notes []string
}

// AsCondition puts an expression into the language of a rule's where. The error
// says what of it a rule cannot say. Its names are to be bound before.
func AsCondition(e Expr) (Condition, error) {
	t := &translation{}
	text, err := t.node(e.Root())
	if err != nil {
		return Condition{}, fmt.Errorf("as a rule: %w", err)
	}
	return Condition{text, t.notes}, nil
}

// A translation is an expression on its way into a condition.
type translation struct{ notes []string }

func (t *translation) note(text string) {
	for _, n := range t.notes {
		if n == text {
			return
		}
	}
	t.notes = append(t.notes, text)
}

// unsayable is the error for what a rule cannot say.
func unsayable(n Node, hint string) error {
	return &hinted{"a rule cannot say " + n.String(), hint}
}

func (t *translation) node(n Node) (string, error) {
	switch n := n.(type) {
	case All:
		return "true", nil
	case And:
		return t.join(n, " and ")
	case Or:
		return t.join(n, " or ")
	case Not:
		inner, err := t.node(n.Node)
		return "not (" + inner + ")", err
	case Where:
		return "(" + n.Text + ")", nil
	case Field:
		return t.field(n)
	case Attribute:
		return t.attribute(n)
	case Delta:
		return t.delta(n)
	case State:
		return side(n.After) + "_state == " + exprText(n.Is.String()), nil
	case Flag:
		if n.Name != FlagSynthetic {
			return fmt.Sprintf("%s == %v", n.Name, n.Want), nil
		}
	case Measure:
		return t.test(n.Name, n.Test, n)
	case ID:
		return t.test("id", n.Test, n)
	case Record:
		return "key == " + exprText(n.Key.String()), nil
	case When:
		return "", unsayable(n, "a rule looks at changes as they come: leave the time out")
	case Words, Grep, Leaf:
		return "", unsayable(n, "write | where any(new_texts, # contains \"…\")")
	}
	return "", unsayable(n, "leave it out, or say it with | where")
}

func (t *translation) join(nodes []Node, by string) (string, error) {
	if len(nodes) == 0 {
		return strconv.FormatBool(by == " and "), nil
	}
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		text, err := t.node(n)
		if err != nil {
			return "", err
		}
		parts[i] = "(" + text + ")"
	}
	return strings.Join(parts, by), nil
}

// exprText is a text as a condition has it.
func exprText(s string) string { return strconv.Quote(s) }

func (t *translation) field(f Field) (string, error) {
	p := f.Pattern
	switch f.Name {
	case FieldUser, FieldNode, FieldDB:
		return t.pattern(string(f.Name), p, f)
	case FieldKind:
		return t.pattern("kind", p, f)
	case FieldOp:
		return t.pattern("lower(op)", p, f)
	case FieldTable:
		if f.Qualified() {
			return t.pattern("table", p, f)
		}
		return t.pattern("table_name", p, f)
	case FieldAttr, FieldSet, FieldUnset:
		list := map[FieldName]string{FieldAttr: "written", FieldSet: "added", FieldUnset: "removed"}[f.Name]
		if f.Name == FieldAttr {
			t.note("attr: in a rule leaves out __createdtime__ and __updatedtime__, and what a change may have removed of a record that is not known before it")
		}
		if name, one := p.Literal(); one {
			return exprText(name) + " in " + list, nil
		}
		inner, err := t.pattern("#", p, f)
		return "any(" + list + ", " + inner + ")", err
	}
	return "", unsayable(f, "")
}

// pattern holds a text against a pattern.
func (t *translation) pattern(name string, p Pattern, of Node) (string, error) {
	switch p.kind {
	case exactly:
		return name + " == " + exprText(p.text), nil
	case matches:
		return name + " matches " + exprText(p.text), nil
	case among:
		texts := make([]string, len(p.set.texts))
		for i, s := range p.set.texts {
			texts[i] = exprText(s)
		}
		return name + " in [" + strings.Join(texts, ", ") + "]", nil
	case glob:
		if strings.ContainsAny(p.text, `\|`) {
			return name + " matches " + exprText(globRegexp(p.text)), nil
		}
		return "glob(" + name + ", " + exprText(p.text) + ")", nil
	}
	return "", unsayable(of, "")
}

// globRegexp is a pattern with wildcards as a regular expression.
func globRegexp(pattern string) string {
	var b strings.Builder
	b.WriteString("(?s)^")
	escaped := false
	for _, r := range pattern {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '*':
			b.WriteString(".*")
		case !escaped && r == '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
		escaped = false
	}
	return b.String() + "$"
}

func (t *translation) attribute(a Attribute) (string, error) {
	var b strings.Builder
	b.WriteString(side(a.After))
	for _, name := range a.Path {
		b.WriteString("[" + exprText(name) + "]")
	}
	t.note("a test of an attribute in a rule looks at the value itself, and not into a list")
	return t.test(b.String(), a.Test, a)
}

func (t *translation) delta(d Delta) (string, error) {
	if len(d.Path) != 1 {
		return "", unsayable(d, "a rule knows delta and ratio of the record's own attributes")
	}
	name := "delta"
	if d.Ratio {
		name = "ratio"
	}
	return t.test(name+"("+exprText(d.Path[0])+")", d.Test, d)
}

func (t *translation) test(name string, test Test, of Node) (string, error) {
	switch test.Op {
	case Exists:
		return name + " != nil", nil
	case Like:
		return t.pattern(name, test.Pattern, of)
	case Among:
		parts := make([]string, len(test.Set.values))
		for i, v := range test.Set.values {
			lit, err := exprLiteral(v, of)
			if err != nil {
				return "", err
			}
			parts[i] = name + " == " + lit
		}
		return "(" + strings.Join(parts, " or ") + ")", nil
	case Within:
		var ends []string
		for _, end := range []struct {
			op string
			v  audit.Value
		}{{" >= ", test.Low}, {" <= ", test.High}} {
			if end.v == nil {
				continue
			}
			lit, err := exprLiteral(end.v, of)
			if err != nil {
				return "", err
			}
			ends = append(ends, name+end.op+lit)
		}
		return "(" + strings.Join(ends, " and ") + ")", nil
	}
	lit, err := exprLiteral(test.Low, of)
	op := opSigns[test.Op]
	if test.Op == Is {
		op = "=="
	}
	return name + " " + op + " " + lit, err
}

// exprLiteral is a value as a condition has it.
func exprLiteral(v audit.Value, of Node) (string, error) {
	switch v.Kind() {
	case audit.KindNull:
		return "", unsayable(of, "a rule takes null for what is not there")
	case audit.KindBool, audit.KindInt, audit.KindFloat:
		if f, exact := v.Float64(); exact && f < 0 {
			return "(" + v.JSON() + ")", nil
		}
		return v.JSON(), nil
	case audit.KindText:
		return exprText(v.Text()), nil
	}
	return "", unsayable(of, "a rule compares with text, numbers, true, false and nil")
}
