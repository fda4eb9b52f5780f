package harpertest_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// testAbout asks Harper for what is beside the tables: its users, its nodes, its
// configuration, its jobs.
func (s *suite) testAbout(t *testing.T) {
	t.Run("nodes", func(t *testing.T) {
		nodes, err := s.client.Nodes(testContext(t))
		if err != nil {
			t.Errorf("the nodes: %v", err)
		}
		t.Logf("nodes %v", nodes)
	})
	t.Run("configuration", func(t *testing.T) {
		cfg, err := s.client.Configuration(testContext(t))
		if err != nil || cfg.AuditLog == nil || !*cfg.AuditLog || cfg.Raw.Get("rootPath").Text() == "" {
			t.Errorf("%+v, %v", cfg, err)
		}
		if text := cfg.Raw.Get("logging").Get("auditRetention"); (text != nil) != (cfg.AuditRetention > 0) {
			t.Errorf("the retention %s is %v", text.JSON(), cfg.AuditRetention)
		}
	})
	t.Run("users", s.testAboutUsers)
	t.Run("jobs", s.testJobs)
	t.Run("feed", func(t *testing.T) {
		s.needREST(t)
		info, err := s.client.FeedInfo(testContext(t))
		if errors.Is(err, harper.ErrNotFound) {
			_, err = s.feed(t, harper.FeedQuery{Database: s.db})
			if !errors.Is(err, harper.ErrNotFound) {
				t.Errorf("without the component: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		s.testFeed(t, info)
	})
}

func (s *suite) testAboutUsers(t *testing.T) {
	me, err := s.client.UserInfo(testContext(t))
	if err != nil || me.Name != s.cfg.Username || !me.SuperUser || !me.Active || me.Operations != nil || me.Role == "" {
		t.Errorf("%+v, %v", me, err)
	}
	clerk := s.addUser(t, "lister", fields{"super_user": false, s.db: fields{"tables": fields{}}})
	key := func(n harper.Named) string { return n.Key }
	keys := func(list []harper.Named) (out []string) {
		for _, n := range list {
			out = append(out, key(n))
		}
		return out
	}
	users, err := s.client.Users(testContext(t))
	if got := keys(users); err != nil || !slices.Contains(got, clerk) || !slices.Contains(got, s.cfg.Username) {
		t.Errorf("the users are %v, %v", got, err)
	}
	i := slices.IndexFunc(users, func(n harper.Named) bool { return n.Key == clerk })
	role := users[i].Value.Get("role").Get("role").Text()
	if !users[i].Value.Get("active").Bool() || users[i].Value.Get("role").Get("permission").Get("super_user").Bool() {
		t.Errorf("a user is %s", users[i].Value.JSON())
	}
	roles, err := s.client.Roles(testContext(t))
	if got := keys(roles); err != nil || !slices.Contains(got, role) || !slices.Contains(got, "super_user") {
		t.Errorf("the roles are %v, %v, without %s", got, err, role)
	}

	c := s.connect(t, clerk, "pw")
	if got, err := c.UserInfo(testContext(t)); err != nil || got.Name != clerk || got.SuperUser || got.Role != role {
		t.Errorf("a user without rights: %+v, %v", got, err)
	}
	for what, ask := range map[string]func() error{
		"users":         func() error { _, err := c.Users(testContext(t)); return err },
		"roles":         func() error { _, err := c.Roles(testContext(t)); return err },
		"configuration": func() error { _, err := c.Configuration(testContext(t)); return err },
		"jobs":          func() error { _, err := c.Jobs(testContext(t), time.Now(), time.Now()); return err },
	} {
		if err := ask(); !errors.Is(err, harper.ErrForbidden) {
			t.Errorf("the %s for one without rights: %v", what, err)
		}
	}
}

// testJobs purges a log, and looks for the traces of it.
func (s *suite) testJobs(t *testing.T) {
	table := s.table(t)
	insert := func(id int) {
		t.Helper()
		s.mustOp(t, fields{"operation": "insert", "database": s.db, "table": table.Name, "records": []any{fields{"id": id}}})
	}
	insert(1)
	insert(2)
	rows := s.scan(t, table, 0, 0)
	now, _, err := s.client.ServerTime(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	jobs := audit.Table{Database: "system", Name: "hdb_job"}
	answer := s.mustOp(t, fields{"operation": "delete_audit_logs_before", "schema": s.db, "database": s.db, "table": table.Name, "timestamp": float64(rows[1].Time)})
	id := answer.Get("job_id").Text()
	job := s.finished(t, id, now)
	if job.Type != "delete_audit_logs_before" || job.User != s.cfg.Username || job.Status != "COMPLETE" || job.Start < now-1000 || job.End < job.Start {
		t.Errorf("the job is %+v", job)
	}
	// LMDB cuts that table's log just there. RocksDB deletes files, whole and only
	// after they were closed.
	left := len(s.scan(t, table, 0, 0))
	if want := map[string]int{"L": 1, "R": 2}[s.line.mark]; left != want {
		t.Errorf("%d of 2 rows are left, want %d", left, want)
	}
	var trail []string
	for _, row := range s.scan(t, jobs, now-2000, 0) {
		if row.ID.Value().Text() != id {
			continue
		}
		status := row.Record.Get("status").Text()
		request := row.Record.Get("request")
		trail = append(trail, string(row.Operation)+" "+status+" "+strconv.FormatBool(request.Get("table").Text() == table.Name && request.Get("database").Text() == s.db))
		if row.User != "" {
			t.Errorf("the log of jobs names %s", row.User)
		}
	}
	if want := []string{"insert CREATED true", "update IN_PROGRESS true", "update COMPLETE false"}; !slices.Equal(trail, want) {
		t.Errorf("the trail is %q, want %q", trail, want)
	}
}

// feed reads the feed as far as it goes.
func (s *suite) feed(t *testing.T, q harper.FeedQuery) ([]harper.FeedEntry, error) {
	t.Helper()
	var entries []harper.FeedEntry
	for e, err := range s.client.Feed(testContext(t), q) {
		if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}
