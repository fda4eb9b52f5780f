package query

import (
	"encoding/base64"
	"math"

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
