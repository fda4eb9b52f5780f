package gen

import (
	"fmt"
	"strconv"
)

// appendGroup appends a group as read_audit_log has it, in one line, with the
// database and the table behind what is Harper's.
func appendGroup(b []byte, t *table, recs []*record, op, user string, ts float64) []byte {
	b = append(b, `{"operation":"`...)
	b = append(b, op...)
	b = append(b, `","user_name":"`...)
	b = append(b, user...)
	b = append(b, `","timestamp":`...)
	b = strconv.AppendFloat(b, ts, 'f', 4, 64)
	b = append(b, `,"hash_values":[`...)
	for i, rec := range recs {
		b = comma(b, i)
		b = appendID(b, t.prefix, rec.id)
	}
	b = append(b, `],"records":[`...)
	for i, rec := range recs {
		b = comma(b, i)
		if op == "delete" {
			b = append(b, "null"...)
		} else {
			b = appendRecord(b, t, rec)
		}
	}
	b = append(b, `],"database":"`...)
	b = append(b, t.db...)
	b = append(b, `","table":"`...)
	b = append(b, t.name...)
	return append(b, "\"}\n"...)
}

func appendRecord(b []byte, t *table, rec *record) []byte {
	b = append(b, `{"id":`...)
	b = appendID(b, t.prefix, rec.id)
	for i, a := range t.attrs {
		b = appendAttribute(b, a.name, rec.vals[i])
	}
	for _, x := range rec.extra {
		b = appendAttribute(b, x.name, x.val)
	}
	return append(b, '}')
}

func appendAttribute(b []byte, name, val string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return append(b, val...)
}

func appendID(b []byte, prefix string, n int) []byte {
	return fmt.Appendf(b, "\"%s-%06d\"", prefix, n)
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}
