package revert

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"recourse/audit"
)

// Limits on policy files, so that a hostile one cannot exhaust the reader: the
// parser takes quadratic time for brackets that nest.
const (
	maxPolicyFile     = 1 << 20
	maxPolicyOpenings = 10_000
)

// A policyFile is a policy as people write it.
type policyFile struct {
	Strict        strictnessText   `yaml:"strict"`
	Unset         unsetText        `yaml:"unset"`
	StrictNull    bool             `yaml:"strictNull"`
	UpdatesMayAdd bool             `yaml:"updatesMayAdd"`
	Counters      []attributeText  `yaml:"counters"`
	Registers     []attributeText  `yaml:"registers"`
	Managed       []attributeText  `yaml:"managed"`
	Classes       classesText      `yaml:"classes"`
	References    []referenceText  `yaml:"references"`
	External      []externalEffect `yaml:"external"`
}

type referenceText struct {
	Attribute attributeText `yaml:"attribute"`
	Table     tableText     `yaml:"table"`
}

type externalEffect struct {
	Table  tableText `yaml:"table"`
	Effect string    `yaml:"effect"`
}

// ReadPolicy reads a policy file. What it does not know is an error, a
// [PolicyError] that says where. name is the file's, for the error.
func ReadPolicy(name string, r io.Reader) (p Policy, err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPolicyFile+1))
	if err != nil {
		return p, fmt.Errorf("read policy: %w", err)
	}
	switch {
	case len(data) > maxPolicyFile:
		return p, &PolicyError{File: name, Why: fmt.Sprintf("larger than %d bytes", maxPolicyFile)}
	case bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > maxPolicyOpenings:
		return p, &PolicyError{File: name, Why: fmt.Sprintf("more than %d opening brackets", maxPolicyOpenings)}
	}
	defer func() { // the parser is not ours and has panicked on odd input before
		if recover() != nil {
			p, err = Policy{}, &PolicyError{File: name, Why: "no YAML: the parser gave up"}
		}
	}()
	var f policyFile
	d := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) { // EOF: nothing is said
		return p, policyError(name, err)
	}
	if err := d.Decode(new(policyFile)); !errors.Is(err, io.EOF) {
		return p, &PolicyError{File: name, Why: "it holds more than one YAML document"}
	}
	if p, err = f.policy(); err != nil {
		return Policy{}, &PolicyError{File: name, Why: err.Error()}
	}
	return p, nil
}

func (f *policyFile) policy() (Policy, error) {
	p := Policy{Strict: Strictness(f.Strict), Unset: Unset(f.Unset), StrictNull: f.StrictNull, UpdatesMayAdd: f.UpdatesMayAdd, Classes: f.Classes}
	for number, names := range map[Number][]attributeText{NumberCounter: f.Counters, NumberRegister: f.Registers} {
		for _, n := range names {
			if was, twice := p.Numbers[string(n)]; twice && was != number {
				return p, fmt.Errorf("%s is said to be a counter and a register", n)
			}
			p.Numbers = put(p.Numbers, string(n), number)
		}
	}
	for _, m := range f.Managed {
		t, attr := m.split()
		p.Managed = put(p.Managed, t, append(p.Managed[t], attr))
	}
	for _, r := range f.References {
		if r.Attribute == "" || r.Table == "" {
			return p, errors.New("a reference lacks its attribute or its table")
		}
		if was, twice := p.References[string(r.Attribute)]; twice && was != string(r.Table) {
			return p, fmt.Errorf("%s is said to refer to %s and to %s", r.Attribute, was, r.Table)
		}
		p.References = put(p.References, string(r.Attribute), string(r.Table))
	}
	for _, e := range f.External {
		if e.Table == "" || strings.TrimSpace(e.Effect) == "" {
			return p, errors.New("an external effect lacks its table or its effect")
		}
		if _, twice := p.External[string(e.Table)]; twice {
			return p, fmt.Errorf("the external effects of %s are given twice", e.Table)
		}
		p.External = put(p.External, string(e.Table), e.Effect)
	}
	return p, nil
}

func put[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}

// A PolicyError is a policy file that could not be read.
type PolicyError struct {
	File         string
	Line, Column int // from 1; 0: the file as a whole
	Why          string
}

func (e *PolicyError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("read policy: %s: %s", e.File, e.Why)
	}
	return fmt.Sprintf("read policy: %s:%d:%d: %s", e.File, e.Line, e.Column, e.Why)
}

// Hint says what a person can do about it.
func (e *PolicyError) Hint() string { return "docs/revert.md lists what a policy file may say" }

func policyError(name string, err error) error {
	out := &PolicyError{File: name, Why: err.Error()}
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil {
		pos := at.GetToken().Position
		out.Line, out.Column, out.Why = pos.Line, pos.Column, at.GetMessage()
		if typ, ok := errors.AsType[*yaml.TypeError](err); ok {
			out.Why = "want " + cmp.Or(map[reflect.Kind]string{reflect.Bool: "true or false", reflect.Slice: "a list",
				reflect.Struct: "a mapping"}[typ.DstType.Kind()], "text")
		}
	}
	return out
}

// wordOf is a node's text; it must be one.
func wordOf(n ast.Node, want string) (string, error) {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value, nil
	}
	return "", wrong(n, "want "+want)
}

func wrong(n ast.Node, why string) error {
	return &yaml.SyntaxError{Message: why, Token: n.GetToken()}
}

type strictnessText Strictness

// UnmarshalYAML reads a level by its name.
func (s *strictnessText) UnmarshalYAML(n ast.Node) error {
	word, err := wordOf(n, "attribute, record or transaction")
	if err != nil {
		return err
	}
	level, err := ParseStrictness(word)
	if err != nil {
		return wrong(n, err.Error())
	}
	*s = strictnessText(level)
	return nil
}

type unsetText Unset

// UnmarshalYAML reads null or put.
func (u *unsetText) UnmarshalYAML(n ast.Node) error {
	if _, null := n.(*ast.NullNode); null {
		return nil
	}
	switch word, err := wordOf(n, "null or put"); {
	case err != nil:
		return err
	case word == "null":
	case word == string(UnsetPut):
		*u = unsetText(UnsetPut)
	default:
		return wrong(n, fmt.Sprintf("unset %q is none: want null or put", word))
	}
	return nil
}

// An attributeText is database.table.attribute.
type attributeText string

// UnmarshalYAML reads the name of an attribute.
func (a *attributeText) UnmarshalYAML(n ast.Node) error {
	word, err := wordOf(n, "DATABASE.TABLE.ATTRIBUTE")
	if err != nil {
		return err
	}
	if *a = attributeText(word); strings.Count(word, ".") < 2 {
		return wrong(n, fmt.Sprintf("%q names no attribute: want DATABASE.TABLE.ATTRIBUTE", word))
	}
	return nil
}

// split parts the table from the attribute. A database has no dot in its name.
func (a attributeText) split() (table, attr string) {
	db, rest, _ := strings.Cut(string(a), ".")
	name, attr, _ := strings.Cut(rest, ".")
	return db + "." + name, attr
}

// A tableText is database.table.
type tableText string

// UnmarshalYAML reads the name of a table.
func (t *tableText) UnmarshalYAML(n ast.Node) error {
	word, err := wordOf(n, "DATABASE.TABLE")
	if err != nil {
		return err
	}
	if _, err := audit.ParseTable(word); err != nil {
		return wrong(n, err.Error())
	}
	*t = tableText(word)
	return nil
}
