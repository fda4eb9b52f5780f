package harpertest_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// Config says which Harper a [Suite] runs against, and as whom.
type Config struct {
	OpsURL   string // the operations API
	RESTURL  string // the REST interface; empty skips what needs it
	Username string // a super user
	Password string

	// Future, if it can be done, writes a record whose version lies in the
	// future, as only a server's own code can. Nil skips what needs it.
	Future func(t *testing.T, table audit.Table, record audit.Value)
	// Throwaway says that the REST tables hold nothing that anybody needs.
	Throwaway bool
}

// The REST parts use two tables that a Harper can only have from a schema file,
// in a component of any name with "rest: true" and "graphqlSchema" on:
//
//	type Dog @table(database: "contract") @export { id: ID @primaryKey
//	  name: String  age: Int  owner: String  n: Float  tags: Any }
//	type Thing @table(database: "contract") @export { id: Any @primaryKey }
var (
	dogs   = audit.Table{Database: "contract", Name: "Dog"}
	things = audit.Table{Database: "contract", Name: "Thing"}
)

// A line is a generation of Harper by what its storage makes of the audit log.
// Everything in which the lines differ, and on which the program relies, is
// either in this table or in the scripts, where L and R mark the line.
type line struct {
	name string
	mark string // how the scripts mark what only this line says

	idsField bool   // groups name their keys "ids", else "hash_values"
	keyField string // what describe_all calls the primary key

	// A database of the LMDB line keeps its log in the order of commits, by a
	// clock that the answers do not show and that ranges go by. On RocksDB
	// there is one clock.
	rangeCutsGroups bool
	openNull        bool   // [from, null] has no end, else it is empty
	textRange       string // the error that a range of text ends in; empty: the whole log, silently
	negativeIsAll   bool   // [-1] is the whole log, else it is empty

	historyNamesPuts bool // hash_value says insert where a scan says insert, else upsert
	databaseAlone    bool // read_audit_log without "schema" works

	addOverOps     bool // the operations API adds up {"__op__":"add"}, else stores it
	operationsRole bool // a role may be allowed read_audit_log by name
	roleReadsUsers bool // and reads with it the password hashes of every user

	restDenied string // how REST says that a record is not for this user
	restGone   string // the body of REST's 404
}

var lines = []line{
	{
		name: "LMDB", mark: "L",
		keyField:        "hash_attribute",
		rangeCutsGroups: true,
		restDenied:      `"AccessViolation: Unauthorized access to resource"`,
	},
	{
		name: "RocksDB", mark: "R",
		idsField: true, keyField: "primary_key",
		openNull: true, textRange: "Error: A number was expected", negativeIsAll: true,
		historyNamesPuts: true, databaseAlone: true,
		addOverOps: true, operationsRole: true, roleReadsUsers: true,
		restDenied: `{"code":"AccessViolation","instance":"/Dog/1","status":403,"title":"Unauthorized access to resource","type":"error:AccessViolation"}`,
		restGone:   "null",
	},
}

// A suite is one run against one server.
type suite struct {
	cfg    Config
	line   line
	db     string // a database of this run's own
	prefix string // what this run's ids in shared tables begin with
	client *harper.Client
	http   *http.Client
	tables int
}

// Suite holds a Harper to what the program relies on. Run against the stand-in
// it shows that the tests of the other packages rest on something; run against
// a real one, that the something is Harper.
func Suite(t *testing.T, cfg Config) {
	s := newSuite(t, cfg)
	t.Logf("line %s", s.line.name)
	for _, part := range suiteParts {
		t.Run(part.name, func(t *testing.T) { part.run(s, t) })
	}
}

// suiteParts are the suite's, in order: the last leaves a record that cannot be
// deleted.
var suiteParts = []struct {
	name string
	run  func(*suite, *testing.T)
}{
	{"describe", (*suite).testDescribe},
	{"server", (*suite).testServer},
	{"about", (*suite).testAbout},
	{"script", (*suite).testScripts},
	{"ranges", (*suite).testRanges},
	{"clocks", (*suite).testClocks},
	{"poison", (*suite).testPoison},
	{"hidden transaction", (*suite).testHiddenTransaction},
	{"keys", (*suite).testKeys},
	{"values", (*suite).testValues},
	{"history", (*suite).testHistory},
	{"state", (*suite).testState},
	{"pages", (*suite).testPages},
	{"events", (*suite).testEvents},
	{"unlogged", (*suite).testUnlogged},
	{"nobody", (*suite).testNobody},
	{"backup", (*suite).testBackup},
	{"rest", (*suite).testREST},
	{"delete if", (*suite).testDeleteIf},
	{"errors", (*suite).testErrors},
	{"users", (*suite).testUsers},
	{"tokens", (*suite).testTokens},
	{"traps", (*suite).testTraps},
	{"future", (*suite).testFuture},
}

func newSuite(t *testing.T, cfg Config) *suite {
	t.Helper()
	var r [4]byte
	if _, err := rand.Read(r[:]); err != nil {
		t.Fatal(err)
	}
	id := hex.EncodeToString(r[:])
	s := &suite{
		cfg: cfg, db: "recourse_contract_" + id, prefix: "k" + id + "-",
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}},
	}
	s.client = s.connect(t, cfg.Username, cfg.Password)
	t.Cleanup(s.http.CloseIdleConnections)
	s.mustOp(t, fields{"operation": "create_database", "database": s.db})
	t.Cleanup(func() { s.mustOp(t, fields{"operation": "drop_database", "database": s.db}) })
	s.line = s.detect(t)
	return s
}

// detect tells the line as the program has to: by what a group calls its keys.
func (s *suite) detect(t *testing.T) line {
	t.Helper()
	table := s.table(t)
	s.mustOp(t, fields{"operation": "insert", "database": s.db, "table": table.Name, "records": []any{fields{"id": "1"}}})
	rows := s.scan(t, table, 0, 0)
	if len(rows) != 1 {
		t.Fatalf("the log of one insert holds %d rows", len(rows))
	}
	i := slices.IndexFunc(lines, func(l line) bool { return l.idsField == rows[0].IDsField })
	return lines[i]
}

// table makes a table for one test alone, without a schema.
func (s *suite) table(t *testing.T) audit.Table {
	t.Helper()
	s.tables++
	name := "t" + strconv.Itoa(s.tables)
	s.mustOp(t, fields{"operation": "create_table", "database": s.db, "table": name, "primary_key": "id"})
	return audit.Table{Database: s.db, Name: name}
}

// needREST skips a test that needs the REST tables where there are none.
func (s *suite) needREST(t *testing.T) {
	t.Helper()
	if s.cfg.RESTURL == "" {
		t.Skip("no REST URL (HARPER_TEST_REST_URL)")
	}
	for _, table := range []audit.Table{dogs, things} {
		if status, _ := s.op(t, fields{"operation": "describe_table", "database": table.Database, "table": table.Name}); status != http.StatusOK {
			t.Skipf("no table %s: it needs a component whose schema is in the comment on dogs and things", table)
		}
	}
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// connect is our client, as a user.
func (s *suite) connect(t *testing.T, username, password string) *harper.Client {
	t.Helper()
	c, err := harper.New(harper.Options{
		Target: s.cfg.OpsURL, REST: s.cfg.RESTURL, Username: username, Password: password, Timeout: 30 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
