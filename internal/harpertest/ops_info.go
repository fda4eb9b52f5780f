package harpertest

import (
	"net/http"
	"strconv"
	"time"

	"recourse/audit"
)

// getConfiguration is the part of the configuration that bears on the log.
func (o *op) getConfiguration() (any, error) {
	logging := obj{{"auditAuthEvents", obj{{"logFailed", false}, {"logSuccessful", false}}}, {"auditLog", true}}
	if o.s.retention > 0 {
		logging = append(logging, field{"auditRetention", harperDuration(o.s.retention)})
	}
	storage := obj{{"writeAsync", false}, {"caching", true}, {"compression", true}, {"path", "database"}}
	return obj{
		{"http", obj{{"port", 9926}, {"timeout", 120000}}}, {"threads", obj{{"count", 1}, {"debug", false}}},
		{"logging", append(logging, field{"level", "warn"}, field{"root", "log"})},
		{"rootPath", "/var/lib/harper"}, {"storage", storage}, {"node", obj{{"hostname", o.s.node}}},
	}, nil
}

// harperDuration is a length of time as an administrator writes it: days or
// hours if it is whole ones, else a number of seconds.
func harperDuration(d time.Duration) any {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour} {
		if n := d / length; d%length == 0 && (unit == "d" || n%24 != 0) {
			return strconv.FormatInt(int64(n), 10) + unit
		}
	}
	return audit.Float(d.Seconds())
}

// listRoles shows the roles as their records are.
func (o *op) listRoles() (any, error) {
	out := []any{}
	for _, r := range o.s.table(roleTable).living() {
		out = append(out, r.value)
	}
	return out, nil
}

// clusterStatus is Harper Pro's answer (replication/clusterStatus.ts); a server
// without links is no cluster and does not know the operation.
func (o *op) clusterStatus() (any, error) {
	s := o.s
	if len(s.links)+len(s.incoming) == 0 {
		return nil, clientError(400, "Operation '%s' not found", o.name)
	}
	var databases []string
	for name := range s.dbs {
		if name != "system" {
			databases = append(databases, name)
		}
	}
	connections := []any{}
	for _, l := range s.incoming {
		sockets := []any{}
		for _, db := range databases {
			sockets = append(sockets, l.status(db))
		}
		connections = append(connections, obj{{"name", l.from.node}, {"url", "wss://" + l.from.node + ":9933"}, {"database_sockets", sockets}})
	}
	return obj{
		{"node_name", s.node}, {"url", "wss://" + s.node + ":9933"}, {"is_enabled", true}, {"connections", connections},
	}, nil
}

func (l *Link) status(database string) obj {
	connected := l.connected()
	l.mu.Lock()
	defer l.mu.Unlock()
	d := obj{{"database", database}, {"connected", connected}, {"latency", audit.Float(0.4)}, {"lastReceivedStatus", "Waiting"}, {"backPressurePercent", 0}}
	if l.last != 0 {
		d = append(d, field{"lastReceivedRemoteTime", l.last.Go().UTC().Format(http.TimeFormat)}, field{"lastReceivedVersion", l.last})
	}
	return d
}

// getBackup fails on RocksDB. LMDB's answer, its file, is not imitated.
func (o *op) getBackup() (any, error) {
	if o.s.dbs[o.target().Database] == nil {
		return nil, clientError(404, "database '%s' does not exist", o.target().Database)
	}
	if o.s.line == RocksDB {
		return nil, &jsError{"Error", "EISDIR: illegal operation on a directory, read"}
	}
	return nil, &opError{status: 501, class: "Error", msg: "harpertest makes no backups"}
}

// openAPI describes the REST interface to super users.
func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) {
	switch u, denied := s.authenticate(r); {
	case denied != nil:
		writeAnswer(w, "json", denied.status, denied.object())
		return
	case u == nil:
		writeAnswer(w, "json", 401, obj{{"error", "Must login"}})
		return
	case !u.SuperUser:
		writeAnswer(w, "json", 403, obj{{"error", "Forbidden"}})
		return
	}
	title, version := "HarperDB HTTP REST interface", versionLMDB
	if s.line == RocksDB {
		title, version = "Harper HTTP REST interface", versionRocksDB
	}
	writeAnswer(w, "json", 200, obj{{"openapi", "3.0.3"}, {"info", obj{{"title", title}, {"version", version}}}, {"paths", obj{}}})
}
