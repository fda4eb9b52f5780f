package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
)

// A Redaction says how much of the values of records leaves the machine: keys, and
// values that rules group by.
type Redaction string

// The redactions.
const (
	NamesOnly Redaction = "names_only" // none; names of users, tables and nodes do
	Hash      Redaction = "hash"       // a hash in the place of each, the same for the same value
	Full      Redaction = "full"       // all that the alert itself has
)

// names are the fields of a group that are names of things, not values of records.
var names = []string{"user", "table", "db", "table_name", "node", "op", "kind", "sink"}

const redacted = "[redacted]"

// redactor takes the values out of alerts.
type redactor struct {
	how  Redaction
	salt []byte
}

// value is what leaves the machine of a value of a record.
func (r redactor) value(v string) string {
	switch r.how {
	case Full:
		return v
	case Hash:
		h := hmac.New(sha256.New, r.salt)
		h.Write([]byte(v))
		return "hash:" + hex.EncodeToString(h.Sum(nil)[:8])
	}
	return redacted
}

// group is an alert's group without values.
func (r redactor) group(g map[string]string) map[string]string {
	out := make(map[string]string, len(g))
	for field, value := range g {
		if !slices.Contains(names, field) && value != "" {
			value = r.value(value)
		}
		out[field] = value
	}
	return out
}

// title is the alert's own, unless it may quote a value that is to stay.
func (r redactor) title(a *audit.Alert) string {
	quotes := false
	for field, value := range a.Group {
		quotes = quotes || !slices.Contains(names, field) && value != ""
	}
	if r.how == Full || !quotes {
		return a.Title
	}
	g := r.group(a.Group)
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(g)) {
		if g[field] != redacted && g[field] != "" {
			parts = append(parts, field+" "+g[field])
		}
	}
	return fmt.Sprintf("%s: %d changes, %s", a.RuleName, a.Count, strings.Join(parts, ", "))
}
