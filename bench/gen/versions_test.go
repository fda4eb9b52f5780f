package gen

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"
)

// TestVersions: the record is changed as often as asked, from the beginning of the
// stream to its end, and by nothing else.
func TestVersions(t *testing.T) {
	var b bytes.Buffer
	sum, err := Write(&b, Config{Seed: 3, Groups: 5000, Versions: 1000})
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(&b)
	var at []int
	for n := 0; in.Scan(); n++ {
		var g group
		if err := json.Unmarshal(in.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		if g.IDs[0] == WornID {
			at = append(at, n)
			if g.Database+"."+g.Table != WornTable || (g.Operation == "insert") != (len(at) == 1) {
				t.Fatalf("group %d: %+v", n, g)
			}
		}
	}
	if len(at) != 1000 || at[0] > 10 || at[999] < 4990 || sum.Changes != 5000 {
		t.Errorf("%d versions, from group %d on, of %d changes", len(at), at[0], sum.Changes)
	}
}
