package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

// A match is the part of a rule that is checked before its condition: cheap,
// and by table and operation the same for many changes.
type match struct {
	ops           []string // nil: every operation that writes or deletes
	tables, users []string // nil: all
	notTables     []string
	notUsers      []string
}

// opNames is what match.ops may hold. A write is any operation that leaves an
// image, whatever Harper called it.
var opNames = []string{
	string(audit.OpInsert), string(audit.OpUpdate), string(audit.OpUpsert), string(audit.OpPatch),
	string(audit.OpDelete), string(audit.OpMessage), string(audit.OpInvalidate), string(audit.KindWrite),
}

func (m *match) place(op audit.Op, t audit.Table) bool {
	kind := op.Kind()
	if m.ops == nil && kind == audit.KindMessage {
		return false
	}
	if m.ops != nil && !slices.Contains(m.ops, string(op)) && !slices.Contains(m.ops, string(kind)) {
		return false
	}
	return m.table(t)
}

func (m *match) table(t audit.Table) bool {
	name := t.String()
	return (m.tables == nil || anyGlob(m.tables, name)) && !anyGlob(m.notTables, name)
}

func (m *match) user(name string) bool {
	return (m.users == nil || anyGlob(m.users, name)) && !anyGlob(m.notUsers, name)
}

func anyGlob(patterns []string, s string) bool { return audit.AnyGlob(patterns, s) }

func glob(pattern, s string) bool { return audit.Glob(pattern, s) }

// fieldNames is what window.by and window.distinct may name.
var fieldNames = []string{"user", "table", "db", "table_name", "node", "op", "kind", "key", "txn"}

// fieldOf is a change's value of a field of by or distinct.
func fieldOf(c *audit.Change, name string) string {
	switch name {
	case "user":
		return c.User
	case "table":
		return c.Key.Table.String()
	case "db":
		return c.Key.Table.Database
	case "table_name":
		return c.Key.Table.Name
	case "node":
		return c.Node
	case "op":
		return string(c.Op)
	case "kind":
		return string(c.Op.Kind())
	case "key":
		return c.Key.String()
	default: // txn
		return c.Time.String()
	}
}

// longestField bounds what a hostile name can make a group and an alert weigh.
const longestField = 256

func bounded(s string) string {
	if len(s) <= longestField {
		return s
	}
	return strings.ToValidUTF8(s[:longestField-20], "") + "…" + fingerprint(s)
}

func boundedBytes(s []byte) []byte {
	if len(s) <= longestField {
		return s
	}
	return []byte(bounded(string(s)))
}

// shortDuration is a duration as rule files have it: 90s, 5m, 12h, 3d.
func shortDuration(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d >= unit.size && d%unit.size == 0 {
			return strconv.FormatInt(int64(d/unit.size), 10) + unit.name
		}
	}
	return d.String()
}
