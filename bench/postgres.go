package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postgres is PostgreSQL with three B-trees and two GIN indexes, as a server of
// its own on a socket of its own.
type postgres struct {
	dir    string
	bin    string // the folder of its programs
	server *exec.Cmd
	conn   *session
}

func (p *postgres) Name() string { return "PostgreSQL" }

// Version finds the newest one that is installed.
func (p *postgres) Version(ctx context.Context) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		// Where it was not packaged by Debian, its programs lie together as well.
		path, err := exec.LookPath("postgres")
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return "", fmt.Errorf("%w: Debian package postgresql-15", errMissing)
		}
		found = []string{path}
	}
	p.bin = filepath.Dir(slices.Max(found))
	out, err := exec.CommandContext(ctx, p.program("postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%w: %w", errMissing, err)
	}
	_, number, _ := strings.Cut(strings.TrimSpace(string(out)), ") ")
	return "PostgreSQL " + number + ", jsonb and GIN", nil
}

func (p *postgres) program(name string) string { return filepath.Join(p.bin, name) }

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

// command is one of its programs. The server refuses to run as root, so root
// runs it as the user whom the package made for it.
func (p *postgres) command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, p.program(name), args...)
	cmd.Dir = p.dir
	if os.Getuid() != 0 {
		return cmd, nil
	}
	uid, gid, err := postgresUser()
	if err == nil {
		as(cmd, uid, gid)
	}
	return cmd, err
}

func postgresUser() (uid, gid uint32, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, fmt.Errorf("find a user to run PostgreSQL as: %w", err)
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	group, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(id), uint32(group), errors.Join(err, err2)
}

// postgresSettings give it the memory that a log of this size deserves, and let
// it answer small questions without compiling them.
const postgresSettings = `listen_addresses = ''
unix_socket_directories = '.'
synchronous_commit = off
shared_buffers = 512MB
maintenance_work_mem = 256MB
work_mem = 64MB
max_wal_size = 4GB
jit = off
`

const postgresSchema = `CREATE TABLE ev(id bigint, ts double precision, op text, usr text, tbl text, rid text, body jsonb);
CREATE INDEX ev_user ON ev(usr, ts);
CREATE INDEX ev_record ON ev(tbl, rid, ts);
CREATE INDEX ev_ts ON ev(ts);
CREATE INDEX ev_words ON ev USING gin(to_tsvector('simple', body));
CREATE INDEX ev_body ON ev USING gin(body jsonb_path_ops);
`

// Load measures the server and all its processes; what psql does is not counted.
func (p *postgres) Load(ctx context.Context, d *dataset) (l load, err error) {
	if err := p.init(ctx); err != nil {
		return load{}, fmt.Errorf("make a database of PostgreSQL: %w", err)
	}
	if err := p.start(ctx); err != nil {
		return load{}, err
	}
	peak := watch(p.server.Process.Pid, 200*time.Millisecond, treeMemory)
	began := time.Now()
	size, err := p.psql(ctx, postgresSchema+"\\copy ev FROM '"+d.Rows+"' csv\nVACUUM ANALYZE ev;\nSELECT pg_total_relation_size('ev');\n")
	l.Wall = time.Since(began)
	l.Memory = peak()
	state, stopErr := p.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return load{}, fmt.Errorf("load PostgreSQL: %w", err)
	}
	l.CPU = cpuOf(state)
	l.Bytes, err = strconv.ParseInt(strings.TrimSpace(size), 10, 64)
	return l, err
}

func (p *postgres) init(ctx context.Context) error {
	if err := emptyDir(p.dir); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		uid, gid, err := postgresUser()
		if err != nil {
			return err
		}
		if err := os.Chown(p.dir, int(uid), int(gid)); err != nil {
			return err
		}
	}
	cmd, err := p.command(ctx, "initdb", "-D", p.data(), "-A", "trust", "-U", "bench", "--locale=C", "--encoding=UTF8", "--no-sync")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s (can its user enter the work folder?)", err, out)
	}
	f, err := os.OpenFile(filepath.Join(p.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, postgresSettings)
	return errors.Join(err, f.Close())
}

// start starts the server and waits until it answers.
func (p *postgres) start(ctx context.Context) error {
	cmd, err := p.command(ctx, "postgres", "-D", p.data())
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close() // it has its own
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	p.server = cmd
	for range 600 {
		if exec.CommandContext(ctx, p.program("pg_isready"), "-q", "-h", p.data()).Run() == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, err = p.stop()
	return errors.Join(fmt.Errorf("start PostgreSQL: it does not answer in a minute: see %s", log.Name()), err)
}

// stop has the server write all out and end, and says what it took in all.
func (p *postgres) stop() (*os.ProcessState, error) {
	cmd := p.server
	p.server = nil
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		return nil, err
	}
	err := cmd.Wait()
	return cmd.ProcessState, err
}

func (p *postgres) client(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, p.program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", p.data(), "-U", "bench", "postgres")
}

func (p *postgres) psql(ctx context.Context, script string) (string, error) {
	cmd := p.client(ctx)
	cmd.Stdin = strings.NewReader(script)
	var errs quiet
	cmd.Stderr = &errs
	out, err := cmd.Output()
	return string(out), errors.Join(err, errs.err())
}

// Open starts the server and one connection to it.
func (p *postgres) Open(ctx context.Context) (err error) {
	if err := p.start(ctx); err != nil {
		return err
	}
	if p.conn, err = begin(p.client(ctx), "\\echo '"+endMark+"'"); err == nil {
		_, err = p.conn.ask("\\timing on")
	}
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	return nil
}

// Ask measures by psql: from sending the statement to having its whole result.
func (p *postgres) Ask(_ context.Context, q question) (answer, error) {
	lines, err := p.conn.ask(sqlOf(q, dialect{match: tsMatch, newest: "ts"}))
	if err != nil {
		return answer{}, fmt.Errorf("ask PostgreSQL %s: %w", q.Kind, err)
	}
	lines, took, err := cutTimes(lines)
	if err != nil {
		return answer{}, fmt.Errorf("ask PostgreSQL %s: %w", q.Kind, err)
	}
	return sqlAnswer(q, lines, took)
}

func tsMatch(word string, prefix bool) string {
	if prefix {
		word += ":*"
	}
	return "to_tsvector('simple', body) @@ to_tsquery('simple', " + quoteSQL(word) + ")"
}

// cutTimes parts the lines "Time: 1.234 ms" from the answer, and adds them up.
func cutTimes(lines []string) ([]string, time.Duration, error) {
	var rest []string
	var sum time.Duration
	for _, line := range lines {
		text, ok := strings.CutPrefix(line, "Time: ")
		if !ok {
			rest = append(rest, line)
			continue
		}
		number, _, _ := strings.Cut(text, " ms")
		ms, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, 0, fmt.Errorf("read the time of an answer: %w", err)
		}
		sum += time.Duration(ms * 1e6)
	}
	return rest, sum, nil
}

func (p *postgres) Close() error {
	var err error
	if p.conn != nil {
		err = p.conn.close()
		p.conn = nil
	}
	if p.server != nil {
		_, stopErr := p.stop()
		err = errors.Join(err, stopErr)
	}
	return err
}
