package harpertest

import (
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
