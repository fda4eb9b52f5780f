package harpertest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"recourse/audit"
)

// Access is what a user without super rights may do with records.
type Access uint8

// The kinds of access.
const (
	FullAccess Access = iota // read and write every table but the system's
	ReadOnly                 // read them
	NoAccess
)

// A User can log in. Whoever is no super user has a role of their own.
type User struct {
	Name       string
	Password   string
	SuperUser  bool
	Inactive   bool
	Operations []string // RocksDB: a role's allow-list, operations or groups such as read_only; nil: none is set
	Tables     Access
	Role       string // empty: super_user, or a role named after the user

	permission audit.Value // of a role made by add_role; nil: Tables counts
}

func (u *User) role() string {
	switch {
	case u.Role != "":
		return u.Role
	case u.SuperUser:
		return "super_user"
	}
	return u.Name + "_role"
}

// AddUser adds a user, or replaces one.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addUser(u)
}

func (s *Server) addUser(u User) {
	known := s.user(u.Name) != nil
	u.permission = nil
	s.users = append(slices.DeleteFunc(s.users, func(o *User) bool { return o.Name == u.Name }), &u)
	if role := s.table(roleTable).records[textID(u.role())]; role.live() {
		if s.granted[u.role()] {
			s.grant(&u, role.value.Get("permission"))
		}
	} else {
		fields := map[string]audit.Value{"id": audit.Text(u.role()), "role": audit.Text(u.role()), "permission": audit.Object(map[string]audit.Value{"super_user": audit.Bool(u.SuperUser)})}
		s.systemWrite("hdb_role", audit.OpInsert, textID(u.role()), audit.Object(fields))
	}
	op := audit.OpInsert
	if known {
		op = audit.OpUpdate
	}
	s.systemWrite("hdb_user", op, textID(u.Name), audit.Object(map[string]audit.Value{
		"username": audit.Text(u.Name), "password": audit.Text(hashPassword(u.Password)), "active": audit.Bool(!u.Inactive),
		"role": audit.Text(u.role()), "hash_function": audit.Text("sha256"),
	}))
}

var roleTable = audit.Table{Database: "system", Name: "hdb_role"}

// grant gives a user what a role made through the operations API allows.
func (s *Server) grant(u *User, permission audit.Value) {
	u.SuperUser, u.permission = permission.Get("super_user").Bool(), permission
	if ops := permission.Get("operations"); ops != nil {
		u.Operations = []string{}
		for e := range ops.Elems() {
			u.Operations = append(u.Operations, e.Text())
		}
	}
}

// textID is the id of a text.
func textID(s string) audit.ID {
	id, _ := audit.IDOf(audit.Text(s)) // a text is always an id
	return id
}

// hashPassword is of the shape of Harper's: nine characters of salt and a
// digest.
func hashPassword(password string) string {
	salt := rand.Text()[:9]
	sum := sha256.Sum256([]byte(password + salt))
	return salt + hex.EncodeToString(sum[:])
}

// user is the user of that name, or nil.
func (s *Server) user(name string) *User {
	for _, u := range s.users {
		if u.Name == name {
			return u
		}
	}
	return nil
}

type userKey struct{}

// UserOf names the user of a request that came to a handler of [Server.Handle].
func UserOf(ctx context.Context) string {
	u, _ := ctx.Value(userKey{}).(*User)
	if u == nil {
		return ""
	}
	return u.Name
}

// authenticate finds who sends a request; nil without credentials.
func (s *Server) authenticate(r *http.Request) (*User, *opError) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	header := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok {
		return s.bearer(token, "operation")
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		if r.Context().Value(socketKey{}) != nil {
			for _, u := range s.users {
				if u.SuperUser {
					return u, nil
				}
			}
		}
		return nil, nil
	}
	return s.login(name, password, "Login failed")
}

func (s *Server) login(name, password, failed string) (*User, *opError) {
	u := s.user(name)
	if u == nil || subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) != 1 {
		return nil, unauthorized(failed)
	}
	if u.Inactive {
		return nil, unauthorized("Cannot complete request: User is inactive")
	}
	return u, nil
}

func unauthorized(msg string) *opError {
	return &opError{status: 401, class: "AccessViolation", msg: msg}
}

// readOnlyOperations is the group read_only of 5.1
// (utility/operationPermissions.ts).
const readOnlyOperations = " search search_by_conditions search_by_hash search_by_id search_by_value sql describe_all describe_schema describe_database describe_table user_info get_job get_analytics list_metrics describe_metric "

// adminReadOperations is the group admin_read of 5.1.
const adminReadOperations = " get_configuration read_log read_audit_log get_custom_functions get_custom_function get_components get_component_file "

const writeOperations = " insert update upsert delete csv_data_load csv_file_load csv_url_load import_from_s3 "

// listed says that a role's allow-list contains an operation.
func (u *User) listed(op string) bool {
	word := " " + op + " "
	for _, o := range u.Operations {
		switch o {
		case op:
			return true
		case "read_only":
			if strings.Contains(readOnlyOperations, word) {
				return true
			}
		case "admin_read":
			if strings.Contains(adminReadOperations, word) {
				return true
			}
		case "standard_user":
			if strings.Contains(readOnlyOperations+writeOperations, word) {
				return true
			}
		}
	}
	return false
}

// superOnly are the operations that need a super user.
const superOnly = " read_audit_log read_transaction_log delete_audit_logs_before delete_transaction_logs_before delete_records_before search_jobs_by_start_date" +
	" create_database create_schema create_table drop_table drop_database drop_schema create_attribute drop_attribute add_user alter_user drop_user list_users" +
	" add_role alter_role drop_role list_roles get_configuration cluster_status system_information catchup get_backup registration_info "

// neverListed stay with super users even when a role lists them.
const neverListed = " read_transaction_log search_jobs_by_start_date registration_info "

// permit says whether a user may call an operation at all.
func (s *Server) permit(u *User, op string) *opError {
	if u.SuperUser {
		return nil
	}
	if s.line == RocksDB && u.Operations != nil {
		never := strings.Contains(neverListed, " "+op+" ")
		if u.listed(op) && !never {
			return nil
		}
		if never {
			op = camel(op)
		}
		return forbidden([]any{"Operation '" + op + "' is not permitted for this role's operations configuration"}, []any{})
	}
	if !strings.Contains(superOnly, " "+op+" ") {
		return nil
	}
	return forbidden([]any{"Operation '" + camel(op) + "' is restricted to 'super_user' roles"}, []any{})
}

func forbidden(why, items []any) *opError {
	const msg = "This operation is not authorized due to role restrictions and/or invalid database items"
	return &opError{status: 403, class: "AccessViolation", msg: msg, body: obj{{"error", msg}, {"unauthorized_access", why}, {"invalid_schema_items", items}}}
}

// camel is the name of the function behind an operation.
func camel(op string) string {
	parts := strings.Split(op, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

// permitTable says whether a user may do what with a table's records. Tables of
// which a role knows nothing do not exist for it.
func permitTable(u *User, t audit.Table, what string) *opError {
	known, allowed := true, u.Tables == FullAccess || u.Tables == ReadOnly && what == "read"
	switch {
	case u.SuperUser:
		return nil
	case t.Database == "system":
		allowed = false
	case u.permission != nil:
		access := u.permission.Get(t.Database).Get("tables").Get(t.Name)
		known, allowed = access != nil, access.Get(what).Bool()
	case u.Tables == NoAccess:
		known = false
	}
	switch {
	case !known:
		return forbidden([]any{}, []any{"Table '" + t.String() + "' does not exist"})
	case !allowed:
		return forbidden([]any{obj{{"schema", t.Database}, {"table", t.Name}, {"required_table_permissions", []any{what}}, {"required_attribute_permissions", []any{}}}}, []any{})
	}
	return nil
}
