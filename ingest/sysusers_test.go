package ingest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

func (s *scene) synthetic() []audit.Change {
	s.t.Helper()
	var some []audit.Change
	for _, c := range changesOf(s.t, s.db.DB) {
		if c.Synthetic {
			some = append(some, c)
		}
	}
	return some
}

// TestPeople: where no log tells of users and roles, comparing the lists does.
func TestPeople(t *testing.T) {
	onLines(t, harpertest.Options{NoSystemAudit: true}, func(s *scene) {
		s.round()
		if got := s.synthetic(); len(got) > 0 {
			s.t.Fatalf("the first list made changes: %+v", got)
		}
		admin := audit.Key{Table: audit.Table{Database: "system", Name: "hdb_user"}, ID: `"admin"`}
		records, err := s.db.BaseRecords(s.t.Context(), admin)
		if err != nil || len(records) != 1 || records[0].Body.Get("role").Text() != "super_user" {
			s.t.Fatalf("baseline of the administrator: %+v, %v", records, err)
		}
		before := s.srv.Now()
		s.call(map[string]any{"operation": "add_role", "role": "helper", "permission": map[string]any{"super_user": false}})
		s.call(map[string]any{"operation": "add_user", "username": "eve", "password": "hunter2", "role": "helper", "active": true})
		s.round()
		s.restart()
		s.call(map[string]any{"operation": "alter_role", "id": "helper", "permission": map[string]any{"super_user": true}})
		s.call(map[string]any{"operation": "alter_user", "username": "eve", "role": "super_user"})
		s.round()
		s.call(map[string]any{"operation": "drop_user", "username": "eve"})
		s.round()
		s.round()
		var told []string
		for _, c := range s.synthetic() {
			told = append(told, string(c.Op)+" "+c.Key.String())
			if c.User != "" || c.Time < before || c.Node != "n1" || !strings.Contains(c.Note, "found by comparing list_") {
				s.t.Errorf("change %+v", c)
			}
			if strings.Contains(c.After.Body.JSON(), "hunter2") {
				s.t.Errorf("the password is stored: %s", c.After.Body.JSON())
			}
		}
		want := []string{
			`insert system.hdb_user/"eve"`, `insert system.hdb_role/"helper"`,
			`update system.hdb_user/"eve"`, `update system.hdb_role/"helper"`, `delete system.hdb_user/"eve"`,
		}
		if !slices.Equal(told, want) {
			s.t.Errorf("changes %q, want %q", told, want)
		}
		promoted := s.synthetic()[2]
		if promoted.Before.Body.Get("role").Text() != "helper" || promoted.After.Body.Get("role").Text() != "super_user" || promoted.After.Source != audit.Fetched {
			s.t.Errorf("before %s, after %s", promoted.Before.Body.JSON(), promoted.After.Body.JSON())
		}
	})
}

// TestPeopleAudited: where the log tells of users, the lists are not asked for.
func TestPeopleAudited(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
			if q.Operation == "list_users" || q.Operation == "list_roles" {
				s.t.Errorf("%s was asked for", q.Operation)
			}
			return harpertest.Fault{}
		})
		s.round()
		s.call(map[string]any{"operation": "add_user", "username": "eve", "password": "hunter2", "role": "super_user", "active": true})
		s.round()
		if got := s.synthetic(); len(got) > 0 {
			s.t.Errorf("changes %+v", got)
		}
	})
}

// forgetful is a store whose process ends just before a note is kept.
type forgetful struct {
	*notebook
	err error
}

func (f *forgetful) SetNote(ctx context.Context, name string, note []byte) error {
	if f.err != nil {
		return f.err
	}
	return f.notebook.SetNote(ctx, name, note)
}

// TestPeopleCrash: a difference that is stored, but whose list was not noted, is
// not stored again.
func TestPeopleCrash(t *testing.T) {
	onLines(t, harpertest.Options{NoSystemAudit: true}, func(s *scene) {
		f := &forgetful{notebook: s.db}
		p := &ingest.People{Server: s.server, Store: f, Node: "n1", Now: time.Now}
		check := func() error { return p.Check(s.t.Context(), true, true) }
		if err := check(); err != nil {
			s.t.Fatal(err)
		}
		s.call(map[string]any{"operation": "add_user", "username": "eve", "password": "hunter2", "role": "super_user", "active": true})
		f.err = errors.New("killed")
		if err := check(); !errors.Is(err, f.err) {
			s.t.Fatalf("error %v", err)
		}
		f.err = nil
		for range 2 {
			if err := check(); err != nil {
				s.t.Fatal(err)
			}
		}
		if got := s.synthetic(); len(got) != 1 {
			s.t.Errorf("changes %+v, want one", got)
		}
	})
}

// empty is a Harper whose lists are empty.
type empty struct{ *edited }

func (empty) Users(context.Context) ([]harper.Named, error) { return nil, nil }

// TestPeopleEmptyList: that nobody is listed does not mean that all are gone.
func TestPeopleEmptyList(t *testing.T) {
	onLines(t, harpertest.Options{NoSystemAudit: true}, func(s *scene) {
		s.round()
		p := &ingest.People{Server: empty{s.server}, Store: s.db, Node: "n1", Now: time.Now}
		if err := p.Check(s.t.Context(), true, true); err == nil {
			s.t.Error("an empty list is no error")
		}
		if got := s.synthetic(); len(got) > 0 {
			s.t.Errorf("changes %+v", got)
		}
	})
}

// TestSystemTargets: the system tables that are logged here are tailed.
func TestSystemTargets(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		got, err := ingest.SystemTargets(s.t.Context(), s.server)
		if err != nil || !slices.Contains(got, "hdb_user") || !slices.Contains(got, "hdb_role") || !slices.Contains(got, "hdb_job") {
			s.t.Errorf("targets %q, %v", got, err)
		}
	})
	onLines(t, harpertest.Options{NoSystemAudit: true}, func(s *scene) {
		if got, err := ingest.SystemTargets(s.t.Context(), s.server); err != nil || len(got) > 0 {
			s.t.Errorf("targets %q, %v; want none", got, err)
		}
	})
	if _, err := ingest.SystemTargets(t.Context(), refusing{harper.ErrUnreachable}); err == nil {
		t.Error("a Harper that cannot be reached has no list of tables")
	}
	got, err := ingest.SystemTargets(t.Context(), refusing{harper.ErrForbidden})
	if err != nil || !slices.Equal(got, []string{"hdb_user", "hdb_role", "hdb_job"}) {
		t.Errorf("a Harper that does not say: %q, %v; want the three that tell of rights and jobs", got, err)
	}
}

type refusing struct{ err error }

func (r refusing) DescribeTable(context.Context, audit.Table) (harper.TableInfo, error) {
	return harper.TableInfo{}, r.err
}
