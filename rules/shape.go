package rules

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// longestFormat is the length in bytes of the longest text whose format is told.
const longestFormat = 4096

// formats are the formats that are told by their characters, in the order in which
// they are tried: the narrower before the wider.
var formats = []struct {
	name string
	is   func(string) bool
}{
	{"uuid", isUUID},
	{"email", isEmail},
	{"url", func(s string) bool { return strings.Contains(s, "://") && urlPattern.MatchString(s) }},
	{"jwt", func(s string) bool { return strings.HasPrefix(s, "eyJ") && jwtPattern.MatchString(s) }},
	{"integer", isInteger},
	{"decimal", func(s string) bool {
		return mayBeNumber(s) && strings.Contains(s, ".") && decimalPattern.MatchString(s)
	}},
	{"phone", func(s string) bool { return mayBeNumber(s) && phonePattern.MatchString(s) }},
	{"hex", isHex},
	{"base64", func(s string) bool { return isBase64(s) && mixed64(s) }},
}

var (
	urlPattern     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://[^\s]+$`)
	jwtPattern     = regexp.MustCompile(`^eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$`)
	decimalPattern = regexp.MustCompile(`^[+-]?[0-9]+\.[0-9]+([eE][+-]?[0-9]+)?$`)
	phonePattern   = regexp.MustCompile(`^[+0(][0-9 ()/.-]{5,18}[0-9]$`)
)

// isUUID: five groups of hex digits.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isDigit(s[i]) && (s[i]|0x20 < 'a' || s[i]|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}

// isEmail: something, an @, and a domain of two labels at least.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || strings.ContainsAny(s, "\t\n\f\r <>\"") || strings.Contains(domain, "@") {
		return false
	}
	labels := 0
	for label := range strings.SplitSeq(domain, ".") {
		if labels++; label == "" {
			return false
		}
	}
	return labels > 1
}

// isInteger: digits, with a sign or without.
func isInteger(s string) bool {
	if s[0] == '+' || s[0] == '-' {
		s = s[1:]
	}
	return s != "" && allBytes(s, isDigit)
}

// isHex: whole bytes, four at least, in letters of one size.
func isHex(s string) bool {
	if len(s) < 8 || len(s)%2 != 0 {
		return false
	}
	return allBytes(s, func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' }) ||
		allBytes(s, func(c byte) bool { return isDigit(c) || c >= 'A' && c <= 'F' })
}

// isBase64: four characters at a time, filled up with =, or those of addresses.
func isBase64(s string) bool {
	if len(s) >= 24 && allBytes(s, func(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' }) {
		return true
	}
	body := strings.TrimSuffix(s, "=")
	if body != s {
		body = strings.TrimSuffix(body, "=")
	}
	return len(s)%4 == 0 && len(s)/4 >= 4+min(1, len(s)-len(body)) &&
		allBytes(body, func(c byte) bool { return isAlphanumeric(c) || c == '+' || c == '/' })
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlphanumeric(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

// allBytes says that a text has no other characters.
func allBytes(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

// formatOf is what a text is by its form: empty, uuid, email, url, jwt, integer,
// decimal, date, time, ip, phone, hex, base64, json, or text for all else.
func formatOf(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > longestFormat:
		return "text"
	case mayBeDate(s) && isDate(s, time.DateOnly):
		return "date"
	case mayBeDate(s) && (isDate(s, time.RFC3339Nano) || isDate(s, time.DateTime)):
		return "time"
	}
	if mayBeAddress(s) {
		if _, err := netip.ParseAddr(s); err == nil {
			return "ip"
		}
	}
	for _, f := range formats {
		if f.is(s) {
			return f.name
		}
	}
	if first, last := s[0], s[len(s)-1]; first == '{' && last == '}' || first == '[' && last == ']' {
		return "json"
	}
	return "text"
}

// mayBeDate and mayBeAddress tell most texts apart at less cost than to read them.
func mayBeDate(s string) bool {
	return len(s) >= len(time.DateOnly) && s[4] == '-' && '0' <= s[0] && s[0] <= '9'
}

func mayBeAddress(s string) bool {
	i := strings.IndexAny(s, ".:")
	if i < 0 || i > 4 { // a group of either kind of address has four digits at most
		return false
	}
	return strings.Trim(s[:i], "0123456789abcdefABCDEF") == ""
}

func mayBeNumber(s string) bool { return strings.ContainsRune("+-(0123456789", rune(s[0])) }

func isDate(s, layout string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

// mixed64 says that a text has letters of both cases and digits, as what is
// encoded has, and a word of that length has not.
func mixed64(s string) bool {
	return strings.ContainsAny(s, "0123456789") && strings.ToLower(s) != s && strings.ToUpper(s) != s
}

// formatNames are what formatOf can say.
func formatNames() []string {
	names := []string{"empty", "date", "time", "ip", "json", "text"}
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// secretShapes are forms that only keys, tokens and passwords have.
var secretShapes = mustPattern(strings.Join([]string{
	`-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----`,
	`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`,
	`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+`,
	`\bgh[pousr]_[A-Za-z0-9]{36}`, `\bgithub_pat_[A-Za-z0-9_]{22}`, `\bglpat-[A-Za-z0-9_-]{20}`,
	`\bxox[abeprs]-[A-Za-z0-9-]{10,}`, `\b(?:sk|rk)_live_[A-Za-z0-9]{16,}`, `\bAIza[0-9A-Za-z_-]{35}`, `\bnpm_[A-Za-z0-9]{36}`,
	`\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:[^\s:/@]{3,}@`,
}, "|"))

// secretLike says that a text holds what looks like a key, a token or a password
// in an address.
func secretLike(s []byte) bool { return secretShapes.match(s) }

func mustPattern(expr string) *pattern {
	p, err := compilePattern(expr)
	if err != nil {
		panic(err) // unreachable: a constant
	}
	return p
}

// within is what stands in an object or a list under a path of names and numbers,
// such as limits.day or lines.0; nil if there is nothing.
func within(x, path any) any {
	switch p := path.(type) {
	case string:
		for name := range strings.SplitSeq(p, ".") {
			if list, ok := elements(x); ok {
				i, err := strconv.Atoi(name)
				if err != nil || i < 0 || i >= len(list) {
					return nil
				}
				x = list[i]
				continue
			}
			x = member(x, name)
		}
		return x
	case int, int64:
		n, _ := numberOf(p)
		list, ok := elements(x)
		if i := n.i; ok && i >= 0 && i < int64(len(list)) {
			return list[i]
		}
	}
	return nil
}
