package query

import (
	"encoding/base64"
	"math"
	"strings"

	"recourse/audit"
)

// AppendText appends a single value as the text that people search for: what
// JSON has for it, without quotes. Words are the Tokens of such texts.
func AppendText(dst []byte, v audit.Value) []byte {
	switch v.Kind() {
	case audit.KindText:
		return append(dst, v.TextBytes()...)
	case audit.KindBytes:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	case audit.KindDate:
		if t, ok := v.Time(); ok {
			return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
		}
		return append(dst, "Invalid Date"...)
	case audit.KindFloat:
		switch f, _ := v.Float64(); {
		case math.IsNaN(f):
			return append(dst, "NaN"...)
		case math.IsInf(f, 1):
			return append(dst, "Infinity"...)
		case math.IsInf(f, -1):
			return append(dst, "-Infinity"...)
		}
	}
	return v.AppendJSON(dst)
}

// ValueText is a text as a value in the language, in quotes if it needs them.
func ValueText(s string) string { return literal(s) }

// PatternText is a text with wildcards, * and ?, as a value in the language:
// whatever else is in it means itself.
func PatternText(s string) string {
	if !strings.ContainsAny(s, "*?") {
		return literal(s)
	}
	return canonicalGlob(strings.ReplaceAll(s, `\`, `\\`))
}

// PathText is the name of an attribute, or of one within another with dots between
// them, as it follows before. or after.
func PathText(s string) string { return strings.TrimPrefix(pathString(strings.Split(s, ".")), ".") }
