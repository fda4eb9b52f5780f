package ingest

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harpertest"
)

const replayDir = "../testdata/incidents/"

// A replay plays a recorded incident again, entry by entry, on a built-in server.
type replay struct {
	srv    *harpertest.Server
	tables []audit.Table
	now    audit.Time
	lines  []dumpLine // not yet played

	wiped   audit.Time // the last entry that the attacker deleted
	written map[audit.Key]audit.Time
	entries map[fact][]harpertest.Entry
	images  map[fact][]audit.Value // what the record was after each
}

// A dumpLine is one entry of the raw log.
type dumpLine struct {
	database string
	at       audit.Time
	wiped    bool
	text     []byte
}

// A capturedPoll is what was asked and answered while the incident happened.
type capturedPoll struct {
	at       audit.Time
	table    audit.Table
	request  string
	response audit.Value
}

func newReplay(t *testing.T, line harpertest.Line) *replay {
	t.Helper()
	r := &replay{written: map[audit.Key]audit.Time{}, entries: map[fact][]harpertest.Entry{}, images: map[fact][]audit.Value{}}
	r.srv = harpertest.New(harpertest.Options{Line: line, Clock: func() audit.Time { return r.now }})
	t.Cleanup(r.srv.Close)
	dir := filepath.Join(replayDir, line.String())
	v := readValue(t, filepath.Join(dir, "final", "describe_all.json")).Get("response")
	if err := r.srv.LoadSchema([]byte(v.JSON())); err != nil {
		t.Fatal(err)
	}
	for db, tables := range v.Fields() {
		for name := range tables.Fields() {
			r.tables = append(r.tables, audit.Table{Database: db, Name: name})
		}
		r.lines = append(r.lines, dumpOf(t, filepath.Join(dir, "store", db+".jsonl.gz"), db)...)
	}
	slices.SortStableFunc(r.lines, func(a, b dumpLine) int { return cmp.Compare(a.at, b.at) })
	return r
}

func readValue(t *testing.T, name string) audit.Value {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := audit.FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func dumpOf(t *testing.T, name, db string) (lines []dumpLine) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var e struct {
			LocalTime audit.Time `json:"localTime"`
			Wiped     bool       `json:"wiped"`
		}
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		// Wiped, it would be gone before it is played.
		text := bytes.Replace(bytes.Clone(in.Bytes()), []byte(`"wiped": true`), []byte(`"wiped": false`), 1)
		lines = append(lines, dumpLine{db, e.LocalTime, e.Wiped, text})
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func captured(t *testing.T, line harpertest.Line) (polls []capturedPoll) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(replayDir, line.String(), "tail", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		table, err := audit.ParseTable(strings.TrimSuffix(filepath.Base(name), ".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for text := range bytes.Lines(data) {
			v, err := audit.FromJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			at, _ := v.Get("at").Float64()
			polls = append(polls, capturedPoll{audit.Time(at), table, v.Get("request").JSON(), v.Get("response")})
		}
	}
	slices.SortFunc(polls, func(a, b capturedPoll) int { return cmp.Compare(a.at, b.at) })
	return polls
}

// until plays what happened before a time: entries, a deletion of a part of the
// log, and records whose time to live was over.
func (r *replay) until(t *testing.T, at audit.Time) {
	t.Helper()
	r.now = at
	n := 0
	for ; n < len(r.lines) && r.lines[n].at < at; n++ {
		r.play(t, r.lines[n])
	}
	r.lines = r.lines[n:]
	if at >= reviewsWiped && r.srv.Line() == harpertest.LMDB {
		if _, err := r.srv.Wipe(reviews, r.wiped+1e-3); err != nil {
			t.Fatal(err)
		}
	}
	for id := range r.srv.Records(sessions) {
		if r.written[audit.Key{Table: sessions, ID: id}] < at-sessionsLive {
			if err := r.srv.Evict(sessions, id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

var (
	reviews  = audit.Table{Database: "shop", Name: "reviews"}
	sessions = audit.Table{Database: "shop", Name: "sessions"}
)

const (
	// reviewsWiped is when, on the LMDB line, the attacker's deletion of the log of
	// the reviews was done: between two polls of them.
	reviewsWiped   = audit.Time(1795470042000)
	sessionsLive   = 25_000 // their time to live
	incidentLength = 4058
)

// play plays one entry, and notes what its record was after it.
func (r *replay) play(t *testing.T, l dumpLine) {
	t.Helper()
	if err := r.srv.LoadDump(l.database, bytes.NewReader(l.text)); err != nil {
		t.Fatal(err)
	}
	if l.wiped {
		r.wiped = l.at
	}
	e := r.newest(t, l)
	key := audit.Key{Table: e.Table, ID: e.ID}
	r.written[key] = e.LocalTime
	f := factOf(&e)
	r.images[f] = append(r.images[f], r.srv.Records(e.Table)[e.ID])
	r.entries[f] = append(r.entries[f], e)
}

// newest is the entry that a line is.
func (r *replay) newest(t *testing.T, l dumpLine) harpertest.Entry {
	t.Helper()
	v, err := audit.FromJSON(l.text)
	if err != nil {
		t.Fatal(err)
	}
	id, err := audit.IDOf(v.Get("id"))
	if err != nil {
		t.Fatal(err)
	}
	version, _ := v.Get("version").Float64()
	return harpertest.Entry{
		LocalTime: l.at, Version: audit.Time(version), Type: v.Get("type").Text(), User: v.Get("user").Text(), ID: id,
		Table: audit.Table{Database: l.database, Name: v.Get("table").Text()},
	}
}

// shows says that the replayed server answers a poll as the real one did.
func (r *replay) shows(t *testing.T, p capturedPoll) {
	t.Helper()
	got, err := (&wire{srv: r.srv}).ask(p.request, true)
	if err != nil {
		t.Fatal(err)
	}
	v, err := audit.FromJSON(got)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Equal(p.response) {
		t.Errorf("%s %s: %d groups, the real server showed %d, or others", p.at, p.table, v.Len(), p.response.Len())
	}
}
