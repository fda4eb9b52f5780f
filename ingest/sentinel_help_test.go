package ingest_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/store"
)

// notebook is a store that may have no room.
type notebook struct {
	*store.DB
	full error // why nothing can be stored
}

func (n *notebook) Append(ctx context.Context, b audit.Batch) (audit.Appended, error) {
	if n.full != nil {
		return audit.Appended{}, n.full
	}
	return n.DB.Append(ctx, b)
}

// edited is a Harper whose descriptions and configuration a test may change.
type edited struct {
	*harper.Client
	describe  func(*harper.TableInfo)
	configure func(*harper.Config)
}

func (e *edited) DescribeAll(ctx context.Context) ([]harper.TableInfo, error) {
	infos, err := e.Client.DescribeAll(ctx)
	for i := range infos {
		if e.describe != nil {
			e.describe(&infos[i])
		}
	}
	return infos, err
}

func (e *edited) Configuration(ctx context.Context) (harper.Config, error) {
	cfg, err := e.Client.Configuration(ctx)
	if e.configure != nil {
		e.configure(&cfg)
	}
	return cfg, err
}

// scene is a Harper with a clock of the test's, its tail and its sentinel.
type scene struct {
	t        *testing.T
	srv      *harpertest.Server
	db       *notebook
	server   *edited
	tail     *ingest.Tailer
	sentinel *ingest.Sentinel
	mu       sync.Mutex
	now      audit.Time
	raised   map[string]int // by rule, how often alerts were said to be new or to have grown
}

func onLines(t *testing.T, o harpertest.Options, test func(*scene)) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			s := &scene{t: t, now: 1_795_470_000_000, raised: map[string]int{}}
			o := o
			o.Line, o.Clock = line, s.clock
			s.srv = harpertest.New(o)
			t.Cleanup(s.srv.Close)
			for _, table := range []audit.Table{dogs, cats} {
				s.srv.CreateTable(table, harpertest.Schema{Exported: true})
			}
			s.db = &notebook{DB: openStore(t)}
			s.server = &edited{Client: clientOf(t, s.srv)}
			s.restart()
			test(s)
		})
	}
}

func (s *scene) clock() audit.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	return s.now
}

func (s *scene) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += audit.Time(d.Milliseconds())
}

// restart begins anew with what the store holds.
func (s *scene) restart() {
	clock := func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now.Go() }
	s.tail = ingest.NewTailer(ingest.Options{Server: s.server, Store: s.db, Node: "n1", System: []string{"hdb_job"}, Now: clock})
	s.sentinel = ingest.NewSentinel(ingest.SentinelOptions{
		Server: s.server, Store: s.db, Node: "n1", Overlap: time.Millisecond, Now: clock,
		Raised: func(_ context.Context, alerts []audit.Alert) {
			for _, a := range alerts {
				s.raised[a.Rule]++
			}
		},
	})
}

// read lets the tail read everything.
func (s *scene) read() {
	s.t.Helper()
	if _, err := s.tail.Once(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// skip pretends that a table was read up to so long ago, and reads nothing.
func (s *scene) skip(table audit.Table, ago time.Duration) error {
	server := s.srv.Now() - audit.Time(ago.Milliseconds())
	_, err := s.db.Append(s.t.Context(), audit.Batch{
		Cursors: []audit.Cursor{{Node: "n1", Table: table, Time: server}},
		Spans:   []audit.Span{{Node: "n1", Table: table, From: 1, To: server}},
	})
	return err
}

// round is half a minute later: the tail reads, the sentinel looks.
func (s *scene) round() {
	s.t.Helper()
	s.pass(30 * time.Second)
	s.read()
	s.check()
}

func (s *scene) check() {
	s.t.Helper()
	if err := s.sentinel.Check(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) put(table audit.Table, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		put(s.t, s.srv, table, id, map[string]any{"id": id, "n": 1})
	}
}

func (s *scene) call(operation map[string]any) {
	s.t.Helper()
	if _, err := s.server.Call(s.t.Context(), operation); err != nil {
		s.t.Fatal(err)
	}
}

// alerts are the stored alerts of a rule.
func (s *scene) alerts(rule ingest.AlarmRule) []audit.Alert {
	s.t.Helper()
	all, err := s.db.Alerts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var some []audit.Alert
	for _, a := range all {
		if a.Rule == string(rule) {
			some = append(some, a)
		}
	}
	return some
}

// silent fails if there is any alert.
func (s *scene) silent() {
	s.t.Helper()
	all, err := s.db.Alerts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range all {
		s.t.Errorf("alert %s: %s", a.Rule, a.Title)
	}
}

// one is the only alert of all, of that rule, with words in its title.
func (s *scene) one(rule ingest.AlarmRule, words ...string) audit.Alert {
	s.t.Helper()
	all, err := s.db.Alerts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if len(all) != 1 || all[0].Rule != string(rule) {
		for _, a := range all {
			s.t.Logf("alert %s: %s", a.Rule, a.Title)
		}
		s.t.Fatalf("%d alerts, want one of %s", len(all), rule)
	}
	for _, w := range words {
		if !strings.Contains(all[0].Title, w) {
			s.t.Errorf("title %q: want %q in it", all[0].Title, w)
		}
	}
	return all[0]
}

func (s *scene) gaps(kind audit.GapKind, table audit.Table) []audit.Gap {
	s.t.Helper()
	all, err := s.db.Gaps(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var some []audit.Gap
	for _, g := range all {
		if g.Kind == kind && g.Table == table {
			some = append(some, g)
		}
	}
	return some
}

func sourced(i *harper.TableInfo) { i.Sourced = true }
