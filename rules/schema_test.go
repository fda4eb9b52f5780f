package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaOf is the part of the schema that describes each mapping which the reader
// reads, by the name that the reader gives it in its errors.
var schemaOf = map[string]string{
	"a rule file": "file", "list NAME": "list", "a table's labels": "tableLabels", "an actor": "actor", "a rule": "rule", "a risk with a score": "score",
	"risk": "risk", "baseline": "baseline", "fraction": "fraction", "sequence": "sequence", "absence": "absence", "new_terms": "newTerms", "an input": "input",
	"attack": "attack", "match": "match", "window": "window", "alert": "alert", "evidence": "evidence", "an exception": "exception",
	"an exception of other rules": "outsideException", "a value": "listValue", "a test": "test", "an event": "event", "an expected alert": "expectation",
}

// TestTheSchemaHasTheKeysOfTheReader reads a file in which every mapping occurs and
// holds the keys that the reader knows, and those that it requires, against those
// of the schema.
func TestTheSchemaHasTheKeysOfTheReader(t *testing.T) {
	data, err := os.ReadFile("testdata/every-mapping.yaml")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]map[string]bool{} // key: is it required
	d := newDocument(File{Name: "every-mapping.yaml", Data: data})
	d.reads = func(what string, fields []field) {
		switch {
		case strings.HasPrefix(what, "list "):
			what = "list NAME"
		case strings.HasPrefix(what, "step "), what == "not", what == "after", what == "expect":
			what = "an input"
		}
		read[what] = map[string]bool{}
		for _, f := range fields {
			read[what][f.key] = f.required
		}
	}
	f := readFile(d, d.parse(data), nil)
	c := newCompilation(f, &vocabulary{}, &f.labels)
	c.compileFile(map[string]*Rule{})
	if len(d.errs) > 0 {
		t.Fatal(d.sorted())
	}
	var doc struct {
		Defs map[string]struct {
			Required   []string
			Properties map[string]any
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for what, keys := range read {
		def, known := schemaOf[what]
		if !known {
			t.Errorf("the reader reads %q, which is not in this test's table and perhaps not in schema.json", what)
			continue
		}
		described[def] = true
		s := doc.Defs[def]
		if got, want := slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
			t.Errorf("%s: schema.json has the keys %s; the reader knows %s", what, got, want)
		}
		for key, required := range keys {
			if required != slices.Contains(s.Required, key) {
				t.Errorf("%s: %s: required is %t for the reader and not for schema.json, or the other way", what, key, required)
			}
		}
	}
	for def, s := range doc.Defs {
		if s.Properties != nil && !described[def] {
			t.Errorf("schema.json describes %s, which every-mapping.yaml does not have", def)
		}
	}
}

func TestTheSchemaAcceptsWhatTheReaderAccepts(t *testing.T) {
	s := compiledSchema(t)
	files := BuiltinFiles()
	for _, name := range []string{"testdata/every-mapping.yaml", "testdata/twenty.yaml", "testdata/forms.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, File{Name: name, Data: data})
	}
	for _, text := range []string{labelledRules, exceptedRules, engineRules} {
		files = append(files, File{Name: "a file of the tests", Data: []byte(text)})
	}
	for _, file := range files {
		if err := s.Validate(plainYAML(t, file.Data)); err != nil {
			t.Errorf("%s: %v", file.Name, err)
		}
	}
}

func TestTheSchemaRefusesWhatTheReaderRefuses(t *testing.T) {
	s := compiledSchema(t)
	for _, file := range []string{
		"apiVersion: rules/v2\nrules: []\n", "rules: []\n", "apiVersion: rules/v1\nrules: []\nlist: {}\n",
		ruleWith("    severty: low\n"), strings.Replace(ruleWith(""), "low", "grave", 1), ruleWith("    match: {ops: [delte]}\n"),
		ruleWith("    window: {size: 5 minutes, count: 2}\n"), ruleWith("    window: {size: 5m}\n"), ruleWith("    risk: 101\n"),
		ruleWith("    exceptions: [{id: X, fields: user, values: [a], reason: r}]\n"), ruleWith("    tests: [{name: a, events: [{op: x}], expect: []}]\n"),
		strings.Replace(ruleWith(""), "title: t", "title: t, re_alert: often", 1), "apiVersion: rules/v1\nrules: []\ntables: [{match: x}]\n",
	} {
		if _, err := Compile(File{Name: "a", Data: []byte(file)}); err == nil {
			t.Errorf("the reader accepts\n%s", file)
		}
		if s.Validate(plainYAML(t, []byte(file))) == nil {
			t.Errorf("the schema accepts\n%s", file)
		}
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rules.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plainYAML is YAML as an editor sees it.
func plainYAML(t *testing.T, data []byte) any {
	t.Helper()
	js, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(js))
	if err != nil {
		t.Fatal(fmt.Errorf("%w in %s", err, js))
	}
	return v
}
