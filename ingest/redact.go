package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

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
	if isConcealed(v.Text()) {
		return v // the feed component has done it already
	}
	if s := v.Text(); table == "hdb_user" && len(s) >= saltedHash {
		sum := sha256.Sum256([]byte(s))
		return audit.Text("[redacted " + hex.EncodeToString(sum[:4]) + "]")
	}
	return audit.Text(redacted)
}

// isConcealed says that a text is what conceal made of a secret.
func isConcealed(s string) bool {
	digest, ok := strings.CutPrefix(s, "[redacted ")
	if !ok {
		return s == redacted
	}
	digest, ok = strings.CutSuffix(digest, "]")
	_, err := hex.DecodeString(digest)
	return ok && len(digest) == 8 && err == nil
}

// secretWords are in the names of what holds secrets, once the names are small
// letters without anything between them: hdb_user keeps password hashes and
// refresh tokens, hdb_job copies its user's into the request, and the keys to
// the storage that an import or export goes to, and configurations name the same
// things in many ways (tls_privateKey, HDB_ADMIN_PASSWORD).
var secretWords = []string{
	"password", "passwd", "passphrase", "secret", "token", "privatekey", "authorization", "credential", "apikey", "cookie", "licensekey",
}

// secretNames are names that mean a secret only when they are the whole name.
var secretNames = map[string]bool{"hash": true, "pwd": true, "jwt": true}

// isSecret says that what has this name is a secret, or holds some.
func isSecret(name string) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, name)
	if secretNames[plain] {
		return true
	}
	for _, w := range secretWords {
		if strings.Contains(plain, w) {
			return true
		}
	}
	return false
}

// redact takes the secrets out of a change of a system table. Whoever may read
// Harper's audit log can read them there; nobody needs them here.
func redact(c *audit.Change) {
	if c.Key.Table.Database != "system" {
		return
	}
	table := c.Key.Table.Name
	c.After.Body = redactValue(table, c.After.Body)
	c.Before.Body = redactValue(table, c.Before.Body)
	c.Sent = redactValue(table, c.Sent)
}

func redactValue(table string, v audit.Value) audit.Value { return redactor{table}.value(v, false) }

type redactor struct{ table string }

// value takes the secrets out of v. Within what has a secret's name every text,
// number, date and byte string is one; truth values are none, so that the rights
// that a role has on a table named "tokens" stay readable.
func (r redactor) value(v audit.Value, secret bool) audit.Value {
	switch v.Kind() {
	case audit.KindMissing, audit.KindNull, audit.KindBool:
		return v
	case audit.KindObject:
		fields := make(map[string]audit.Value, v.Len())
		for name, val := range v.Fields() {
			fields[name] = r.value(val, secret || isSecret(name))
		}
		return audit.Object(fields)
	case audit.KindArray:
		elems := make([]audit.Value, 0, v.Len())
		for e := range v.Elems() {
			elems = append(elems, r.value(e, secret))
		}
		return audit.Array(elems...)
	case audit.KindText:
		if !secret {
			return r.text(v)
		}
	case audit.KindBytes:
		if !secret && !isPEMKey(string(v.Bytes())) {
			return v
		}
	case audit.KindTagged:
		if _, inner := v.Tag(); !secret && (inner.Kind() == audit.KindInt || inner.Kind() == audit.KindFloat) {
			return v
		}
	default:
		if !secret {
			return v
		}
	}
	return conceal(r.table, v)
}

// text takes out secrets that a text holds whose name says nothing: a private
// key, JSON within text, a URL's password and signatures, and settings.
func (r redactor) text(v audit.Value) audit.Value {
	s := v.Text()
	if isPEMKey(s) {
		return audit.Text(redacted)
	}
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if inner, err := audit.FromJSON([]byte(trimmed)); err == nil {
			if clean := r.value(inner, false); !clean.Equal(inner) {
				return audit.Text(clean.JSON())
			}
			return v
		}
	}
	if strings.Contains(s, "://") {
		s = redactURL(s)
	}
	if strings.ContainsAny(s, ":=") {
		s = redactSettings(s)
	}
	return audit.Text(s)
}

// setting is a name and its value as configurations have them:
// HDB_ADMIN_PASSWORD=hunter2, token: 'abc', "secret": "x".
var setting = regexp.MustCompile(`([\w.-]+)(["']?[ \t]*[:=][ \t]*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}\])]+)`)

func redactSettings(s string) string {
	return setting.ReplaceAllStringFunc(s, func(p string) string {
		m := setting.FindStringSubmatch(p)
		if !isSecret(m[1]) || m[3] == redacted || m[3] == "redacted" {
			return p
		}
		return m[1] + m[2] + redacted
	})
}

func isPEMKey(s string) bool { return strings.Contains(s, "PRIVATE KEY-----") }

var (
	// urlPassword is what stands before the host of a URL, to the last "@" of it.
	urlPassword = regexp.MustCompile(`://[^/?#\s"'<>]*@`)
	// urlParameter is one parameter of a URL.
	urlParameter = regexp.MustCompile(`([?&;#])([^=&;#?\s"'<>]+)=([^&;#\s"'<>]*)`)
)

// redactURL takes the password and the signed or secret parameters, as URLs of
// storage have them, out of all URLs in a text.
func redactURL(s string) string {
	s = urlPassword.ReplaceAllString(s, "://redacted@")
	return urlParameter.ReplaceAllStringFunc(s, func(p string) string {
		m := urlParameter.FindStringSubmatch(p)
		name, err := url.QueryUnescape(m[2])
		if err != nil || isSecret(name) || secretParameters[strings.ToLower(name)] || strings.Contains(strings.ToLower(name), "signature") {
			return m[1] + m[2] + "=redacted"
		}
		return p
	})
}

// secretParameters are secrets as parameters of a URL.
var secretParameters = map[string]bool{"sig": true, "key": true, "code": true, "auth": true}
