package harpertest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

func (s *suite) testDescribe(t *testing.T) {
	table := s.table(t)
	raw := s.mustOp(t, fields{"operation": "describe_all"}).Get(s.db).Get(table.Name)
	if got := raw.Get(s.line.keyField).Text(); got != "id" {
		t.Errorf("describe_all has %s %q in %s", s.line.keyField, got, raw.JSON())
	}
	for _, other := range lines {
		if other.name != s.line.name && raw.Get(other.keyField) != nil {
			t.Errorf("describe_all has the %s line's %s too", other.name, other.keyField)
		}
	}
	if !raw.Get("audit").Bool() || raw.Get("schema_defined").Bool() || raw.Get("record_count") == nil || raw.Get("db_audit_size") == nil {
		t.Errorf("describe_all: %s", raw.JSON())
	}

	all, err := s.client.DescribeAll(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(info harper.TableInfo) bool { return info.Table == table })
	if i < 0 {
		t.Fatalf("DescribeAll does not list %s", table)
	}
	one, err := s.client.DescribeTable(testContext(t), table)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range []harper.TableInfo{all[i], one} {
		if info.PrimaryKey != "id" || !info.Audit || info.SchemaDefined {
			t.Errorf("%+v", info)
		}
		created, _ := info.Attribute("__createdtime__")
		updated, _ := info.Attribute("__updatedtime__")
		if !created.CreatedTime || !updated.UpdatedTime {
			t.Errorf("the attributes %+v", info.Attributes)
		}
	}

	t.Run("schema", func(t *testing.T) {
		s.needREST(t)
		info, err := s.client.DescribeTable(testContext(t), dogs)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := info.Attribute("id")
		age, _ := info.Attribute("age")
		if info.PrimaryKey != "id" || !info.Audit || !info.SchemaDefined || !key.PrimaryKey || key.Type != "ID" || age.Type != "Int" {
			t.Errorf("%+v", info)
		}
	})

	t.Run("system", func(t *testing.T) {
		info, err := s.client.DescribeTable(testContext(t), audit.Table{Database: "system", Name: "hdb_user"})
		if err != nil || info.PrimaryKey != "username" || !info.Audit {
			t.Errorf("%+v, %v", info, err)
		}
		if slices.ContainsFunc(all, func(info harper.TableInfo) bool { return info.Table.Database == "system" }) {
			t.Error("describe_all lists system tables")
		}
	})
}

func (s *suite) testServer(t *testing.T) {
	version, err := s.client.Version(testContext(t))
	if err != nil || strings.Trim(version, " ") == "" {
		t.Errorf("version %q, %v", version, err)
	}
	t.Logf("Harper %s, %s line", version, s.line.name)

	// The clock is the one that stamps transactions, to within what it says.
	before, uncertain, err := s.client.ServerTime(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	table := s.table(t)
	s.mustOp(t, fields{"operation": "insert", "database": s.db, "table": table.Name, "records": []any{fields{"id": 1}}})
	after, _, err := s.client.ServerTime(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	at := s.scan(t, table, 0, 0)[0].Time
	slack := audit.Time(uncertain / time.Millisecond)
	if at < before || at > after+slack {
		t.Errorf("a change at %v, between %v and %v + %v", at, before, after, slack)
	}
}
