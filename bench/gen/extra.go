package gen

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An extra is an attribute that the tables do not have.
type extra struct {
	name, val string
	deep      bool // an object or an array
}

// maxCompany is how many records a group of several has at most.
const maxCompany = 20

// company adds the further records of a group of several: each another one, and
// with the same operation.
func (s *stream) company(recs []*record, ti int, op string) []*record {
	if s.Multi == 0 || s.more.Float64() >= s.Multi {
		return recs
	}
	for range 1 + s.more.IntN(maxCompany-1) {
		if op != "insert" && len(s.live[ti]) == 0 {
			break
		}
		if op == "insert" || op == "delete" {
			recs = append(recs, s.play(s.more, ti, op))
			continue
		}
		rec := s.live[ti][s.more.IntN(len(s.live[ti]))]
		if !slices.Contains(recs, rec) {
			s.edit(s.more, ti, rec)
			recs = append(recs, rec)
		}
	}
	return recs
}

// enrich gives a new record the attributes that Nested and Large call for.
func (s *stream) enrich(rec *record) {
	if s.Nested > 0 && s.more.Float64() < s.Nested {
		rec.extra = append(rec.extra, extra{"address", s.address(), true}, extra{"tags", s.tags(), true}, extra{"lines", s.lines(), true})
	}
	if s.Large > 0 && s.more.Float64() < s.Large {
		rec.extra = append(rec.extra, extra{"document", s.document(), false})
	}
}

// rework edits one of the nested attributes, in every other change of a record
// that has some. Large texts stay as they were written.
func (s *stream) rework(rec *record) {
	if len(rec.extra) == 0 || !rec.extra[0].deep || s.more.IntN(2) == 0 {
		return
	}
	switch i := s.more.IntN(3); i {
	case 0:
		rec.extra[i].val = s.address()
	case 1:
		rec.extra[i].val = s.tags()
	default:
		rec.extra[i].val = s.lines()
	}
}

func (s *stream) address() string {
	return fmt.Sprintf(`{"street":%s,"city":%s,"geo":{"lat":%s,"lon":%s},"verified":%s}`,
		value(s.more, kName, s.ts), value(s.more, kCity, s.ts), value(s.more, kFloat, s.ts), value(s.more, kFloat, s.ts), value(s.more, kBool, s.ts))
}

func (s *stream) tags() string { return s.list(6, func() string { return value(s.more, kRole, s.ts) }) }

// lines are as those of an invoice.
func (s *stream) lines() string {
	return s.list(8, func() string {
		return fmt.Sprintf(`{"sku":%s,"n":%s,"price":%s,"options":%s}`, value(s.more, kCode, s.ts), value(s.more, kInt, s.ts), value(s.more, kMoney, s.ts), s.tags())
	})
}

// list is an array of up to most elements.
func (s *stream) list(most int, element func() string) string {
	parts := make([]string, s.more.IntN(most+1))
	for i := range parts {
		parts[i] = element()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// document is a text of 1 KiB to 1 MiB, most of them small: its size is even on
// a logarithmic scale.
func (s *stream) document() string {
	size := int(1024 * math.Pow(1024, s.more.Float64()))
	b := make([]byte, 0, size+2)
	for b = append(b, '"'); len(b) < size; b = append(b, ' ') {
		if s.more.IntN(20) == 0 {
			b = strconv.AppendUint(b, s.more.Uint64(), 36)
		} else {
			b = append(b, pick(s.more, words)...)
		}
	}
	b = append(b[:min(len(b), size-1)], '"')
	return string(b)
}
