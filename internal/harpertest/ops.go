package harpertest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"recourse/audit"
)

// Versions that the two lines report.
const (
	versionLMDB    = "5.0.0-unreleased"
	versionRocksDB = "5.1.14"
)

// An opError is an answer that is none. Harper names its class in REST answers.
type opError struct {
	status int
	class  string
	msg    string
	body   obj // of the operations API, instead of {"error":msg}
}

func (e *opError) Error() string { return e.msg }

func clientError(status int, format string, args ...any) *opError {
	return &opError{status: status, class: "ClientError", msg: fmt.Sprintf(format, args...)}
}

// asOpError turns any error into an answer; what Harper throws unawares is a
// 500.
func asOpError(err error) *opError {
	if op, ok := errors.AsType[*opError](err); ok {
		return op
	}
	if js, ok := errors.AsType[*jsError](err); ok {
		return &opError{status: 500, class: js.class, msg: js.msg}
	}
	return &opError{status: 500, class: "Error", msg: err.Error()}
}

// A stream is an answer that Harper sends piece by piece: a scan of the log,
// ended by err if something in it cannot be read, or a search.
type stream struct {
	items []any
	costs []time.Duration // before each of the items; nil: none
	err   error
}

// op is one request to the operations API.
type op struct {
	s    *Server
	name string
	body audit.Value
	user *User
	http *http.Request
}

func (o *op) text(name string) string { return o.body.Get(name).Text() }

// target is the table a request names, under either of Harper's words for a
// database.
func (o *op) target() audit.Table {
	db := o.text("database")
	if db == "" {
		db = o.text("schema")
	}
	if db == "" {
		db = "data"
	}
	return audit.Table{Database: db, Name: o.text("table")}
}

// operations are the requests that the server understands. Each runs with the
// lock held: for reading or, when it writes, alone.
var operations = map[string]struct {
	run    func(*op) (any, error)
	writes bool
}{
	"describe_all":                   {(*op).describeAll, false},
	"describe_database":              {(*op).describeDatabase, false},
	"describe_schema":                {(*op).describeDatabase, false},
	"describe_table":                 {(*op).describeTable, false},
	"create_database":                {(*op).createDatabase, true},
	"create_schema":                  {(*op).createDatabase, true},
	"create_table":                   {(*op).createTable, true},
	"drop_database":                  {(*op).dropDatabase, true},
	"drop_schema":                    {(*op).dropDatabase, true},
	"drop_table":                     {(*op).dropTable, true},
	"create_attribute":               {(*op).createAttribute, true},
	"drop_attribute":                 {(*op).dropAttribute, true},
	"insert":                         {(*op).upsert, true},
	"update":                         {(*op).upsert, true},
	"upsert":                         {(*op).upsert, true},
	"delete":                         {(*op).delete, true},
	"sql":                            {(*op).sql, true},
	"catchup":                        {(*op).catchup, true},
	"search_by_id":                   {(*op).searchByID, false},
	"search_by_hash":                 {(*op).searchByID, false},
	"search_by_value":                {(*op).searchByValue, false},
	"search_by_conditions":           {(*op).searchByConditions, false},
	"read_audit_log":                 {(*op).readAuditLog, true}, // the retention is applied first
	"read_transaction_log":           {(*op).readTransactionLog, true},
	"delete_audit_logs_before":       {(*op).deleteLogsBefore, true},
	"delete_transaction_logs_before": {(*op).deleteLogsBefore, true},
	"delete_records_before":          {(*op).deleteRecordsBefore, true},
	"csv_data_load":                  {(*op).csvDataLoad, true},
	"get_job":                        {(*op).getJob, false},
	"search_jobs_by_start_date":      {(*op).searchJobs, false},
	"add_user":                       {(*op).addUser, true},
	"alter_user":                     {(*op).alterUser, true},
	"drop_user":                      {(*op).dropUser, true},
	"add_role":                       {(*op).addRole, true},
	"alter_role":                     {(*op).alterRole, true},
	"drop_role":                      {(*op).dropRole, true},
	"list_users":                     {(*op).listUsers, false},
	"list_roles":                     {(*op).listRoles, false},
	"get_configuration":              {(*op).getConfiguration, false},
	"get_backup":                     {(*op).getBackup, false},
	"cluster_status":                 {(*op).clusterStatus, false},
	"user_info":                      {(*op).userInfo, false},
	"create_authentication_tokens":   {(*op).createTokens, true},
	"refresh_operation_token":        {(*op).refreshToken, false},
	"system_information":             {(*op).systemInformation, false},
	"registration_info":              {(*op).registrationInfo, false},
}

// acceptable are the answers' formats that the server can give of those that
// Harper has.
var acceptable = map[string]string{
	"": "json", "*/*": "json", "application/*": "json", "application/json": "json",
	"application/cbor": "cbor", "application/x-msgpack": "msgpack",
}

func formatOf(accept string) (string, bool) {
	for part := range strings.SplitSeq(accept, ",") {
		name, _, _ := strings.Cut(part, ";")
		if f, ok := acceptable[strings.TrimSpace(name)]; ok {
			return f, true
		}
	}
	return "", false
}

func (s *Server) serveOps(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/openapi/rest" {
		s.openAPI(w, r)
		return
	}
	if r.URL.Path == "/health" {
		_, _ = io.WriteString(w, "HarperDB is running.")
		return
	}
	body, q, early := s.readRequest(r)
	if s.hinder(&w, r, q) {
		return
	}
	h := w.Header()
	if s.line == LMDB {
		h.Set("Server", "HarperDB")
	}
	h.Set("Vary", "Origin")
	format, ok := formatOf(r.Header.Get("Accept"))
	if early != nil {
		writeAnswer(w, "json", early.status, early.object())
		return
	}
	if !ok {
		s.notAcceptable(w)
		return
	}
	answer, err := s.operate(r, body)
	if err != nil {
		e := asOpError(err)
		writeAnswer(w, format, e.status, e.object())
		return
	}
	if st, ok := answer.(*stream); ok {
		writeStream(w, r, s, format, st)
		return
	}
	writeAnswer(w, format, 200, answer)
}

func (s *Server) notAcceptable(w http.ResponseWriter) {
	types := "application/json, application/cbor, application/x-msgpack, text/csv, text/plain, text/yaml, "
	if s.line == RocksDB {
		types += "application/x-ndjson, application/ndjson, "
	}
	writeAnswer(w, "json", 406, obj{
		{"statusCode", 406}, {"error", "Not Acceptable"},
		{"message", "No supported content types found in Accept header, supported types include: " + types + "text/event-stream, application/x-www-form-urlencoded, */*, "},
	})
}

// object is the body of an answer in the operations API's form.
func (e *opError) object() any {
	if e.body != nil {
		return e.body
	}
	return obj{{"error", e.msg}}
}

// readRequest reads the body and says what can be said of a request without
// knowing who sends it.
func (s *Server) readRequest(r *http.Request) (audit.Value, Request, *opError) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, Request{}, clientError(400, "request aborted")
	}
	body, early := s.decodeBody(r.Header.Get("Content-Type"), data)
	o := op{body: body}
	q := Request{Operation: o.text("operation"), Body: body}
	if q.Operation != "" {
		q.Table = o.target()
	}
	return body, q, early
}

func (s *Server) decodeBody(contentType string, data []byte) (audit.Value, *opError) {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch mediaType {
	case "application/json", "text/plain", "":
		if len(data) == 0 {
			return nil, clientError(400, "Body cannot be empty when content-type is set to 'application/json'")
		}
		v, err := audit.FromJSON(data)
		if err != nil {
			return nil, s.badJSON(err)
		}
		return likeJSONParse(v), nil
	case "application/cbor":
		v, err := audit.Decode(data)
		if err != nil {
			return nil, clientError(400, "%v", err)
		}
		return v, nil
	}
	if s.line == RocksDB {
		return nil, clientError(415, "Unsupported Media Type")
	}
	return nil, clientError(415, "Unsupported Media Type: %s", contentType)
}

func (s *Server) badJSON(err error) *opError {
	switch {
	case s.line == RocksDB:
		return clientError(400, "Body is not valid JSON but content-type is set to 'application/json'")
	case errors.Is(err, audit.ErrTruncated):
		return clientError(400, "Unexpected end of JSON input")
	}
	return clientError(400, "%v", err)
}

// operate authenticates, authorises and runs a request.
func (s *Server) operate(r *http.Request, body audit.Value) (any, error) {
	u, denied := s.authenticate(r)
	name := body.Get("operation").Text()
	o := &op{s: s, name: name, body: body, user: u, http: r}
	switch {
	case denied != nil && name != "refresh_operation_token":
		return nil, denied
	case name == "":
		return nil, clientError(400, "Request body must include an 'operation' property.")
	case u == nil && name != "create_authentication_tokens" && name != "refresh_operation_token":
		return nil, unauthorized("Must login")
	}
	run, known := operations[name]
	if !known || name == "registration_info" && s.line == LMDB {
		return nil, clientError(400, "Operation '%s' not found", name)
	}
	if u != nil {
		if denied := s.permit(u, name); denied != nil {
			return nil, denied
		}
	}
	if run.writes {
		s.mu.Lock()
		defer s.mu.Unlock()
	} else {
		s.mu.RLock()
		defer s.mu.RUnlock()
	}
	return run.run(o)
}
