package harper

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

func TestDescribe(t *testing.T) {
	tables := map[string]int{"captures/lmdb": 0, "captures/rocksdb": 0, "incidents/lmdb/final": 0, "incidents/rocksdb/final": 0}
	for dir := range tables {
		for _, c := range captures(t, dir) {
			op := c.operation()
			if c.status != 200 || op != "describe_all" && op != "describe_table" {
				continue
			}
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", mimeJSON)
				_, _ = w.Write(c.response)
			})
			var list []TableInfo
			var err error
			if op == "describe_all" {
				list, err = s.DescribeAll(t.Context())
			} else {
				list = make([]TableInfo, 1)
				list[0], err = s.DescribeTable(t.Context(), dogs)
			}
			if err != nil {
				t.Fatalf("%s: %v", c.path, err)
			}
			tables[dir] += len(list)
			for _, info := range list {
				key, ok := info.Attribute(info.PrimaryKey)
				if !ok || !key.PrimaryKey || info.AuditSize == 0 {
					t.Errorf("%s: %+v", c.path, info)
				}
				if info.Table.String() == "shop.orders" {
					created, _ := info.Attribute("created")
					updated, _ := info.Attribute("updated")
					if !created.CreatedTime || !updated.UpdatedTime || created.Type != "Float" || !info.Audit || !info.SchemaDefined || info.RecordCount == 0 {
						t.Errorf("%s: %+v", c.path, info)
					}
				}
				if strings.HasSuffix(c.path, "audit-disabled-describe.json") && info.Audit {
					t.Errorf("%s: %+v", c.path, info)
				}
			}
		}
	}
	for dir, n := range tables {
		if n == 0 {
			t.Errorf("%s: no descriptions", dir)
		}
	}
}

func TestServerTime(t *testing.T) {
	ms := 1795476526268.0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, object(t, map[string]any{"time": map[string]any{"current": ms}}))
	})
	if now, coarse, err := c.ServerTime(t.Context()); now != audit.Time(ms) || coarse != time.Millisecond || err != nil {
		t.Error(now, coarse, err)
	}
	c = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Mon, 23 Nov 2026 21:47:51 GMT")
		answer(w, 403, object(t, map[string]any{"error": "This operation is not authorized"}))
	})
	if now, coarse, err := c.ServerTime(t.Context()); now.ISO() != "2026-11-23T21:47:51.000000000Z" || coarse != time.Second || err != nil {
		t.Error(now, coarse, err)
	}
	c = serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
	if _, _, err := c.ServerTime(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Error(err)
	}
}

func TestVersion(t *testing.T) {
	for _, k := range []struct{ registration, want string }{{`{"version":"5.1.14","deprecated":true}`, "5.1.14"}, {"", "4.7.1"}} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mimeJSON)
			switch {
			case r.URL.Path == "/api/openapi/rest":
				_, _ = io.WriteString(w, `{"openapi":"3.0.3","info":{"version":"4.7.1"}}`)
			case k.registration == "":
				w.WriteHeader(400)
				_, _ = io.WriteString(w, `{"error":"Operation 'registration_info' not found"}`)
			default:
				_, _ = io.WriteString(w, k.registration)
			}
		})
		if got, err := c.Version(t.Context()); got != k.want || err != nil {
			t.Error(got, err)
		}
	}
}
