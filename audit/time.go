package audit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Time is Harper's own clock: milliseconds since 1970 as the float64 Harper
// sent, kept bit for bit. It orders changes; time.Time is for people.
type Time float64

// TimeOf is t on Harper's scale, to the nearest of its steps (about a quarter
// of a microsecond today).
func TimeOf(t time.Time) Time {
	return Time(float64(t.Unix())*1000 + float64(t.Nanosecond())/1e6)
}

// String is the number as Harper prints it: the shortest decimal that reads
// back as the same float64, in the layout of ECMAScript's Number::toString.
func (t Time) String() string { return formatNumber(float64(t)) }

// MarshalJSON prints the number as String does; a Time that is no finite
// number has no JSON form and is an error.
func (t Time) MarshalJSON() ([]byte, error) {
	if f := float64(t); math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("marshal time: %v is not finite", f)
	}
	return []byte(t.String()), nil
}

// Go is the instant in UTC, down to the nanosecond: for people, never for
// comparing. The zero time.Time stands for a Time outside the years 1 to 9999.
func (t Time) Go() time.Time {
	f := float64(t)
	if !(f > -62135596800000 && f < 253402300800000) {
		return time.Time{}
	}
	ms := math.Floor(f)
	return time.UnixMilli(int64(ms)).Add(time.Duration(math.Floor((f - ms) * 1e6))).UTC()
}

// ISO is the instant as RFC 3339 in UTC with nanoseconds, for people.
func (t Time) ISO() string { return t.Go().Format("2006-01-02T15:04:05.000000000Z07:00") }

// ParseTime reads what String printed; any finite decimal number is accepted.
func ParseTime(s string) (Time, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("parse time %q: want milliseconds since 1970", s)
	}
	return Time(f), nil
}

// formatNumber prints f as ECMAScript does (ECMA-262 §6.1.6.1.20): the shortest
// digits that round-trip, exponents only below 1e-6 and from 1e21 on.
func formatNumber(f float64) string {
	abs := math.Abs(f)
	switch {
	case abs == 0:
		return "0"
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if abs >= 1e-6 && abs < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exp, _ := strings.Cut(s, "e")
	sign := exp[:1]
	return mantissa + "e" + sign + strings.TrimLeft(exp[1:], "0")
}

// appendISO prints a date as JavaScript's toISOString does: a year outside 0 to
// 9999 has a sign and six digits.
func appendISO(dst []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		return t.AppendFormat(fmt.Appendf(dst, "%+07d", y), "-01-02T15:04:05.000Z")
	}
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

// parseISO reads a date as appendISO prints it.
func parseISO(s string) (time.Time, error) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return time.Parse(time.RFC3339Nano, s)
	}
	if len(s) < 7 {
		return time.Time{}, fmt.Errorf("parse date %q: want a year of six digits", s)
	}
	y, err := strconv.Atoi(s[:7])
	if err != nil {
		return time.Time{}, fmt.Errorf("parse date %q: want a year of six digits", s)
	}
	// 400 years repeat the calendar to the day.
	like := 2000 + (y%400+400)%400
	t, err := time.Parse(time.RFC3339Nano, fmt.Sprintf("%04d%s", like, s[7:]))
	return t.AddDate(y-like, 0, 0), err
}
