package rules

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON schema (draft 2020-12) of rule files, for editors. It has
// exactly the keys that Compile reads.
func Schema() []byte { return slices.Clone(schema) }
