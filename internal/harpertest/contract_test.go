package harpertest_test

import (
	"os"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harpertest"
)

// TestContract runs the contract against the stand-in, one of each line, so
// that what the other packages' tests rest on is what [TestLive] finds true.
func TestContract(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			srv := harpertest.New(harpertest.Options{Line: line, Feed: true})
			t.Cleanup(srv.Close)
			srv.CreateTable(dogs, harpertest.Schema{Exported: true, Attributes: []harpertest.Attribute{
				{Name: "id", Type: "ID"}, {Name: "name", Type: "String"}, {Name: "age", Type: "Int"},
				{Name: "owner", Type: "String"}, {Name: "n", Type: "Float"}, {Name: "tags", Type: "Any"},
			}})
			srv.CreateTable(things, harpertest.Schema{Exported: true, Attributes: []harpertest.Attribute{{Name: "id", Type: "Any"}}})
			Suite(t, Config{
				OpsURL: srv.OpsURL(), RESTURL: srv.RESTURL(), Username: "admin", Password: "secret", Throwaway: true,
				Future: func(t *testing.T, table audit.Table, record audit.Value) {
					id, err := audit.IDOf(record.Get("id"))
					if err != nil {
						t.Fatal(err)
					}
					later := srv.Now() + audit.Time(time.Hour/time.Millisecond)
					err = srv.TransactAt(later, "admin", func(tx *harpertest.Tx) error {
						tx.Put(table, id, record)
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				},
			})
		})
	}
}

// TestLive runs the contract against a real Harper, because TestContract only
// shows that we agree with a stand-in that we wrote ourselves. It wants a
// Harper that holds nothing of worth: it makes databases, users and roles,
// removes them again, and leaves its changes in the audit log.
//
// HARPER_TEST_URL is the operations API, HARPER_TEST_USERNAME and
// HARPER_TEST_PASSWORD a super user. HARPER_TEST_REST_URL, which may be left
// out, is the REST interface with the tables that the suite names;
// HARPER_TEST_THROWAWAY=1 says that these may be emptied.
func TestLive(t *testing.T) {
	cfg := Config{
		OpsURL:    os.Getenv("HARPER_TEST_URL"),
		RESTURL:   os.Getenv("HARPER_TEST_REST_URL"),
		Username:  os.Getenv("HARPER_TEST_USERNAME"),
		Password:  os.Getenv("HARPER_TEST_PASSWORD"),
		Throwaway: os.Getenv("HARPER_TEST_THROWAWAY") == "1",
	}
	if cfg.OpsURL == "" || cfg.Username == "" || cfg.Password == "" {
		t.Skip("no live Harper: set HARPER_TEST_URL, HARPER_TEST_USERNAME, HARPER_TEST_PASSWORD")
	}
	Suite(t, cfg)
}
