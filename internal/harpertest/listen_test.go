package harpertest

import (
	"slices"
	"testing"

	"recourse/audit"
)

// TestListenersSwitchTheLogOn is of a table without a log that somebody listens
// to (resources/Table.ts, subscribe).
func TestListenersSwitchTheLogOn(t *testing.T) {
	s := scratch(t, Options{})
	if err := s.SetAudit(dr, false); err != nil {
		t.Fatal(err)
	}
	lines := events(t, s, dr)
	if err := s.Put("u", dr, "1", value(t, `{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := lines.ReadString('\n'); err != nil || len(s.Entries("d")) != 1 {
		t.Errorf("%v, %d entries", err, len(s.Entries("d")))
	}
}

// TestZeroKey asks for the key 0 as one must not.
func TestZeroKey(t *testing.T) {
	s := scratch(t, Options{})
	ask(t, s, `{"operation":"insert","database":"d","table":"t","records":[{"id":0},{"id":1}]}`)
	got := ask(t, s, `{"operation":"search_by_conditions","database":"d","table":"t","conditions":[{"search_attribute":"id","search_type":"greater_than","search_value":-1}],"get_attributes":["$id"]}`)
	if want := `[{"error":"Error","id":0,"message":"Unable to serialize object as a key: {\"value\":0}"},{"$object":{"$id":1}}]`; got.JSON() != want {
		t.Errorf("%s, want %s", got.JSON(), want)
	}
}

// TestHiddenFromFeed is of an entry that the component cannot decode: it is
// told, with an error.
func TestHiddenFromFeed(t *testing.T) {
	if status, text := do(t, scratch(t, Options{}), "GET", "/RecourseFeed/info", ""); status != 404 || text != "Not found\n" {
		t.Errorf("without the component: %d %q", status, text)
	}
	s := scratch(t, Options{Feed: true})
	if err := s.Put("u", dr, "1", value(t, `{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	s.HideFromFeed(dr, "1", s.Entries("d")[0].Version)
	fed := func() []audit.Value {
		t.Helper()
		status, text := do(t, s, "GET", "/RecourseFeed/?database=d&from=0", "")
		v, err := audit.Decode([]byte(text))
		if status != 200 || err != nil {
			t.Fatalf("%d %q %v", status, text, err)
		}
		return slices.Collect(v.Elems())
	}
	all := fed()
	if e := all[0]; len(all) != 1 || e.Get("error") == nil || e.Get("value") != nil || e.Get("type").Text() != "put" {
		t.Errorf("%v", all)
	}
	// The entries of a table that was dropped are still in the store.
	if err := s.Recreate(dr); err != nil {
		t.Fatal(err)
	}
	if err := s.Put("u", dr, "2", value(t, `{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	all = fed()
	if len(all) != 2 || all[0].Get("table").Kind() != audit.KindNull || all[0].Get("tableId").JSON() != "1" || all[1].Get("table").Text() != "R" || all[1].Get("value") == nil {
		t.Errorf("after the table was dropped: %v", all)
	}
	for path, want := range map[string]int{"/RecourseFeed/?database=nope": 404, "/RecourseFeed/?database=d&from=x": 400, "/RecourseFeed/else": 404} {
		if status, text := do(t, s, "GET", path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}
