package harpertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"recourse/audit"
)

// compare says where an answer differs from the captured one.
func (p *replay) compare(got []byte, want json.RawMessage) string {
	var wrapped struct{ Text, Base64 *string }
	isObject := len(want) > 0 && want[0] == '{'
	switch {
	case string(want) == `""`:
		if len(got) > 0 {
			return fmt.Sprintf("got %.200s, want an empty body", got)
		}
		return ""
	case isObject && json.Unmarshal(want, &wrapped) == nil && wrapped.Text != nil:
		if string(got) != *wrapped.Text {
			return fmt.Sprintf("got %q, want %q", got, *wrapped.Text)
		}
		return ""
	case isObject && wrapped.Base64 != nil:
		theirs, err := base64.StdEncoding.DecodeString(*wrapped.Base64)
		if err != nil {
			p.t.Fatal(err)
		}
		return compareBinary(got, theirs)
	}
	g, err := audit.FromJSON(got)
	if err != nil {
		return fmt.Sprintf("got no JSON: %.200s, want %.200s", got, want)
	}
	w, err := audit.FromJSON(want)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.diff("", g, w)
}

// compareBinary compares the bytes, times aside and without the order of
// attributes, which carries no meaning.
func compareBinary(got, want []byte) string {
	a, b := maskTimes(got), maskTimes(want)
	slices.Sort(a)
	slices.Sort(b)
	if !bytes.Equal(a, b) {
		return fmt.Sprintf("got %x, want %x", got, want)
	}
	return ""
}

// maskTimes clears float64s that start as today's times do.
func maskTimes(b []byte) []byte {
	out := slices.Clone(b)
	for i := 0; i+8 < len(out); i++ {
		if (out[i] == 0xfb || out[i] == 0xcb) && out[i+1] == 0x42 && out[i+2] == 0x7a {
			clear(out[i+1 : i+9])
		}
	}
	return out
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// diff compares by value, where a time of the captures' day or a generated id
// stands for one of ours, always the same.
func (p *replay) diff(at string, got, want audit.Value) string {
	if got.Kind() != want.Kind() {
		if isTime(got) && isTime(want) {
			return p.pair(at, got.JSON(), want.JSON())
		}
		return fmt.Sprintf("%s: got %.300s, want %.300s", at, got.JSON(), want.JSON())
	}
	switch got.Kind() {
	case audit.KindObject:
		return p.diffObjects(at, got, want)
	case audit.KindArray:
		a, b := p.elements(got), p.elements(want)
		for i := range min(len(a), len(b)) {
			if d := p.diff(fmt.Sprintf("%s[%d]", at, i), a[i], b[i]); d != "" {
				return d
			}
		}
		if len(a) != len(b) {
			return fmt.Sprintf("%s: got %d elements, want %d: %.300s", at, len(a), len(b), got.JSON())
		}
		return ""
	case audit.KindInt, audit.KindFloat:
		if isTime(got) && isTime(want) || isGenerated(got) && isGenerated(want) {
			return p.pair(at, got.JSON(), want.JSON())
		}
	case audit.KindText:
		if strings.HasSuffix(at, ".error") || strings.HasSuffix(at, ".title") || at == "" {
			if sortedBytes(got.Text()) == sortedBytes(want.Text()) {
				return "" // attributes in a message stand in an order of their own
			}
		}
		a, b := uuid.FindString(got.Text()), uuid.FindString(want.Text())
		if a != "" && b != "" && strings.Replace(got.Text(), a, b, 1) == want.Text() {
			return p.pair(at, a, b)
		}
	}
	if !got.Equal(want) {
		return fmt.Sprintf("%s: got %.300s, want %.300s", at, got.JSON(), want.JSON())
	}
	return ""
}

// unlike are attributes whose values nobody can foresee; that they are there is
// compared all the same.
var unlike = regexp.MustCompile(`^(db_size|table_size|db_audit_size|last_updated_record|.*_datetime|.*_datetime_converted|password|refresh_token|hdb_user|txn_time|transactions_deleted)$`)

func (p *replay) diffObjects(at string, got, want audit.Value) string {
	if a, b := got.Names(), want.Names(); !slices.Equal(p.mapped(b), a) {
		return fmt.Sprintf("%s: got names %v, want %v", at, a, b)
	}
	for _, k := range want.Names() {
		if unlike.MatchString(k) {
			continue
		}
		if d := p.diff(at+"."+k, got.Get(p.mapped([]string{k})[0]), want.Get(k)); d != "" {
			return d
		}
	}
	return ""
}

func (p *replay) mapped(names []string) []string {
	out := slices.Clone(names)
	for i, n := range out {
		if mine, ok := p.pairs[n]; ok {
			out[i] = mine
		}
	}
	slices.Sort(out)
	return out
}

// elements are an array's, attributes of a table in the order of their names,
// and without jobs that belong to the scenario's own set-up.
func (p *replay) elements(v audit.Value) []audit.Value {
	var out []audit.Value
	byName := false
	for e := range v.Elems() {
		if e.Get("type").Text() == "restart_service" {
			continue
		}
		byName = byName || e.Get("attribute") != nil || e.Get("start_datetime") != nil
		out = append(out, e)
	}
	if byName {
		slices.SortStableFunc(out, func(a, b audit.Value) int {
			key := func(v audit.Value) string { return v.Get("attribute").Text() + v.Get("type").Text() }
			return strings.Compare(key(a), key(b))
		})
	}
	return out
}

func sortedBytes(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

func isTime(v audit.Value) bool {
	f, _ := v.Float64()
	return f > 1.79e12 && f < 1.8e12
}

func isGenerated(v audit.Value) bool {
	f, _ := v.Float64()
	return v.Kind() == audit.KindInt && f > 1<<40 && f < math.Pow(2, 52) && !isTime(v)
}

func (p *replay) pair(at, mine, theirs string) string {
	if have, ok := p.pairs[theirs]; ok && have != mine {
		return fmt.Sprintf("%s: %s stood for %s, now %s does", at, have, theirs, mine)
	}
	if have, ok := p.back[mine]; ok && have != theirs {
		return fmt.Sprintf("%s: %s stood for %s, now for %s", at, mine, have, theirs)
	}
	p.pairs[theirs], p.back[mine] = mine, theirs
	return ""
}
