package harpertest

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
)

// systemTables makes the tables that Harper keeps about itself; they are
// audited like any other, but no user is named.
func (s *Server) systemTables() {
	times := Schema{Created: "__createdtime__", Updated: "__updatedtime__"}
	make := func(name, pk string, sc Schema, attrs ...string) {
		sc.PrimaryKey, sc.Attributes = pk, []Attribute{{Name: pk}}
		for _, a := range attrs {
			sc.Attributes = append(sc.Attributes, Attribute{Name: a, Indexed: true})
		}
		s.addTable(audit.Table{Database: "system", Name: name}, newSchema(sc))
	}
	times.NoAudit = s.noSystem
	make("hdb_nodes", "name", Schema{NoAudit: s.noSystem}, "url", "routes", "shard", "subscriptions", "system_info", "revoked_certificates")
	make("hdb_user", "username", times, "password", "role", "active", "refresh_token", "hash_function", "__createdtime__", "__updatedtime__")
	make("hdb_role", "id", times, "role", "permission", "__createdtime__", "__updatedtime__")
	make("hdb_job", "id", times, "type", "status", "user", "start_datetime", "end_datetime", "created_datetime", "message", "request", "result", "__createdtime__", "__updatedtime__")
}

// systemWrite writes a system table's record; the lock is held, or the server
// is not yet known to anybody.
func (s *Server) systemWrite(name string, op audit.Op, id audit.ID, v audit.Value, gone ...string) {
	err := s.commit(&commit{origin: op, writes: []*write{{name: audit.Table{Database: "system", Name: name}, kind: "merge", id: id, value: v, gone: gone}}})
	if err != nil {
		panic("harpertest: " + err.Error()) // unreachable: the system's tables take any value
	}
}

func (o *op) userInfo() (any, error) { return o.describeUser(o.user), nil }

func (o *op) describeUser(u *User) obj {
	permission := obj{{"super_user", u.SuperUser}}
	if u.Operations != nil {
		var ops []any
		for _, name := range u.Operations {
			ops = append(ops, name)
		}
		permission = append(permission, field{"operations", ops})
	}
	return obj{{"active", !u.Inactive}, {"username", u.Name}, {"role", obj{{"permission", permission}, {"role", u.role()}, {"id", u.role()}}}}
}

func (o *op) listUsers() (any, error) {
	out := []any{}
	for _, u := range o.s.users {
		out = append(out, o.describeUser(u))
	}
	return out, nil
}

func (o *op) addUser() (any, error) {
	name := o.text("username")
	var blank []string
	for _, f := range []string{"username", "password", "role", "active"} {
		if o.body.Get(f) == nil {
			blank = append(blank, strings.ToUpper(f[:1])+f[1:]+" can't be blank")
		}
	}
	if blank != nil {
		return nil, clientError(400, "%s", strings.Join(blank, ","))
	}
	if o.s.user(name) != nil {
		return nil, clientError(409, "User %s already exists", name)
	}
	active := o.body.Get("active")
	role := o.s.table(roleTable).records[textID(o.text("role"))]
	if !role.live() {
		return nil, clientError(404, "%s role not found", o.text("role"))
	}
	super := role.value.Get("permission").Get("super_user").Bool()
	o.s.addUser(User{Name: name, Password: o.text("password"), Role: o.text("role"), SuperUser: super, Inactive: active != nil && !active.Bool()})
	return done(name + " successfully added"), nil
}

func (o *op) alterUser() (any, error) {
	name := o.text("username")
	u := o.s.user(name)
	if u == nil {
		return obj{{"message", "updated 0 of 1 records"}, {"txn_time", 0}, {"update_hashes", []any{}}, {"skipped_hashes", []any{name}}}, nil
	}
	fields := map[string]audit.Value{"username": audit.Text(name)}
	if p := o.text("password"); p != "" {
		u.Password = p
		fields["password"], fields["hash_function"] = audit.Text(hashPassword(p)), audit.Text("sha256")
	}
	if a := o.body.Get("active"); a != nil {
		u.Inactive = !a.Bool()
		fields["active"] = a
	}
	if r := o.text("role"); r != "" {
		role := o.s.table(roleTable).records[textID(r)]
		if !role.live() {
			return nil, clientError(404, "%s role not found", r)
		}
		u.Role = r
		o.s.grant(u, role.value.Get("permission"))
		fields["role"] = audit.Text(r)
	}
	o.s.systemWrite("hdb_user", audit.OpUpdate, textID(name), audit.Object(fields))
	time := audit.Time(0)
	if o.s.line == RocksDB {
		time = o.s.lastVersion
	}
	return obj{{"message", "updated 1 of 1 records"}, {"txn_time", time}, {"update_hashes", []any{name}}, {"skipped_hashes", []any{}}}, nil
}

func (o *op) dropUser() (any, error) {
	name := o.text("username")
	if o.s.user(name) == nil {
		return nil, clientError(404, "User %s does not exist", name)
	}
	o.s.users = slices.DeleteFunc(o.s.users, func(u *User) bool { return u.Name == name })
	if err := o.s.commit(&commit{writes: []*write{{name: audit.Table{Database: "system", Name: "hdb_user"}, kind: "delete", id: textID(name)}}}); err != nil {
		return nil, err
	}
	return done(name + " successfully deleted"), nil
}

func (o *op) addRole() (any, error) {
	name := o.text("role")
	if o.s.table(roleTable).records[textID(name)].live() {
		return nil, clientError(409, "A role with name '%s' already exists", name)
	}
	return o.writeRole(audit.OpInsert, name)
}

func (o *op) alterRole() (any, error) {
	if !o.s.table(roleTable).records[textID(o.text("id"))].live() {
		return nil, clientError(400, "Invalid role id")
	}
	return o.writeRole(audit.OpUpdate, o.text("id"))
}

func (o *op) dropRole() (any, error) {
	id := o.text("id")
	if !o.s.table(roleTable).records[textID(id)].live() {
		return nil, clientError(404, "Role not found")
	}
	if slices.ContainsFunc(o.s.users, func(u *User) bool { return u.role() == id }) {
		return nil, clientError(400, "Cannot drop role %s as it has active user(s) tied to this role", id)
	}
	if err := o.s.commit(&commit{writes: []*write{{name: roleTable, kind: "delete", id: textID(id)}}}); err != nil {
		return nil, err
	}
	return done(id + " successfully deleted"), nil
}

// writeRole makes or changes a role, and with it what its users may do.
func (o *op) writeRole(op audit.Op, id string) (any, error) {
	if id == "" || o.body.Get("permission") == nil {
		return nil, clientError(400, "role and permission are required")
	}
	if o.s.line == LMDB && o.body.Get("permission").Get("operations") != nil {
		return nil, &opError{status: 400, class: "ClientError", msg: "Errors in the role permissions JSON provided", body: obj{
			{"error", "Errors in the role permissions JSON provided"}, {"main_permissions", []any{"database 'operations' does not exist"}}, {"schema_permissions", obj{}},
		}}
	}
	o.s.granted[id] = true
	fields := map[string]audit.Value{"id": audit.Text(id), "permission": o.body.Get("permission")}
	if op == audit.OpInsert {
		fields["role"] = audit.Text(id)
	}
	o.s.systemWrite("hdb_role", op, textID(id), audit.Object(fields))
	for _, u := range o.s.users {
		if u.role() == id {
			o.s.grant(u, o.body.Get("permission"))
		}
	}
	t := o.s.table(roleTable)
	if o.s.line == RocksDB && op == audit.OpUpdate {
		return audit.Object(fields).With("__updatedtime__", audit.Float(float64(o.s.lastVersion))), nil
	}
	return t.records[textID(id)].value, nil
}

// expiry reads "10s", "5m", "2h", "1d", "1ms" or a number of seconds.
var expiry = regexp.MustCompile(`^(\d+)\s*(|ms|s|m|h|d)$`)

func seconds(v audit.Value, otherwise int64) int64 {
	m := expiry.FindStringSubmatch(jsText(v))
	if v == nil || m == nil {
		return otherwise
	}
	n, err := strconv.ParseInt(m[1], 10, 32)
	if err != nil {
		return otherwise
	}
	if m[2] == "ms" {
		return n / 1000
	}
	return n * map[string]int64{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[m[2]]
}

const day = 86400

func (o *op) createTokens() (any, error) {
	u := o.user
	if name := o.text("username"); name != "" || u == nil {
		known, denied := o.s.login(name, o.text("password"), "invalid credentials")
		if denied != nil {
			return nil, denied
		}
		u = known
	}
	refresh := o.s.token(u.Name, "refresh", 30*day)
	// Harper keeps the refresh token's hash with the user, and so logs it.
	o.s.systemWrite("hdb_user", audit.OpUpdate, textID(u.Name), audit.Object(map[string]audit.Value{
		"username": audit.Text(u.Name), "refresh_token": audit.Text(hashPassword(refresh)),
	}))
	return obj{
		{"operation_token", o.s.token(u.Name, "operation", seconds(o.body.Get("expires_in"), day))},
		{"refresh_token", refresh},
	}, nil
}

func (o *op) refreshToken() (any, error) {
	token := o.text("refresh_token")
	if token == "" {
		token = bearerOf(o.http)
	}
	if token == "" {
		return nil, clientError(400, "'refresh_token' is required")
	}
	u, denied := o.s.bearer(token, "refresh")
	if denied != nil {
		return nil, denied
	}
	return obj{{"operation_token", o.s.token(u.Name, "operation", day)}}, nil
}

func (o *op) systemInformation() (any, error) {
	return obj{{"time", obj{{"current", audit.Time(math.Floor(float64(o.s.now())))}, {"uptime", 1}, {"timezone", "UTC+0000"}, {"timezoneName", "Etc/UTC"}}}}, nil
}

func (o *op) registrationInfo() (any, error) {
	return obj{{"version", versionRocksDB}, {"deprecated", true}}, nil
}
