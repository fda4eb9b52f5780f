package harpertest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
	"recourse/internal/harper"
)

// A script is a story told to a Harper, and what the log says of it. Commands
// begin a line; what they must answer is indented below them:
//
//	insert [{"id":1}]    also update, upsert, delete [1]: the operations API
//	PUT x {"a":1}        also PATCH, POST, DELETE, GET: REST, table Thing
//	op {"operation":…}   any operation on the table
//	sql DELETE FROM %    "%" stands for the table
//	header A: b          for the next REST request
//	log                  the log since the script began, one line a group
//	history [1]          a hash_value search, one line a key
//	state                every record
//	times                whether Harper's two times in each image are the change's
//
// "<" is an answer, "=" a group of the log. "L" or "R" before them says that
// only that line answers so. A group reads: operation, then each key with its
// record, "-" for none, without the key attribute and the two times that Harper
// writes into records of tables without a schema; "(nobody)" where the group
// names no user. In a script over REST "$" before an id makes it this run's own.
type script struct {
	name string
	rest bool // the table is Thing, over REST
	text string
}

type command struct {
	name, rest string
	want       []string
}

// commands parses a script as one line of Harper is held to it.
func (sc script) commands(t *testing.T, l line) []command {
	t.Helper()
	var out []command
	for text := range strings.Lines(sc.text) {
		text = strings.TrimRight(text, "\n")
		trimmed := strings.TrimSpace(text)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case text[0] != ' ' && text[0] != '\t':
			name, rest, _ := strings.Cut(trimmed, " ")
			out = append(out, command{name: name, rest: rest})
		default:
			mark, want, ok := strings.Cut(trimmed, " ")
			mark = strings.TrimRight(mark, "<=")
			if !ok || len(out) == 0 || mark != "" && mark != "L" && mark != "R" {
				t.Fatalf("script %s: what is %q?", sc.name, text)
			}
			if mark == "" || mark == l.mark {
				out[len(out)-1].want = append(out[len(out)-1].want, want)
			}
		}
	}
	return out
}

func (s *suite) testScripts(t *testing.T) {
	for _, sc := range slices.Concat(opsScripts, restScripts, patchScripts) {
		t.Run(sc.name, func(t *testing.T) { s.runScript(t, sc) })
	}
}

// A stage is a script being run.
type stage struct {
	*suite
	table  audit.Table
	since  audit.Time
	id     string // what "$" stands for
	header []string
}

func (s *suite) runScript(t *testing.T, sc script) {
	st := &stage{suite: s}
	if sc.rest {
		s.needREST(t)
		st.table, st.id = things, s.prefix+strings.ReplaceAll(sc.name, " ", "-")+"-"
		st.since = s.mark(t, things)
	} else {
		st.table = s.table(t)
	}
	for _, c := range sc.commands(t, s.line) {
		got := st.do(t, c)
		for i := range got {
			if got[i] = strings.TrimSpace(got[i]); st.id != "" {
				got[i] = strings.ReplaceAll(got[i], st.id, "$")
			}
		}
		asked := c.want != nil || c.name == "log" || c.name == "state"
		if asked && !slices.Equal(c.want, got) {
			t.Errorf("%s %s (-want +got):\n%s", c.name, c.rest, cmp.Diff(c.want, got))
		}
	}
}

func (st *stage) do(t *testing.T, c command) []string {
	t.Helper()
	rest := c.rest
	if st.id != "" {
		rest = strings.ReplaceAll(rest, "$", st.id)
	}
	switch c.name {
	case "insert", "update", "upsert", "delete":
		return []string{st.write(t, c.name, rest)}
	case "PUT", "PATCH", "POST", "DELETE", "GET":
		id, body, _ := strings.Cut(rest, " ")
		status, answer := st.rest(t, c.name, st.table, id, body, st.header...)
		st.header = nil
		return []string{fmt.Sprint(status, " ", canonical(answer))}
	case "op":
		body, _ := parse(t, rest).Any().(map[string]any)
		body["database"], body["table"] = st.table.Database, st.table.Name
		status, answer := st.op(t, body)
		return []string{fmt.Sprint(status, " ", canonical(answer))}
	case "header":
		st.header = append(st.header, rest)
		return nil
	case "sql":
		status, answer := st.op(t, fields{"operation": "sql", "sql": strings.ReplaceAll(rest, "%", st.table.String())})
		return []string{fmt.Sprint(status, " ", canonical(answer))}
	case "log":
		return st.log(t)
	case "history":
		return st.historyLines(t, rest)
	case "state":
		return st.stateLines(t)
	case "times":
		return st.timesLines(t)
	}
	t.Fatalf("no command %q", c.name)
	return nil
}

// canonical prints JSON in one way, and leaves what is none as it is.
func canonical(text string) string {
	v, err := audit.FromJSON([]byte(text))
	if err != nil {
		return text
	}
	return v.JSON()
}

// log reads the log twice, as our client does and as JSON by hand, and holds
// the two to each other.
func (st *stage) log(t *testing.T) []string {
	t.Helper()
	rows, err := st.scanErr(t, harper.AuditQuery{Table: st.table, From: st.since})
	got := transcript(st.own(rows), st.cfg.Username)
	_, text := st.rawLog(t, st.table, fields{"search_type": "timestamp", "search_values": []any{st.since}})
	raw, message := rawRows(t, parse(t, text), st.line)
	byHand := transcript(st.own(raw), st.cfg.Username)
	if diff := cmp.Diff(byHand, got); diff != "" {
		t.Errorf("the client reads the log otherwise than JSON has it (-JSON +client):\n%s", diff)
	}
	if (err != nil) != (message != "") {
		t.Errorf("the client's error is %v, the one in JSON %q", err, message)
	}
	if message != "" {
		byHand = append(byHand, "error: "+message)
	}
	return byHand
}

// own keeps the rows that are this script's, of a table that others write to.
func (st *stage) own(rows []harper.AuditRow) []harper.AuditRow {
	if st.id == "" {
		return rows
	}
	return slices.DeleteFunc(rows, func(r harper.AuditRow) bool {
		return !strings.Contains(string(r.ID), st.id) && !strings.Contains(r.Record.JSON(), st.id)
	})
}
