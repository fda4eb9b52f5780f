package rules

import (
	"net/netip"
	"regexp"
	"testing"
	"time"

	"recourse/audit"

	"pgregory.net/rapid"
)

func TestFormats(t *testing.T) {
	for s, want := range map[string]string{
		"": "empty", "a": "text", "ann@example.com": "email", "ann@example": "text", "3f2504e0-4f89-11d3-9a0c-0305e82c3301": "uuid",
		"https://a.example/b?c": "url", "2026-01-05": "date", "2026-13-05": "text", "2026-01-05T10:00:00.5Z": "time", "2026-01-05 10:00:00": "time",
		"10.1.2.3": "ip", "fe80::1": "ip", "-12": "integer", "12.50": "decimal", "+49 30 123456": "phone", "deadbeef": "hex", "deadbeeF": "text",
		"QUJDREVGR0hJSktMTU5PUA==": "base64", "ABCDEFGHIJKLMNOP": "text", "aGVsbG8gd29ybGQhIDEyMzQ1": "base64", "internationalizations": "text",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc": "jwt", `{"a":1}`: "json", "[1]": "json", "two words": "text",
	} {
		if got := formatOf(s); got != want {
			t.Errorf("%q is %s; want %s", s, got, want)
		}
	}
}

func TestWhatConditionsSayOfForms(t *testing.T) {
	known := audit.Change{Op: audit.OpUpdate, User: "eve", Time: audit.Time(1767614400000), Group: audit.Group{Size: 3, Index: 2},
		Key:    audit.Key{Table: audit.Table{Database: "d", Name: "t"}},
		Before: record(t, `{"status":"paid","mail":"a@b.example","n":1}`),
		After:  record(t, `{"status":"void","mail":"none","n":1,"lines":[{"sku":"x"}],"key":"AKIAABCDEFGHIJKLMNOP","dsn":"postgres://app:hunter2@db/x"}`)}
	blind := known
	blind.Before = audit.Image{}
	for _, tt := range []struct {
		where string
		c     audit.Change
		want  string
	}{
		{`from("status", "paid")`, known, "yes"}, {`from("status", "void")`, known, "no"}, {`to("status", "void") and not to("status", "paid")`, known, "yes"},
		{`from("n", 1)`, known, "no"}, {`from("lines", nil)`, known, "yes"}, {`from("status", "paid")`, blind, "no"}, {`to("status", "void")`, blind, "no"},
		{`any(changed, from(#, "paid"))`, known, "yes"},
		{`format(before.mail) == "email" and format(after.mail) != "email"`, known, "yes"}, {`format(after.n) == "integer"`, known, "no"},
		{`secretlike(after.key) and secretlike(after.dsn)`, known, "yes"}, {`secretlike(after.mail)`, known, "no"}, {`not secretlike(after.n)`, known, "no"},
		{`get(after, "lines.0.sku") == "x" and get(after.lines, 0) != nil`, known, "yes"}, {`get(after, "lines.7.sku") == nil and get(after.lines, -1) == nil`, known, "yes"},
		{`txn.size == 3 and txn.i == 2 and txn.id == "1767614400000" and dow == 1 and seq == 1 and not synthetic`, known, "yes"},
		{`seen > 0`, known, "no"}, {`not (seen > 0)`, known, "no"},
		{`actor.kind == "unknown" and len(table.labels) == 0 and not canary`, known, "yes"},
	} {
		if got := outcome(t, tt.where, tt.c); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.where, got, tt.want)
		}
	}
}

// formatPatterns are the formats as regular expressions.
var formatPatterns = map[string]*regexp.Regexp{
	"uuid":    regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`),
	"email":   regexp.MustCompile(`^[^\s@<>"]+@[^\s@<>".]+(\.[^\s@<>".]+)+$`),
	"url":     regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://[^\s]+$`),
	"jwt":     regexp.MustCompile(`^eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$`),
	"integer": regexp.MustCompile(`^[+-]?[0-9]+$`),
	"decimal": regexp.MustCompile(`^[+-]?[0-9]+\.[0-9]+([eE][+-]?[0-9]+)?$`),
	"phone":   regexp.MustCompile(`^[+0(][0-9 ()/.-]{5,18}[0-9]$`),
	"hex":     regexp.MustCompile(`^(?:[0-9a-f]{2}){4,}$|^(?:[0-9A-F]{2}){4,}$`),
	"base64":  regexp.MustCompile(`^(?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9_-]{24,}$`),
}

// TestFormatsAreSeenAtLessCost: what is passed over has not the format, and what is told
// without a pattern is what the pattern finds.
func TestFormatsAreSeenAtLessCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[0-9a-fA-F:.+@/ eyJZT-]{1,40}`), rapid.StringMatching(`[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}Z?)?`),
			rapid.StringMatching(`[0-9a-f]{8}(-[0-9A-F]{4}){3}-[0-9a-g]{12}|[^@ ]{0,3}@[^@]{0,3}([.][a-z]{0,3}){0,3}|[+-]?[0-9]{0,20}[.]?[0-9]{0,3}`),
			rapid.StringMatching(`([A-Za-z0-9+/]{4}){3,6}([A-Za-z0-9]{2}==|[A-Za-z0-9]{3}=|=)?|[A-Za-z0-9_-]{22,26}|([0-9a-f]{2}){3,5}[0-9A-G]?`), rapid.String(),
			rapid.StringMatching(`([0-9]{1,3}[.]){3}[0-9]{1,3}|([0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(%e)?`)).Draw(t, "s")
		if _, err := netip.ParseAddr(s); err == nil && !mayBeAddress(s) {
			t.Fatalf("%q is an address", s)
		}
		for _, layout := range []string{time.DateOnly, time.DateTime, time.RFC3339Nano} {
			if isDate(s, layout) && !mayBeDate(s) {
				t.Fatalf("%q is a date", s)
			}
		}
		for _, f := range formats {
			if s == "" {
				break
			}
			want := formatPatterns[f.name].MatchString(s) && (f.name != "base64" || mixed64(s))
			if got := f.is(s); got != want {
				t.Fatalf("%q is %s: got %t, want %t", s, f.name, got, want)
			}
		}
	})
}
