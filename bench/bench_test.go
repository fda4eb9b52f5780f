package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/bench/gen"
	"recourse/rules"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values []int
		q      float64
		want   int
	}{
		{nil, 0.5, 0},
		{[]int{7}, 0.99, 7},
		{[]int{3, 1, 2}, 0.5, 2},
		{[]int{4, 3, 2, 1}, 0.5, 2},
		{[]int{4, 3, 2, 1}, 0, 1},
		{[]int{4, 3, 2, 1}, 0.75, 3},
		{[]int{4, 3, 2, 1}, 1, 4},
	} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile(%v, %g) = %d, want %d", c.values, c.q, got, c.want)
		}
	}
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = 100 - i
	}
	if got := quantile(hundred, 0.99); got != 99 {
		t.Errorf("the 99th of 100 is %d", got)
	}
}

func TestShort(t *testing.T) {
	for f, want := range map[float64]string{0.0612: "0.0612", 1.2: "1.2", 24.26: "24.3", 417.4: "417", 1234.5: "1,234", 1234567: "1,234,567", 999999: "999,999"} {
		if got := short(f); got != want {
			t.Errorf("short(%g) = %s, want %s", f, got, want)
		}
	}
}

func TestKibibytes(t *testing.T) {
	status := []byte("Name:\tx\nVmHWM:\t  123456 kB\nRssAnon:\t     12 kB\n")
	if got := kibibytes(status, "VmHWM"); got != 123456<<10 {
		t.Errorf("VmHWM %d", got)
	}
	if got := kibibytes(status, "RssFile"); got != 0 {
		t.Errorf("RssFile %d, which is not there", got)
	}
}

func TestRowsOf(t *testing.T) {
	got, err := rowsOf([]byte(`{"operation":"update","user_name":"u1","timestamp":1795392000217.4106,"hash_values":["c-1","c-2"],"records":[{"id":"c-1","note":"a, \"b\""},null],"database":"shop","table":"customers"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []row{
		{1795392000217.4106, "update", "u1", "shop.customers", "c-1", `{"id":"c-1","note":"a, \"b\""}`},
		{1795392000217.4106, "update", "u1", "shop.customers", "c-2", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if fields := got[0].fields(17); fields[0] != "17" || fields[1] != "1795392000217.4106" {
		t.Errorf("fields %q", fields)
	}
	for _, bad := range []string{`{"hash_values":["a"],"records":[]}`, `{`} {
		if _, err := rowsOf([]byte(bad)); err == nil {
			t.Errorf("%s is read without an error", bad)
		}
	}
}

// TestPrepare makes a data set and questions of it, twice.
func TestPrepare(t *testing.T) {
	c := gen.Config{Seed: 3, Groups: 3000, Multi: 0.1, Nested: 0.1}
	var first []question
	for range 2 {
		dir := t.TempDir()
		d, err := prepare(dir, c)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := os.ReadFile(d.Rows)
		if err != nil || strings.Count(string(rows), "\n") != d.Changes || d.Changes <= d.Groups {
			t.Errorf("%d rows of %d changes of %d groups (%v)", strings.Count(string(rows), "\n"), d.Changes, d.Groups, err)
		}
		if d.smallGroups != d.Groups || d.smallChanges != d.Changes || len(d.Sample) != sampleSize {
			t.Errorf("small has %d groups, %d changes; the sample %d", d.smallGroups, d.smallChanges, len(d.Sample))
		}
		qs := questions(d, 5, 3)
		for _, q := range qs {
			check(t, d, q)
		}
		if first == nil {
			first = qs
		} else if !slices.Equal(first, qs) {
			t.Error("the same seed gives other questions")
		}
	}
}

// check says whether a question asks for what the data set has.
func check(t *testing.T, d *dataset, q question) {
	t.Helper()
	if q.To != 0 && (q.From < d.FirstMS-1 || q.To > d.LastMS+1 || q.To <= q.From) {
		t.Errorf("%+v is outside of %.0f..%.0f", q, d.FirstMS, d.LastMS)
	}
	lines, err := os.ReadFile(d.Lines)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{q.User, q.ID, q.Word, strings.TrimPrefix(strings.TrimPrefix(q.Table, "shop."), "ops.")} {
		if !strings.Contains(string(lines), part) {
			t.Errorf("%+v: no change has %q", q, part)
		}
	}
	if want := map[kind]int{rareWord: 6, wordPrefix: prefixLen}[q.Kind]; len(q.Word) != want {
		t.Errorf("%+v: the word has not %d characters", q, want)
	}
}

func TestCutTimes(t *testing.T) {
	rest, took, err := cutTimes([]string{"842", "Time: 1.250 ms", "a|b", "Time: 1500.000 ms (00:01.500)"})
	if err != nil || took != 1501250*time.Microsecond || !slices.Equal(rest, []string{"842", "a|b"}) {
		t.Errorf("%q, %v, %v", rest, took, err)
	}
	if _, _, err := cutTimes([]string{"Time: soon"}); err == nil {
		t.Error("a time that is none is read")
	}
}

func TestSQLAnswer(t *testing.T) {
	rows := slices.Repeat([]string{"a|b"}, 3)
	for _, c := range []struct {
		kind  kind
		lines []string
		want  answer
		bad   bool
	}{
		{newestOfUser, append([]string{"3"}, rows...), answer{Count: 3, Says: "3"}, false},
		{newestOfUser, append([]string{"4"}, rows...), answer{}, true},
		{newestOfUser, nil, answer{}, true},
		{wordPrefix, []string{"0"}, answer{Says: "0"}, false},
		{wordPrefix, append([]string{"900"}, slices.Repeat(rows[:1], page)...), answer{Count: 900, Says: "900"}, false},
		{recordHistory, rows, answer{Count: 3, Says: "3"}, false},
		{topUsers, []string{"u0|9", "u1|3"}, answer{Count: 2, Says: "u0|9 u1|3"}, false},
	} {
		got, err := sqlAnswer(question{Kind: c.kind}, c.lines, 0)
		if (err != nil) != c.bad || got != c.want {
			t.Errorf("%s %q: %+v, %v, want %+v", c.kind, c.lines, got, err, c.want)
		}
	}
}

// TestSession asks a program that answers each line with two.
func TestSession(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	s, err := begin(exec.Command(sh), "echo '"+endMark+"'")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		lines, err := s.ask("echo a; echo b")
		if err != nil || !slices.Equal(lines, []string{"a", "b"}) {
			t.Fatalf("%q, %v", lines, err)
		}
	}
	if lines, err := s.ask(""); err != nil || len(lines) > 0 {
		t.Errorf("nothing was asked: %q, %v", lines, err)
	}
	if _, err := s.ask("echo no such table >&2; exit 1"); err == nil || !strings.Contains(err.Error(), "read the answer") {
		t.Errorf("a program that ended: %v", err)
	}
	if err := s.close(); err == nil {
		t.Error("the program's failure is not told")
	}
}

// TestRules: there are 50 rules that the load is judged by, and they do what they say.
func TestRules(t *testing.T) {
	r := recourse{dir: t.TempDir()}
	dir, err := r.writeRules()
	if err != nil {
		t.Fatal(err)
	}
	files, err := rules.ReadFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(files...)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(set.Rules()); n != 50 {
		t.Errorf("%d rules", n)
	}
	for _, res := range rules.RunTests(set) {
		if !res.Pass {
			t.Errorf("%s: %s: %s", res.Rule, res.Test, res.Message)
		}
	}
}

func TestBytesIn(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 5000, "sub/b": 100} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := bytesIn(dir); err != nil || got < 1 || got > 5100 {
		t.Errorf("%d bytes, %v", got, err)
	}
}
