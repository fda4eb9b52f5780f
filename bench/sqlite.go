package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// sqlite is SQLite with three indexes and FTS5, by its command line program.
type sqlite struct {
	dir  string
	conn *session
	idle time.Duration // how long an empty question takes to go through the pipes
}

func (s *sqlite) Name() string { return "SQLite" }

func (s *sqlite) Version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "sqlite3", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%w: Debian package sqlite3 (%w)", errMissing, err)
	}
	number, _, _ := strings.Cut(string(out), " ")
	return "SQLite " + number + ", FTS5", nil
}

func (s *sqlite) file() string { return filepath.Join(s.dir, "events.db") }

// sqliteSchema has the indexes before the rows come, as a log that is followed
// needs them. The words are taken in one pass after the rows, which costs a
// third of doing it row by row.
const sqliteSchema = `PRAGMA synchronous=off;
PRAGMA cache_size=-262144;
CREATE TABLE ev(id INTEGER PRIMARY KEY, ts REAL, op TEXT, usr TEXT, tbl TEXT, rid TEXT, body TEXT);
CREATE INDEX ev_user ON ev(usr, ts);
CREATE INDEX ev_record ON ev(tbl, rid, ts);
CREATE INDEX ev_ts ON ev(ts);
CREATE VIRTUAL TABLE fts USING fts5(body, content='ev', content_rowid='id', detail=none);
`

func (s *sqlite) Load(ctx context.Context, d *dataset) (load, error) {
	if err := emptyDir(s.dir); err != nil {
		return load{}, err
	}
	cmd := exec.CommandContext(ctx, "sqlite3", "-batch", "-bail", s.file())
	cmd.Stdin = strings.NewReader(sqliteSchema + ".mode csv\n.import " + d.Rows + " ev\nINSERT INTO fts(fts) VALUES('rebuild');\nANALYZE;\n")
	u, err := run(cmd)
	if err != nil {
		return load{}, fmt.Errorf("load SQLite: %w", err)
	}
	n, err := bytesIn(s.dir)
	return load{usage: u, Bytes: n}, err
}

func (s *sqlite) Open(ctx context.Context) (err error) {
	if s.conn, err = begin(exec.CommandContext(ctx, "sqlite3", "-batch", "-bail", "-readonly", s.file()), ".print "+endMark); err != nil {
		return fmt.Errorf("open SQLite: %w", err)
	}
	if _, err := s.conn.ask("PRAGMA cache_size=-262144;\nPRAGMA mmap_size=4294967296;\n.mode list\n.separator |"); err != nil {
		return fmt.Errorf("open SQLite: %w", err)
	}
	var empty []time.Duration
	for range 200 {
		began := time.Now()
		if _, err := s.conn.ask(""); err != nil {
			return fmt.Errorf("open SQLite: %w", err)
		}
		empty = append(empty, time.Since(began))
	}
	s.idle = median(empty)
	return nil
}

// Ask measures from outside: the program's own timer counts in milliseconds.
func (s *sqlite) Ask(_ context.Context, q question) (answer, error) {
	text := sqlOf(q, dialect{
		match:  func(word string, prefix bool) string { return ftsMatch(word, prefix) },
		newest: "id", // as a list of words is in the order of rows
	})
	began := time.Now()
	lines, err := s.conn.ask(text)
	took := max(time.Since(began)-s.idle, 0)
	if err != nil {
		return answer{}, fmt.Errorf("ask SQLite %s: %w", q.Kind, err)
	}
	return sqlAnswer(q, lines, took)
}

func (s *sqlite) Close() error {
	if s.conn == nil {
		return nil
	}
	defer func() { s.conn = nil }()
	return s.conn.close()
}

func ftsMatch(word string, prefix bool) string {
	star := ""
	if prefix {
		star = "*"
	}
	return "id IN (SELECT rowid FROM fts WHERE fts MATCH " + quoteSQL(`"`+word+`"`+star) + ")"
}

// emptyDir makes a folder that has nothing in it.
func emptyDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}
