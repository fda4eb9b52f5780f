package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/ingest"
)

// TestOrdered: an import is told to be in order when each line is later than those of
// its table, or of another record; before anything is stored, and only then.
func TestOrdered(t *testing.T) {
	t.Parallel()
	line := func(table, ids string, at float64) string {
		var records []string
		for range strings.Count(ids, ",") + 1 {
			records = append(records, `{"n":1}`)
		}
		return fmt.Sprintf(`{"database":"shop","table":%q,"operation":"update","user_name":"ann","timestamp":%.4f,"hash_values":[%s],"records":[%s]}`,
			table, at, ids, strings.Join(records, ","))
	}
	for name, c := range map[string]struct {
		lines []string
		want  bool
	}{
		"later":                        {[]string{line("a", `"x"`, 1000), line("a", `"x"`, 1001), line("a", `"x","y"`, 1002), line("a", `7`, 1003)}, true},
		"twice in one group":           {[]string{line("a", `"x","y","x"`, 1000)}, false},
		"several numbers, with forms":  {[]string{line("a", `1,2`, 1000)}, false},
		"several, one escaped":         {[]string{line("a", `"x","\u0078"`, 1000)}, false},
		"several with a comma in one":  {[]string{line("a", `"x","y,z"`, 1000)}, false},
		"tables by themselves":         {[]string{line("a", `"x"`, 1000), line("a", `"x"`, 1001), line("b", `"x"`, 500), line("b", `"x"`, 501)}, true},
		"earlier":                      {[]string{line("a", `"x"`, 1001), line("a", `"y"`, 1000)}, false},
		"twice":                        {[]string{line("a", `"x"`, 1000), line("a", `"x"`, 1000)}, false},
		"others of one time":           {[]string{line("a", `"x"`, 1000), line("a", `"y"`, 1000), line("a", `"z"`, 1000), line("a", `"x"`, 1001)}, true},
		"one comes again of that time": {[]string{line("a", `"x"`, 1000), line("a", `"y"`, 1000), line("a", `"x"`, 1000)}, false},
		"numbers, which have forms":    {[]string{line("a", `1`, 1000), line("a", `2`, 1000)}, false},
		"escaped, which may be equal":  {[]string{line("a", `"x"`, 1000), line("a", `"\u0078"`, 1000)}, false},
		"several of one time":          {[]string{line("a", `"x","y"`, 1000), line("a", `"z"`, 1000)}, false},
		"a capture":                    {[]string{line("a", `"x"`, 1000), `{"request":{"operation":"read_audit_log","schema":"shop","table":"a"},"response":[]}`}, false},
		"of another form":              {[]string{strings.Replace(line("a", `"x"`, 1000), `"records":[{"n":1}]`, `"hdb":1`, 1)}, false},
	} {
		file := filepath.Join(t.TempDir(), "log.ndjson")
		if err := os.WriteFile(file, []byte(strings.Join(c.lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		h := &heap{ids: map[audit.ChangeID]audit.Seq{}}
		told := 0
		im := ingest.Importer{Store: h, Ordered: func() {
			if told++; h.n > 0 {
				t.Errorf("%s: %d changes were stored before", name, h.n)
			}
		}}
		if _, err := im.Import(t.Context(), []string{file}); err != nil && c.want {
			t.Errorf("%s: %v", name, err)
		}
		if (told == 1) != c.want || told > 1 {
			t.Errorf("%s: told %d times, want it %v", name, told, c.want)
		}
	}
}
