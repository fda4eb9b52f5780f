package query

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

// ErrTime says that a text is no time that ParseTime reads.
var ErrTime = errors.New("want RFC 3339, a date, Unix milliseconds, a time ago such as -2h, or now")

// ParseTime reads a time as people type it: RFC 3339, a date (its start), both
// in UTC unless a zone stands in it; Unix milliseconds with or without a
// fraction; a time ago, such as -2h, -1d12h or -500ms; now. An integer too
// small to be milliseconds of this age is refused, since it would be seconds
// or a year; 1795465916.0 is milliseconds in spite of it.
func ParseTime(s string, now time.Time) (audit.Time, error) {
	sp, err := parseSpan(s, now)
	if err != nil {
		return 0, fmt.Errorf("parse time %q: %w", s, err)
	}
	return sp.from, nil
}

// A span is a stretch of time that a person named by one word.
type span struct {
	from audit.Time
	to   audit.Time // where a day ends, which does not belong to it; else unset
	kind spanKind
}

type spanKind uint8

const (
	instantSpan spanKind = iota
	daySpan
	agoSpan // named by how long ago it was
)

func parseSpan(s string, now time.Time) (span, error) {
	switch {
	case s == "":
		return span{}, ErrTime
	case strings.EqualFold(s, "now"):
		return span{from: audit.TimeOf(now)}, nil
	}
	if t, isNumber, err := parseMillis(s); isNumber {
		return span{from: t}, err
	}
	if back, ok := strings.CutPrefix(s, "-"); ok {
		d, err := parseDuration(back)
		if err != nil {
			return span{}, err
		}
		return span{from: audit.TimeOf(now.Add(-d)), kind: agoSpan}, nil
	}
	t, wholeDay, err := parseCalendar(s)
	if err != nil {
		return span{}, err
	}
	if wholeDay {
		return span{from: audit.TimeOf(t), to: audit.TimeOf(t.AddDate(0, 0, 1)), kind: daySpan}, nil
	}
	return span{from: audit.TimeOf(t)}, nil
}

// smallest is the least integer that is read as milliseconds: in 1973. What is
// below stands rather for seconds or a year.
const smallest = 1e11

func parseMillis(s string) (t audit.Time, isNumber bool, err error) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789.e+-") != "" || digits[0] < '0' || digits[0] > '9' {
		return 0, false, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0, false, nil
	}
	if err != nil || math.IsInf(f, 0) {
		return 0, true, ErrTime
	}
	if math.Abs(f) < smallest && !strings.ContainsAny(s, ".e") {
		return 0, true, fmt.Errorf("too small for Unix milliseconds; for milliseconds nonetheless write %s.0", s)
	}
	return audit.Time(f), true, nil
}

// timeString is a time as the language has it, which ParseTime reads back
// exactly.
func timeString(t audit.Time) string {
	s := t.String()
	if math.Abs(float64(t)) < smallest && !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04",
}

// parseCalendar reads a date, with or without a time of day; without a zone it
// is in UTC.
func parseCalendar(s string) (t time.Time, wholeDay bool, err error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, true, nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, false, nil
		}
	}
	return time.Time{}, false, ErrTime
}

var units = map[string]time.Duration{
	"ms": time.Millisecond,
	"s":  time.Second,
	"m":  time.Minute,
	"h":  time.Hour,
	"d":  24 * time.Hour,
	"w":  7 * 24 * time.Hour,
}

// parseDuration reads numbers with units, such as 1d12h or 1.5h. A day is 24
// hours.
func parseDuration(s string) (time.Duration, error) {
	var total float64
	if s == "" {
		return 0, ErrTime
	}
	for s != "" {
		rest := strings.TrimLeft(s, "0123456789.")
		n, err := strconv.ParseFloat(s[:len(s)-len(rest)], 64)
		if err != nil {
			return 0, ErrTime
		}
		next := strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz")
		unit, ok := units[rest[:len(rest)-len(next)]]
		if !ok {
			return 0, ErrTime
		}
		total += n * float64(unit)
		s = next
	}
	if total > math.MaxInt64/2 {
		return 0, ErrTime
	}
	return time.Duration(total), nil
}
