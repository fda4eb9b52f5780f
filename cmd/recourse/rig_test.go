package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// A rig is a Harper to write to and to watch.
type rig struct {
	ops, rest, user, password string
	restTable                 audit.Table // exported over REST; zero: none
	feed                      string      // what watch is to read beside the audit log; empty: nothing
	shared                    bool        // others may write to restTable, and make entries that cannot be read
}

// builtin is the built-in server of a line, with the feed component if that is
// to be read.
func builtin(t testing.TB, line harpertest.Line, feed string) rig {
	srv := harpertest.New(harpertest.Options{Line: line})
	t.Cleanup(func() { srv.Close() })
	dog := audit.Table{Database: "contract", Name: "Dog"}
	srv.CreateTable(dog, harpertest.Schema{Exported: true})
	if feed == "component" {
		srv.InstallFeed()
	}
	return rig{feed: feed, ops: srv.OpsURL(), rest: srv.RESTURL(), user: "admin", password: "secret", restTable: dog}
}

// live is the Harper that the environment names. HARPER_TEST_FEED says what
// watch reads beside the audit log: events or component.
func live(t testing.TB) rig {
	r := rig{
		ops: os.Getenv("HARPER_TEST_URL"), rest: os.Getenv("HARPER_TEST_REST_URL"),
		user: os.Getenv("HARPER_TEST_USERNAME"), password: os.Getenv("HARPER_TEST_PASSWORD"),
		feed: os.Getenv("HARPER_TEST_FEED"), shared: true,
	}
	if r.ops == "" {
		t.Skip("HARPER_TEST_URL names no live Harper")
	}
	if r.rest != "" {
		r.restTable = audit.Table{Database: "contract", Name: "Dog"}
	}
	return r
}

// A site is a rig with a table of its own to write to, and a data folder.
type site struct {
	rig
	client *harper.Client
	table  audit.Table
	prefix string     // of the ids that this test writes
	start  audit.Time // by the server's clock
	data   string
}

func newSite(t *testing.T, r rig) *site {
	t.Helper()
	client, err := harper.New(harper.Options{Target: r.ops, REST: r.rest, Username: r.user, Password: r.password})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("watch%06d", rand.IntN(1e6))
	s := &site{rig: r, client: client, table: audit.Table{Database: name, Name: "items"}, prefix: name, data: t.TempDir()}
	for _, op := range []map[string]any{
		{"operation": "create_database", "database": name, "schema": name},
		{"operation": "create_table", "database": name, "schema": name, "table": s.table.Name, "primary_key": "id", "hash_attribute": "id"},
	} {
		if _, err := client.Call(t.Context(), op); err != nil {
			t.Fatal(err)
		}
	}
	if s.start, _, err = client.ServerTime(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// tables are those that the test writes to.
func (s *site) tables() []audit.Table {
	if s.restTable == (audit.Table{}) {
		return []audit.Table{s.table}
	}
	return []audit.Table{s.table, s.restTable}
}

func (s *site) drop(t *testing.T) {
	name := s.table.Database
	if _, err := s.client.Call(t.Context(), map[string]any{"operation": "drop_database", "database": name, "schema": name}); err != nil {
		t.Logf("drop the test's database: %v", err)
	}
}

func command(r rig, data string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append(args, "--data", data)...)
	cmd.Env = append(os.Environ(), "RECOURSE_TEST_MAIN=1", "XDG_RUNTIME_DIR="+data,
		"HARPER_CLI_TARGET="+r.ops, "HARPER_CLI_USERNAME="+r.user, "HARPER_CLI_PASSWORD="+r.password)
	return cmd
}

// watchArgs are those of a watch that polls often and says what it stores.
func (s *site) watchArgs(more ...string) []string {
	args := append([]string{"watch", "--interval", "50ms"}, more...)
	if s.feed != "" {
		args = append(args, "--feed", s.feed, "--rest-target", s.rest)
	}
	return args
}

// once reads up to now, as the last word before a comparison.
func (s *site) once(t *testing.T) {
	t.Helper()
	if out, err := command(s.rig, s.data, s.watchArgs("--once")...).CombinedOutput(); err != nil {
		t.Fatalf("watch --once: %v\n%s", err, out)
	}
}

// A watching is a process of watch.
type watching struct {
	cmd    *exec.Cmd
	stored chan struct{} // closed when it has said that it stored something
	read   chan struct{} // closed when its log has ended

	mu  sync.Mutex
	log bytes.Buffer
}

func startWatch(t *testing.T, s *site) *watching {
	t.Helper()
	w := &watching{cmd: command(s.rig, s.data, s.watchArgs()...), stored: make(chan struct{}), read: make(chan struct{})}
	out, err := w.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	go w.follow(out)
	return w
}

func (w *watching) follow(out io.Reader) {
	defer close(w.read)
	told := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if storedLine.MatchString(lines.Text()) {
			if !told {
				close(w.stored)
			}
			told = true
			continue
		}
		w.mu.Lock()
		fmt.Fprintln(&w.log, lines.Text())
		w.mu.Unlock()
	}
}

// storedLine is what watch logs of what it stores.
var storedLine = regexp.MustCompile(`msg=stored table=\S+ new=(\d+)`)

// said is what it logged, but for what it stored.
func (w *watching) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// kill ends watch as a power cut would, and makes sure that it was running.
func (w *watching) kill(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Kill(); err != nil {
		t.Fatalf("kill: %v\n%s", err, w.said())
	}
	<-w.read
	err := w.cmd.Wait()
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("watch had ended before it was killed: %v\n%s", err, w.said())
	}
}
