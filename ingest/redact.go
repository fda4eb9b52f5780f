package ingest

import (
	"crypto/sha256"
	"encoding/hex"

	"recourse/audit"
)

// redacted stands in place of a secret.
const redacted = "[redacted]"

// saltedHash is how long the salted hash of a password is at least, as hdb_user
// keeps it: salt and digest in one text.
const saltedHash = 40

// conceal is what is stored of a secret. Of a salted hash some bits of a digest
// stay, so that a change of password can be seen as one; they tell nothing of
// the password, since whoever would try passwords against them lacks the salt.
func conceal(table string, v audit.Value) audit.Value {
	if s := v.Text(); table == "hdb_user" && len(s) >= saltedHash {
		sum := sha256.Sum256([]byte(s))
		return audit.Text("[redacted " + hex.EncodeToString(sum[:4]) + "]")
	}
	return audit.Text(redacted)
}

// secretNames are the attributes of Harper's system tables that hold secrets:
// hdb_user keeps password hashes and refresh tokens, and hdb_job copies its
// user's into the request, and the keys to the storage that an import or export
// goes to.
var secretNames = map[string]bool{
	"password": true, "refresh_token": true, "operation_token": true, "hash": true, "private_key": true,
	"aws_secret_access_key": true, "passphrase": true, "token": true, "authorization": true,
}

// redact takes the secrets out of a change of a system table. Whoever may read
// Harper's audit log can read them there; nobody needs them here.
func redact(c *audit.Change) {
	if c.Key.Table.Database != "system" {
		return
	}
	c.After.Body = redactValue(c.Key.Table.Name, c.After.Body)
	c.Before.Body = redactValue(c.Key.Table.Name, c.Before.Body)
}

func redactValue(table string, v audit.Value) audit.Value {
	switch v.Kind() {
	case audit.KindObject:
		fields := make(map[string]audit.Value, v.Len())
		for name, val := range v.Fields() {
			if secretNames[name] && val.Kind() != audit.KindNull {
				fields[name] = conceal(table, val)
				continue
			}
			fields[name] = redactValue(table, val)
		}
		return audit.Object(fields)
	case audit.KindArray:
		elems := make([]audit.Value, 0, v.Len())
		for e := range v.Elems() {
			elems = append(elems, redactValue(table, e))
		}
		return audit.Array(elems...)
	}
	return v
}
