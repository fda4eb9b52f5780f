package harpertest_test

import (
	"errors"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// testObserver lists in a role all that our reading wants, and looks for what
// the list does not help to.
func (s *suite) testObserver(t *testing.T, table audit.Table) {
	name := s.addUser(t, "observer", fields{"super_user": false, "operations": []any{
		"read_only", "admin_read", "list_users", "list_roles", "system_information", "search_jobs_by_start_date", "registration_info",
	}, table.Database: fields{"tables": fields{table.Name: fields{"read": true, "insert": false, "update": false, "delete": false, "attribute_permissions": []any{}}}}})
	c := s.connect(t, name, "pw")
	ctx := testContext(t)
	for what, ask := range map[string]func() error{
		"log":           func() error { _, err := readAs(t, c, table); return err },
		"configuration": func() error { _, err := c.Configuration(ctx); return err },
		"users":         func() error { _, err := c.Users(ctx); return err },
		"roles":         func() error { _, err := c.Roles(ctx); return err },
		"page":          func() error { _, err := c.Page(ctx, table, "", 0); return err },
	} {
		if err := ask(); err != nil {
			t.Errorf("the observer's %s: %v", what, err)
		}
	}
	if _, uncertain, err := c.ServerTime(ctx); err != nil || uncertain != time.Millisecond {
		t.Errorf("the observer's clock to %v, %v", uncertain, err)
	}
	if _, err := c.Jobs(ctx, time.Now(), time.Now()); !errors.Is(err, harper.ErrForbidden) {
		t.Errorf("the observer's jobs: %v", err)
	}
	if _, err := c.Version(ctx); !errors.Is(err, harper.ErrForbidden) {
		t.Errorf("the observer's version: %v", err)
	}
	if me, err := c.UserInfo(ctx); err != nil || me.Name != name || me.SuperUser || len(me.Operations) != 7 {
		t.Errorf("the observer is %+v, %v", me, err)
	}
	// Without read_only a user may not even ask who they are.
	if _, err := s.connect(t, s.addUser(t, "narrow", fields{"super_user": false, "operations": []any{"read_audit_log"}}), "pw").UserInfo(ctx); !errors.Is(err, harper.ErrForbidden) {
		t.Errorf("a role of one operation: %v", err)
	}
}
