package harpertest

import (
	"strings"
	"testing"
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
	status, text := do(t, s, "GET", "/RecourseFeed/?database=d&from=0", "")
	entry := value(t, strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if status != 200 || entry.Get("error") == nil || entry.Get("value") != nil || entry.Get("type").Text() != "put" {
		t.Errorf("%d %s", status, text)
	}
	for path, want := range map[string]int{"/RecourseFeed/?database=nope": 404, "/RecourseFeed/?database=d&from=x": 400, "/RecourseFeed/else": 404} {
		if status, text := do(t, s, "GET", path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}
