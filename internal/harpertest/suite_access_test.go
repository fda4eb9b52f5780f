package harpertest_test

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// testErrors asks for what cannot be had, by hand for Harper's words and by our
// client for the errors that it makes of them.
func (s *suite) testErrors(t *testing.T) {
	table := s.table(t)
	s.mustOp(t, fields{"operation": "insert", "database": s.db, "table": table.Name, "records": []any{fields{"id": 1}}})
	read := func(database, name string) fields {
		return fields{"operation": "read_audit_log", "schema": database, "database": database, "table": name}
	}
	with := func(body fields, name string, v any) fields { body[name] = v; return body }
	nope := `{"error":"Table '` + s.db + `.nope' does not exist"}`
	for _, c := range []struct {
		name   string
		auth   string
		body   fields
		status int
		answer string // empty: not compared
	}{
		{"no credentials", "", fields{"operation": "user_info"}, 401, `{"error":"Must login"}`},
		{"wrong password", basicOf(s.cfg.Username, "wrong"), fields{"operation": "user_info"}, 401, `{"error":"Login failed"}`},
		{"unknown user", basicOf("nobody "+s.prefix, "x"), fields{"operation": "user_info"}, 401, `{"error":"Login failed"}`},
		{"no token", "Bearer a.b.c", fields{"operation": "user_info"}, 401, `{"error":"invalid token"}`},
		{"no operation", s.basic(), fields{"a": 1}, 400, `{"error":"Request body must include an 'operation' property."}`},
		{"unknown operation", s.basic(), fields{"operation": "zzz"}, 400, `{"error":"Operation 'zzz' not found"}`},
		{"log of no table", s.basic(), read(s.db, "nope"), 404, nope},
		{"log of no database", s.basic(), read("nope", "x"), 404, `{"error":"database 'nope' does not exist"}`},
		{"describe no table", s.basic(), with(read(s.db, "nope"), "operation", "describe_table"), 404, nope},
		{"write to no table", s.basic(), fields{"operation": "insert", "database": s.db, "table": "nope", "records": []any{fields{"id": 1}}}, 400, nope},
		{"unknown search", s.basic(), with(read(s.db, table.Name), "search_type", "bogus"), 500, ""},
		{"keys without keys", s.basic(), with(read(s.db, table.Name), "search_type", "hash_value"), 500, ""},
		{"users without users", s.basic(), with(read(s.db, table.Name), "search_type", "username"), 500, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer := s.opAs(t, c.auth, c.body)
			if status != c.status || c.answer != "" && canonical(answer) != canonical(c.answer) {
				t.Errorf("%d %s, want %d %s", status, answer, c.status, c.answer)
			}
		})
	}
	for _, c := range []struct {
		name   string
		client *harper.Client
		table  audit.Table
		want   error
	}{
		{"no credentials", s.connect(t, "", ""), table, harper.ErrUnauthorized},
		{"wrong password", s.connect(t, s.cfg.Username, "wrong"), table, harper.ErrUnauthorized},
		{"no table", s.client, audit.Table{Database: s.db, Name: "nope"}, harper.ErrNotFound},
		{"no database", s.client, audit.Table{Database: "nope", Name: "x"}, harper.ErrNotFound},
	} {
		t.Run("client/"+c.name, func(t *testing.T) {
			if n, err := readAs(t, c.client, c.table); n > 0 || !errors.Is(err, c.want) {
				t.Errorf("the log: %d rows, %v, want %v", n, err, c.want)
			}
			if _, err := c.client.DescribeTable(testContext(t), c.table); !errors.Is(err, c.want) {
				t.Errorf("the description: %v, want %v", err, c.want)
			}
			if _, err := c.client.RecordHistory(testContext(t), c.table, []audit.ID{`1`}); !errors.Is(err, c.want) {
				t.Errorf("a history: %v, want %v", err, c.want)
			}
		})
	}
	t.Run("rest", func(t *testing.T) {
		s.needREST(t)
		if status, text := s.rest(t, "GET", audit.Table{Name: "nope"}, "1", ""); status != 404 || strings.TrimSpace(text) != "Not found" {
			t.Errorf("an unknown path: %d %q", status, text)
		}
		if status, _, _ := s.send(t, "GET", s.cfg.RESTURL+"/Dog/1", nil, nil); status != 401 {
			t.Errorf("without credentials: %d", status)
		}
		id := s.prefix + "bad"
		status, text := s.op(t, fields{"operation": "upsert", "database": "contract", "table": "Dog", "records": []any{fields{"id": id + "1", "age": 1}, fields{"id": id + "2", "age": "no"}}})
		if status != 400 || !strings.Contains(text, "must be an integer") {
			t.Errorf("a value of the wrong type: %d %s", status, text)
		}
		if status, text := s.rest(t, "GET", dogs, id+"1", ""); status != 404 || text != s.line.restGone {
			t.Errorf("the record beside it: %d %q", status, text)
		}
	})
}

// testUsers makes users of less power and asks what they may do.
func (s *suite) testUsers(t *testing.T) {
	table, other := s.table(t), s.table(t)
	all := fields{"read": true, "insert": true, "update": true, "delete": true, "attribute_permissions": []any{}}
	clerk := s.addUser(t, "clerk", fields{"super_user": false, s.db: fields{"tables": fields{table.Name: all}}})
	c := s.connect(t, clerk, "pw")
	one := []audit.Value{parse(t, `{"id":1}`)}
	if _, err := c.Upsert(testContext(t), table, one); err != nil {
		t.Errorf("a write that is allowed: %v", err)
	}
	if _, err := c.Upsert(testContext(t), other, one); !errors.Is(err, harper.ErrForbidden) && !errors.Is(err, harper.ErrNotFound) {
		t.Errorf("a write that is not: %v", err)
	}
	if status, text := s.opAs(t, basicOf(clerk, "pw"), fields{"operation": "insert", "database": s.db, "table": other.Name, "records": []any{fields{"id": 1}}}); status != 403 || !strings.Contains(text, `"Table '`+other.String()+`' does not exist"`) {
		t.Errorf("a table that is not this user's: %d %s", status, text)
	}
	if n, err := readAs(t, c, table); n > 0 || !errors.Is(err, harper.ErrForbidden) {
		t.Errorf("the log as a clerk: %d rows, %v", n, err)
	}
	if got := transcript(s.scan(t, table, 0, 0), s.cfg.Username); len(got) != 1 || got[0] != "upsert ("+clerk+") 1 {}" {
		t.Errorf("the log names the writer so: %q", got)
	}
	if s.cfg.RESTURL != "" {
		t.Run("rest", func(t *testing.T) {
			s.needREST(t)
			status, text, _ := s.send(t, "GET", s.cfg.RESTURL+"/Dog/1", nil, http.Header{"Authorization": {basicOf(clerk, "pw")}})
			if status != 403 || canonical(string(text)) != canonical(s.line.restDenied) {
				t.Errorf("%d %s, want 403 %s", status, text, s.line.restDenied)
			}
		})
	}
	s.mustOp(t, fields{"operation": "alter_user", "username": clerk, "active": false})
	const inactive = `{"error":"Cannot complete request: User is inactive"}`
	if !soon(func() bool {
		status, text := s.opAs(t, basicOf(clerk, "pw"), fields{"operation": "user_info"})
		return status == 401 && text == inactive
	}) {
		t.Error("an inactive user still gets in")
	}
	t.Run("operations", func(t *testing.T) { s.testOperationsRole(t, table) })
	t.Run("log of users", func(t *testing.T) {
		rows := s.scan(t, audit.Table{Database: "system", Name: "hdb_user"}, 0, 0)
		for _, row := range rows {
			if row.ID == audit.ID(audit.Text(clerk).JSON()) {
				if row.User != "" || row.Record.Get("password").Text() == "" {
					t.Errorf("by %q: %v", row.User, row.Record.Names())
				}
				return
			}
		}
		t.Error("the new user is not in the log of hdb_user")
	})
}

// testOperationsRole wants of the RocksDB line that a role may read the audit
// log by name, and shows how far that goes.
func (s *suite) testOperationsRole(t *testing.T, table audit.Table) {
	permission := fields{"super_user": false, "operations": []any{"read_audit_log", "read_only"}}
	if !s.line.operationsRole {
		status, text := s.op(t, fields{"operation": "add_role", "role": s.prefix + "auditor", "permission": permission})
		if status != 400 || !strings.Contains(text, "database 'operations' does not exist") {
			t.Errorf("a role with operations: %d %s", status, text)
		}
		return
	}
	auditor := s.connect(t, s.addUser(t, "auditor", permission), "pw")
	if n, err := readAs(t, auditor, table); err != nil || n != 1 {
		t.Errorf("the auditor reads %d rows, %v", n, err)
	}
	if n, err := readAs(t, auditor, audit.Table{Database: "system", Name: "hdb_user"}); (err == nil && n > 0) != s.line.roleReadsUsers {
		t.Errorf("the auditor reads %d rows of hdb_user, %v", n, err)
	}
	if _, err := auditor.Call(testContext(t), fields{"operation": "insert", "database": table.Database, "table": table.Name, "records": []any{fields{"id": 2}}}); !errors.Is(err, harper.ErrForbidden) {
		t.Errorf("the auditor writes: %v", err)
	}
	if all, err := auditor.DescribeAll(testContext(t)); err != nil || len(all) > 0 {
		t.Errorf("the auditor is shown %d tables, %v", len(all), err)
	}
	s.testObserver(t, table)
}

// readAs counts the rows of a log as far as a client may read it.
func readAs(t *testing.T, c *harper.Client, table audit.Table) (rows int, err error) {
	t.Helper()
	for _, err := range c.AuditLog(testContext(t), harper.AuditQuery{Table: table}) {
		if err != nil {
			return rows, err
		}
		rows++
	}
	return rows, nil
}

// addUser makes a role and a user of it, with the password "pw".
func (s *suite) addUser(t *testing.T, name string, permission fields) string {
	t.Helper()
	name = s.prefix + name
	s.mustOp(t, fields{"operation": "add_role", "role": name, "permission": permission})
	t.Cleanup(func() { s.mustOp(t, fields{"operation": "drop_role", "id": name}) })
	s.mustOp(t, fields{"operation": "add_user", "role": name, "username": name, "password": "pw", "active": true})
	t.Cleanup(func() { s.mustOp(t, fields{"operation": "drop_user", "username": name}) })
	if !soon(func() bool {
		status, _ := s.opAs(t, basicOf(name, "pw"), fields{"operation": "user_info"})
		return status == http.StatusOK || status == http.StatusForbidden // a role may not have it
	}) {
		t.Fatalf("user %s cannot log in", name)
	}
	return name
}

// soon asks again and again, because a Harper may know a change of its users a
// moment later than it answers.
func soon(ok func() bool) bool {
	for end := time.Now().Add(10 * time.Second); ; {
		if ok() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// testTokens trades the password for tokens.
func (s *suite) testTokens(t *testing.T) {
	// A user of its own: another login of the same user can end its refresh token.
	user := s.addUser(t, "token", fields{"super_user": true})
	login := fields{"operation": "create_authentication_tokens", "username": user, "password": "pw"}
	status, text := s.opAs(t, "", login)
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	tokens := parse(t, text)
	token, refresh := tokens.Get("operation_token").Text(), tokens.Get("refresh_token").Text()
	who := fields{"operation": "user_info"}
	if status, text := s.opAs(t, "Bearer "+token, who); status != 200 || parse(t, text).Get("username").Text() != user {
		t.Errorf("with the token: %d %s", status, text)
	}
	if status, text := s.opAs(t, "Bearer "+refresh, who); status != 401 || text != `{"error":"invalid token"}` {
		t.Errorf("with the other token: %d %s", status, text)
	}
	// The RocksDB line may refuse a refresh token for a moment after making it.
	soon(func() bool {
		status, text = s.opAs(t, "Bearer "+refresh, fields{"operation": "refresh_operation_token"})
		return status == 200
	})
	if status != 200 {
		t.Fatalf("refresh: %d %s", status, text)
	}
	if status, _ := s.opAs(t, "Bearer "+parse(t, text).Get("operation_token").Text(), who); status != 200 {
		t.Errorf("with the renewed token: %d", status)
	}
	if status, _ := s.opAs(t, "", login); status != 200 {
		t.Errorf("a second login: %d", status)
	}
	if status, _ := s.opAs(t, "Bearer "+token, who); status != 200 {
		t.Errorf("the token of the first login after a second: %d", status)
	}
	short := fields{"expires_in": "1ms"}
	maps.Copy(short, login)
	_, text = s.opAs(t, "", short)
	if status, text := s.opAs(t, "Bearer "+parse(t, text).Get("operation_token").Text(), who); status != 401 || canonical(text) != `{"error":"token expired"}` {
		t.Errorf("with an expired token: %d %s", status, text)
	}
	login["password"] = "wrong"
	if status, text := s.opAs(t, "", login); status != 401 || text != `{"error":"invalid credentials"}` {
		t.Errorf("tokens for a wrong password: %d %s", status, text)
	}

	table := s.table(t)
	c, err := harper.New(harper.Options{Target: s.cfg.OpsURL, Username: user, Password: "pw", JWT: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Insert(testContext(t), table, []audit.Value{parse(t, `{"id":1}`)}); err != nil {
		t.Fatal(err)
	}
	if row := s.scan(t, table, 0, 0)[0]; row.User != user {
		t.Errorf("a write with a token is by %q", row.User)
	}
}
