package main

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"recourse/internal/api"
)

// A contract is the server's document, with the schemas compiled so that fields
// which it does not have are errors.
type contract struct {
	paths    map[string]map[string]any
	compiler *jsonschema.Compiler
	asked    map[string]bool
}

func newContract(t *testing.T) *contract {
	t.Helper()
	text, err := api.Document(api.Version{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	strict(doc)
	c := &contract{paths: map[string]map[string]any{}, compiler: jsonschema.NewCompiler(), asked: map[string]bool{}}
	if err := c.compiler.AddResource("doc.json", doc); err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.(map[string]any)["paths"].(map[string]any) {
		c.paths[path] = item.(map[string]any)["get"].(map[string]any)["responses"].(map[string]any)
	}
	return c
}

// strict makes fields that a schema does not have errors: over HTTP they may come,
// here each is to be in the document.
func strict(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] != nil {
			v["additionalProperties"] = false
		}
		for _, e := range v {
			strict(e)
		}
	case []any:
		for _, e := range v {
			strict(e)
		}
	}
}

func (c *contract) check(t *testing.T, route string, status int, kind, body string) {
	t.Helper()
	c.asked[route] = true
	if _, ok := c.paths[route][fmt.Sprint(status)]; !ok {
		t.Errorf("%s: the document has no status %d", route, status)
		return
	}
	c.validate(t, route, fmt.Sprintf("doc.json#/paths/%s/get/responses/%d/content/%s/schema", pointer(route), status, pointer(kind)), body)
}

func pointer(s string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
}

func (c *contract) checkLines(t *testing.T, route, body string) {
	t.Helper()
	content := c.paths[route]["200"].(map[string]any)["content"].(map[string]any)
	kind := "application/x-ndjson"
	if content[kind] == nil {
		kind = "application/json" // it is one document anyway
	}
	for line := range strings.Lines(body) {
		c.validate(t, route, fmt.Sprintf("doc.json#/paths/%s/get/responses/200/content/%s/schema", pointer(route), pointer(kind)), line)
	}
}

func (c *contract) validate(t *testing.T, route, at, body string) {
	t.Helper()
	schema, err := c.compiler.Compile(at)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v", route, err)
		return
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%s: %v\n%.300s", route, err, body)
	}
}

// missed are the routes of the document that were not asked.
func (c *contract) missed(t *testing.T, except ...string) {
	t.Helper()
	for path := range c.paths {
		if !c.asked[path] && !slices.Contains(except, path) {
			t.Errorf("%s was not asked", path)
		}
	}
}
