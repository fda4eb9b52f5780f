package ingest

import (
	"recourse/audit"
)

// redacted stands in place of a secret.
const redacted = "[redacted]"

// secretNames are the attributes of Harper's system tables that hold secrets:
// hdb_user keeps password hashes and refresh tokens, and hdb_job copies its
// user's into the request.
var secretNames = map[string]bool{
	"password": true, "refresh_token": true, "operation_token": true, "hash": true, "private_key": true,
}

// redact takes the secrets out of a change of a system table. Whoever may read
// Harper's audit log can read them there; nobody needs them here.
func redact(c *audit.Change) {
	if c.Key.Table.Database != "system" {
		return
	}
	c.After.Body = redactValue(c.After.Body)
	c.Before.Body = redactValue(c.Before.Body)
}

func redactValue(v audit.Value) audit.Value {
	switch v.Kind() {
	case audit.KindObject:
		fields := make(map[string]audit.Value, v.Len())
		for name, val := range v.Fields() {
			if secretNames[name] && val.Kind() != audit.KindNull {
				fields[name] = audit.Text(redacted)
				continue
			}
			fields[name] = redactValue(val)
		}
		return audit.Object(fields)
	case audit.KindArray:
		elems := make([]audit.Value, 0, v.Len())
		for e := range v.Elems() {
			elems = append(elems, redactValue(e))
		}
		return audit.Array(elems...)
	}
	return v
}
