package harpertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

// TestDown takes a server away and brings it back.
func TestDown(t *testing.T) {
	s := scratch(t, Options{})
	get := func() error {
		res, err := http.Get(s.OpsURL() + "/health")
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	lines := events(t, s, dr)
	s.SetDown(true)
	if err := get(); err == nil {
		t.Error("a server that is down answers")
	}
	if _, err := lines.ReadString('\n'); err == nil {
		t.Error("a stream outlives its server")
	}
	s.SetDown(false)
	if err := get(); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// events listens to a table.
func events(t *testing.T, s *Server, name audit.Table) *bufio.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.RESTURL()+"/"+name.Name+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("admin", "secret")
	r.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return bufio.NewReader(res.Body)
}

func TestEventsOfRestart(t *testing.T) {
	s := scratch(t, Options{Line: RocksDB})
	if err := s.Put("u", dr, "1", value(t, `{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	lines := events(t, s, dr)
	line, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, `data: {"id":1,`) || !strings.Contains(line, `"size":`) {
		t.Errorf("%q, %v", line, err)
	}
	s.Restart()
	if _, err := io.ReadAll(lines); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream of a server that restarts ends with %v", err)
	}
}

// TestClockSetBack plays what was seen of LMDB: versions stay, commits go by
// the clock, and after a restart versions follow it too and lose.
func TestClockSetBack(t *testing.T) {
	c := &ticking{begin}
	s := scratch(t, Options{Clock: c.now})
	put := func(id audit.ID, text string) {
		t.Helper()
		if err := s.Put("u", dr, id, value(t, `{"v":"`+text+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	put("1", "a")
	c.at += 3_600_000
	put("1", "ahead")
	c.at -= 3_600_000
	put("1", "back")
	log := s.Entries("d")
	order := func() (text string) {
		for _, e := range s.Entries("d") {
			text += e.Raw.Get("v").Text() + " "
		}
		return text
	}
	if got := order(); got != "a back ahead " {
		t.Errorf("the log is %s", got)
	}
	if log[1].Version <= log[2].Version || log[1].LocalTime > log[2].LocalTime {
		t.Errorf("%+v\n%+v", log[1], log[2])
	}
	if got := s.Records(dr)["1"].Get("v").Text(); got != "back" {
		t.Errorf("the record is %s", got)
	}
	s.Restart()
	put("1", "lost")
	put("2", "new")
	if got := order(); got != "a back new ahead " || s.Records(dr)["1"].Get("v").Text() != "back" {
		t.Errorf("after a restart: %s, %v", got, s.Records(dr))
	}
}

// TestPurgeByFiles deletes a RocksDB log up to a time: whole files go, of all
// tables, and none that is still written to.
func TestPurgeByFiles(t *testing.T) {
	c := &ticking{begin}
	s := scratch(t, Options{Line: RocksDB, Clock: c.now, LogFile: 3})
	for i := range 8 { // files: 0 1 2 | 3 4 5 | 6 7
		name := dr
		if i%2 == 1 {
			name = dt
		}
		if err := s.Put("u", name, audit.ID(fmt.Sprint(i)), value(t, `{"i":`+fmt.Sprint(i)+`}`)); err != nil {
			t.Fatal(err)
		}
	}
	log := s.Entries("d")
	purge := func(before audit.Time) (left string) {
		t.Helper()
		answer := ask(t, s, fmt.Sprintf(`{"operation":"delete_transaction_logs_before","database":"d","timestamp":%v}`, before))
		jobs := s.Records(jobTable)
		left = jobs[textID(answer.Get("job_id").Text())].Get("result").JSON() + " "
		for _, e := range s.Entries("d") {
			left += string(e.ID)
		}
		return left
	}
	for _, step := range []struct {
		before audit.Time
		want   string
	}{
		{log[2].Version, `{"entries_deleted":0,"log_files_deleted":0} 01234567`},
		{log[4].Version, `{"entries_deleted":3,"log_files_deleted":1} 34567`},
		{log[7].Version + 1, `{"entries_deleted":3,"log_files_deleted":1} 67`},
	} {
		if got := purge(step.before); got != step.want {
			t.Errorf("before %v: %s, want %s", step.before, got, step.want)
		}
	}
	s.Restart()
	if got, want := purge(log[7].Version+1), `{"entries_deleted":2,"log_files_deleted":1} `; got != want {
		t.Errorf("after a restart: %s, want %s", got, want)
	}
}

func TestRetentionIsTold(t *testing.T) {
	s := scratch(t, Options{})
	told := func() string {
		return ask(t, s, `{"operation":"get_configuration"}`).Get("logging").Get("auditRetention").JSON()
	}
	for d, want := range map[time.Duration]string{0: "null", 72 * time.Hour: `"3d"`, 12 * time.Hour: `"12h"`, 90 * time.Second: "90", 36 * time.Hour: `"36h"`} {
		s.SetRetention(d)
		if got := told(); got != want {
			t.Errorf("%v is told as %s, want %s", d, got, want)
		}
	}
}

// TestRetentionShortened lets a retention that is set later take what is older.
func TestRetentionShortened(t *testing.T) {
	c := &ticking{begin}
	s := scratch(t, Options{Clock: c.now})
	for _, id := range []audit.ID{"1", "2"} {
		if err := s.Put("u", dr, id, value(t, `{"v":1}`)); err != nil {
			t.Fatal(err)
		}
		c.at += 3_600_000
	}
	if got := logOf(t, s, dr, "[]"); len(got) != 2 {
		t.Errorf("%q", got)
	}
	s.SetRetention(90 * time.Minute)
	if got := logOf(t, s, dr, "[]"); len(got) != 1 || !strings.HasSuffix(got[0], "[2]") {
		t.Errorf("%q", got)
	}
}

// TestUnaudited changes records past the log.
func TestUnaudited(t *testing.T) {
	for _, line := range []Line{LMDB, RocksDB} {
		s := scratch(t, Options{Line: line, NoSystemAudit: true})
		if err := s.Put("u", dr, "1", value(t, `{"v":1}`)); err != nil {
			t.Fatal(err)
		}
		version := s.Entries("d")[0].Version
		if err := s.WriteUnaudited(dr, "1", value(t, `{"id":1,"v":2}`)); err != nil {
			t.Fatal(err)
		}
		if err := s.WriteUnaudited(dr, "2", value(t, `{"id":2}`)); err != nil {
			t.Fatal(err)
		}
		got := ask(t, s, `{"operation":"search_by_conditions","database":"d","table":"R","conditions":[{"search_attribute":"id","search_type":"greater_than","search_value":-1}],"get_attributes":["$id","$updatedtime","$record"]}`)
		n := 0
		for r := range got.Elems() {
			n++
			at, _ := r.Get("$updatedtime").Float64()
			if audit.Time(at) <= version {
				t.Errorf("%v: %s", line, r.JSON())
			}
		}
		if n != 2 || len(s.Entries("d")) != 1 {
			t.Errorf("%v: %d records, %d entries", line, n, len(s.Entries("d")))
		}
		if err := s.WriteUnaudited(dr, "2", nil); err != nil || s.Count(dr) != 1 {
			t.Errorf("%v: %v, %d records are left", line, err, s.Count(dr))
		}
		if err := s.SetAudit(dr, false); err != nil {
			t.Fatal(err)
		}
		if err := s.Put("u", dr, "3", value(t, `{"v":1}`)); err != nil || len(s.Entries("d")) != 1 {
			t.Errorf("%v: %v, %d entries", line, err, len(s.Entries("d")))
		}
		if err := s.Recreate(dr); err != nil || s.Count(dr) != 0 || len(s.Entries("d")) != 0 {
			t.Errorf("%v: %v, recreated with %d records", line, err, s.Count(dr))
		}
		for _, err := range []error{s.WriteUnaudited(audit.Table{}, "1", nil), s.SetAudit(audit.Table{}, true), s.Recreate(audit.Table{})} {
			if !errors.Is(err, ErrNoTable) {
				t.Error(err)
			}
		}
		if n := len(s.Entries("system")); n != 0 {
			t.Errorf("%v: %d entries of the system", line, n)
		}
	}
}

// TestPatchCost reads a bulk update, which takes the square of its size, and
// what was before it comes before that.
func TestPatchCost(t *testing.T) {
	for _, line := range []Line{LMDB, RocksDB} {
		var slept time.Duration
		s := scratch(t, Options{Line: line, PatchCost: time.Millisecond, Sleep: func(_ context.Context, d time.Duration) { slept += d }})
		records := func(n int) string {
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf(`{"id":%d,"n":%d}`, i, n))
			}
			return strings.Join(list, ",")
		}
		ask(t, s, `{"operation":"insert","database":"d","table":"t","records":[`+records(100)+`]}`)
		ask(t, s, `{"operation":"update","database":"d","table":"t","records":[`+records(100)+`]}`)
		ask(t, s, `{"operation":"update","database":"d","table":"t","records":[{"id":1,"n":1}]}`)
		if got := logOf(t, s, dt, "[]"); len(got) != 3 {
			t.Errorf("%v: %d groups", line, len(got))
		}
		want := time.Duration(0)
		if line == RocksDB {
			want = 100 * 100 * time.Millisecond
		}
		if slept != want {
			t.Errorf("%v: the answer took %v, want %v", line, slept, want)
		}
		slept = 0
		last := s.Entries("d")[200]
		logOf(t, s, dt, fmt.Sprintf("[%v]", last.LocalTime))
		if slept != 0 {
			t.Errorf("%v: a window without the bulk update took %v", line, slept)
		}
	}
}
