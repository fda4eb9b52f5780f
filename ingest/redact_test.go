package ingest

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// theSecret is in every secret that a test makes up.
const theSecret = "S3CR3T-d0-n0t-5t0re"

// TestRedactNested: whatever a request holds, at whatever depth, nothing of what
// has a secret's name is stored, and all of the rest is.
func TestRedactNested(t *testing.T) {
	names := rapid.SampledFrom([]string{
		"password", "refresh_token", "operation_token", "Authorization", "private_key", "tls_privateKey", "HDB_ADMIN_PASSWORD",
		"aws_secret_access_key", "secretAccessKey", "passphrase", "api-key", "apiKey", "clientSecret", "jwt", "hash", "credentials", "set-cookie",
	})
	rapid.Check(t, func(t *rapid.T) {
		plain := 0
		var grow func(depth int, secret bool) audit.Value
		leaf := func(secret bool) audit.Value {
			if secret {
				s := theSecret + rapid.String().Draw(t, "secret")
				if rapid.Bool().Draw(t, "as bytes") {
					return audit.BytesValue([]byte(s))
				}
				return audit.Text(s)
			}
			plain++
			return audit.Text("plain")
		}
		grow = func(depth int, secret bool) audit.Value {
			kind := rapid.IntRange(0, 3).Draw(t, "kind")
			switch {
			case depth == 0 || kind == 0:
				return leaf(secret)
			case kind == 1:
				var elems []audit.Value
				for range rapid.IntRange(0, 3).Draw(t, "elements") {
					elems = append(elems, grow(depth-1, secret))
				}
				return audit.Array(elems...)
			}
			fields := map[string]audit.Value{}
			for range rapid.IntRange(0, 3).Draw(t, "attributes") {
				if name := names.Draw(t, "name"); rapid.Bool().Draw(t, "secret") {
					if _, taken := fields[name]; !taken {
						fields[name] = grow(depth-1, true)
					}
				} else if _, taken := fields["table"]; !taken {
					fields["table"] = grow(depth-1, secret)
				}
			}
			return audit.Object(fields)
		}
		body := audit.Object(map[string]audit.Value{"request": grow(5, false)})
		if rapid.Bool().Draw(t, "as text") {
			body = audit.Object(map[string]audit.Value{"request": audit.Text(" " + body.JSON())})
		}
		table := rapid.SampledFrom([]string{"hdb_user", "hdb_role", "hdb_job", "hdb_deployment"}).Draw(t, "table")
		c := audit.Change{
			Key:   audit.Key{Table: audit.Table{Database: "system", Name: table}},
			After: audit.PresentImage(body, audit.Logged, audit.Exact), Before: audit.PresentImage(body, audit.Logged, audit.Exact), Sent: body,
		}
		redact(&c)
		for _, v := range []audit.Value{c.After.Body, c.Before.Body, c.Sent} {
			if strings.Contains(string(v), theSecret) || strings.Contains(v.JSON(), theSecret) {
				t.Fatalf("a secret is left: %s", v.JSON())
			}
			if n := strings.Count(v.JSON(), "plain"); n != plain {
				t.Fatalf("%d of %d plain texts are left: %s", n, plain, v.JSON())
			}
		}
	})
}

// TestRedactTexts: secrets in texts whose name says nothing.
func TestRedactTexts(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"just text", "just text"},
		{"[not json", "[not json"},
		{"-----BEGIN RSA PRIVATE KEY-----\nabc", redacted},
		{"-----BEGIN CERTIFICATE-----\nabc", "-----BEGIN CERTIFICATE-----\nabc"},
		{"https://files.example/dogs.csv?page=2", "https://files.example/dogs.csv?page=2"},
		{"https://eve:hunter2@files.example/dogs.csv", "https://redacted@files.example/dogs.csv"},
		{"see a/b https://eve:hunter2@files.example", "see a/b https://redacted@files.example"},
		{"https://s3.example/x?X-Amz-Signature=abc&X-Amz-Date=1&sig=q", "https://s3.example/x?X-Amz-Signature=redacted&X-Amz-Date=1&sig=redacted"},
		{"https://s3.example/x?a;access_token=abc#id_token=def", "https://s3.example/x?a;access_token=[redacted]"},
		{`{"user":"eve","password":"hunter2"}`, `{"password":"[redacted]","user":"eve"}`},
		{`{"user":"eve","password":"hunter2"`, `{"user":"eve","password":[redacted]`},
		{"HDB_ADMIN_PASSWORD=hunter2 HDB_ADMIN_USERNAME=eve", "HDB_ADMIN_PASSWORD=[redacted] HDB_ADMIN_USERNAME=eve"},
		{"tls:\n  privateKeyPassphrase: 'hunter2'\n  port: 9925", "tls:\n  privateKeyPassphrase: [redacted]\n  port: 9925"},
		{`{"user": "eve"}`, `{"user": "eve"}`},
	} {
		got := redactValue("hdb_job", audit.Object(map[string]audit.Value{"note": audit.Text(tt.in)})).Get("note").Text()
		if got != tt.want {
			t.Errorf("%q is stored as %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestRedactKeepsRights: what a role may do with a table whose name sounds like
// a secret is no secret.
func TestRedactKeepsRights(t *testing.T) {
	in, err := audit.FromJSON([]byte(`{"id":"clerk","permission":{"super_user":false,"shop":{"tables":{"tokens":{"read":true,"delete":false}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := redactValue("hdb_role", in); !got.Equal(in) {
		t.Errorf("stored as %s, want %s", got.JSON(), in.JSON())
	}
}

// TestRedactElsewhere: what is in the tables of people's own databases is theirs.
func TestRedactElsewhere(t *testing.T) {
	body := audit.Object(map[string]audit.Value{"password": audit.Text(theSecret)})
	c := audit.Change{Key: audit.Key{Table: audit.Table{Database: "shop", Name: "hdb_user"}}, After: audit.PresentImage(body, audit.Logged, audit.Exact)}
	if redact(&c); !c.After.Body.Equal(body) {
		t.Errorf("stored as %s", c.After.Body.JSON())
	}
}

// TestRedactLeavesWhatIsRedacted: what the feed component has taken out already
// reads the same as what is taken out here, so that the two readings of a change
// agree.
func TestRedactLeavesWhatIsRedacted(t *testing.T) {
	c := audit.Change{Key: audit.Key{Table: audit.Table{Database: "system", Name: "hdb_user"}, ID: `"eve"`}}
	c.After = audit.PresentImage(audit.Object(map[string]audit.Value{
		"password": audit.Text("[redacted 1a2b3c4d]"), "refresh_token": audit.Text("[redacted not a digest]"),
	}), audit.Logged, audit.Exact)
	redact(&c)
	if got := c.After.Body.Get("password").Text(); got != "[redacted 1a2b3c4d]" {
		t.Errorf("a secret that was redacted reads %q now", got)
	}
	if got := c.After.Body.Get("refresh_token").Text(); got != "[redacted]" {
		t.Errorf("a secret that only looks redacted reads %q now", got)
	}
}
