package harpertest_test

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// mark writes a record of our own to a table that others write to and returns
// the time of that change, before which nothing of the test can lie. It asks by
// key, which works whatever else is in the log.
func (s *suite) mark(t *testing.T, table audit.Table) audit.Time {
	t.Helper()
	s.tables++
	id := s.prefix + "mark-" + strconv.Itoa(s.tables)
	s.mustOp(t, fields{"operation": "insert", "database": table.Database, "table": table.Name, "records": []any{fields{"id": id}}})
	_, text := s.rawLog(t, table, fields{"search_type": "hash_value", "search_values": []any{id}})
	for group := range parse(t, text).Get(id).Elems() {
		f, _ := group.Get("timestamp").Float64()
		return audit.Time(f)
	}
	t.Fatalf("no history of %s: %s", id, text)
	return 0
}

// scan reads the log by our client and wants no error.
func (s *suite) scan(t *testing.T, table audit.Table, from, to audit.Time) []harper.AuditRow {
	t.Helper()
	rows, err := s.scanErr(t, harper.AuditQuery{Table: table, From: from, To: to})
	if err != nil {
		t.Fatalf("read the log of %s: %v", table, err)
	}
	return rows
}

// scanErr reads the log by our client, as far as it goes.
func (s *suite) scanErr(t *testing.T, q harper.AuditQuery) ([]harper.AuditRow, error) {
	t.Helper()
	var rows []harper.AuditRow
	for row, err := range s.client.AuditLog(testContext(t), q) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// rawRows takes a JSON answer apart by hand. The message is that of the error
// element that ended it.
func rawRows(t *testing.T, answer audit.Value, l line) (rows []harper.AuditRow, message string) {
	t.Helper()
	keys := "hash_values"
	if l.idsField {
		keys = "ids"
	}
	for group := range answer.Elems() {
		if e := group.Get("error"); e != nil {
			message = e.Text()
			continue
		}
		if message != "" {
			t.Errorf("a group after the error: %s", group.JSON())
		}
		ids, records := slices.Collect(group.Get(keys).Elems()), slices.Collect(group.Get("records").Elems())
		if len(ids) == 0 || len(ids) != len(records) {
			t.Fatalf("%d %s and %d records in %.300s", len(ids), keys, len(records), group.JSON())
		}
		at, _ := group.Get("timestamp").Float64()
		for i := range ids {
			id, err := audit.IDOf(ids[i])
			if err != nil {
				t.Fatal(err)
			}
			record := records[i]
			if record.Kind() == audit.KindNull {
				record = nil
			}
			rows = append(rows, harper.AuditRow{
				Operation: audit.Op(group.Get("operation").Text()), User: group.Get("user_name").Text(),
				Time: audit.Time(at), Index: i, Size: len(ids), IDsField: l.idsField, ID: id, Record: record,
			})
		}
	}
	return rows, message
}

// transcript prints rows in the scripts' way, one line a group.
func transcript(rows []harper.AuditRow, me string) []string {
	var out []string
	for i, r := range rows {
		if i == 0 || r.Index == 0 || r.Time != rows[i-1].Time {
			op := string(r.Operation)
			switch r.User {
			case me:
			case "":
				op += " (nobody)"
			default:
				op += " (" + r.User + ")"
			}
			out = append(out, op)
		}
		out[len(out)-1] += " " + string(r.ID) + " " + recordText(r.ID, r.Record)
		if r.Err != nil {
			out[len(out)-1] += " !" + r.Err.Error()
		}
	}
	return out
}

func recordText(id audit.ID, v audit.Value) string {
	switch {
	case v == nil:
		return "-"
	case v.Kind() != audit.KindObject:
		return v.JSON()
	case v.Get("id") == nil:
		return strip(v).JSON() + "(no id)"
	case v.Get("id").Equal(id.Value()):
		return strip(v.With("id", nil)).JSON()
	}
	return strip(v).JSON()
}

// strip takes away what Harper writes of its own accord.
func strip(v audit.Value) audit.Value {
	return v.With("__createdtime__", nil).With("__updatedtime__", nil)
}

// historyLines is a hash_value search as JSON, one line a key of the answer,
// its changes in order.
func (s *stage) historyLines(t *testing.T, ids string) []string {
	t.Helper()
	status, text := s.rawLog(t, s.table, fields{"search_type": "hash_value", "search_values": parse(t, ids).Any()})
	if status != http.StatusOK {
		return []string{strconv.Itoa(status) + " " + canonical(text)}
	}
	var out []string
	answer := parse(t, text)
	for _, key := range answer.Names() {
		var groups = answer.Get(key)
		rows, _ := rawRows(t, groups, s.line)
		out = append(out, key+": "+strings.Join(transcript(rows, s.cfg.Username), ", "))
	}
	return out
}

// stateLines is every record that a state read shows, the key first.
func (s *stage) stateLines(t *testing.T) []string {
	t.Helper()
	answer := s.mustOp(t, fields{
		"operation": "search_by_value", "database": s.table.Database, "table": s.table.Name,
		"search_attribute": "id", "search_value": "*", "get_attributes": []any{"*"},
	})
	var out []string
	for record := range answer.Elems() {
		id, err := audit.IDOf(record.Get("id"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(id)+" "+recordText(id, record))
	}
	return out
}

// timesLines says of each row which of Harper's own times in its image is the
// time of the change.
func (s *stage) timesLines(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, row := range s.scan(t, s.table, s.since, 0) {
		text := string(row.ID)
		for _, name := range []string{"created", "updated"} {
			at, _ := row.Record.Get("__" + name + "time__").Float64()
			if audit.Time(at) == row.Time {
				text += " " + name
			}
		}
		out = append(out, text)
	}
	return out
}

// write is a write by the operations API: by our client, and by hand where it
// refuses.
func (s *stage) write(t *testing.T, op, args string) string {
	t.Helper()
	list := slices.Collect(parse(t, args).Elems())
	var got harper.Result
	var err error
	switch op {
	case "insert":
		got, err = s.client.Insert(testContext(t), s.table, list)
	case "update":
		got, err = s.client.Update(testContext(t), s.table, list)
	case "upsert":
		got, err = s.client.Upsert(testContext(t), s.table, list)
	case "delete":
		ids := make([]audit.ID, len(list))
		for i, v := range list {
			ids[i] = audit.ID(v.JSON())
		}
		got, err = s.client.Delete(testContext(t), s.table, ids)
	}
	if errors.Is(err, harper.ErrEmptyID) || errors.Is(err, harper.ErrIDsCollide) {
		got, err = s.writeRaw(t, op, args), nil
	}
	if err != nil {
		return err.Error()
	}
	return resultText(got)
}

func (s *stage) writeRaw(t *testing.T, op, args string) harper.Result {
	t.Helper()
	name := "records"
	if op == "delete" {
		name = "ids"
	}
	answer := s.mustOp(t, fields{
		"operation": op, "database": s.table.Database, "table": s.table.Name, name: parse(t, args).Any(),
	})
	var got harper.Result
	for _, name := range []string{"inserted_hashes", "update_hashes", "upserted_hashes", "deleted_hashes"} {
		for id := range answer.Get(name).Elems() {
			got.Hashes = append(got.Hashes, audit.ID(id.JSON()))
		}
	}
	for id := range answer.Get("skipped_hashes").Elems() {
		got.Skipped = append(got.Skipped, audit.ID(id.JSON()))
	}
	return got
}

func resultText(r harper.Result) string {
	text := "wrote"
	for _, id := range r.Hashes {
		text += " " + string(id)
	}
	if len(r.Hashes) == 0 {
		text += " nothing"
	}
	for i, id := range r.Skipped {
		if i == 0 {
			text += " skipped"
		}
		text += " " + string(id)
	}
	return text
}
