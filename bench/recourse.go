package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
	"recourse/index"
	"recourse/query"
	"recourse/rules"
	"recourse/store"
)

// written are the 50 rules that the load is judged by: conditions on attributes of
// the generator's tables, most of them counted over some minutes.
//
//go:embed rules/*.yaml
var written embed.FS

// recourse is the program itself: loaded by its own binary, asked in this
// process.
type recourse struct {
	dir    string
	binary string // built if empty
	budget string // of memory, as --memory has it
	pack   bool   // judge by the rules that come with the program, not by the 50

	store  *store.DB
	index  *index.Index
	engine *query.Engine
}

func (r *recourse) Name() string { return "recourse" }

// Version builds the program.
func (r *recourse) Version(ctx context.Context) (string, error) {
	if r.binary == "" {
		r.binary = filepath.Join(r.dir, "recourse.bin")
		if err := os.MkdirAll(r.dir, 0o755); err != nil {
			return "", err
		}
		if out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", r.binary, "recourse/cmd/recourse").CombinedOutput(); err != nil {
			return "", fmt.Errorf("build recourse: %w: %s", err, out)
		}
	}
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=10").Output()
	if err != nil {
		commit = []byte("of an unknown commit")
	}
	set, err := rules.Builtin()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("recourse %s, with 50 rules, and with its %d built-in ones", strings.TrimSpace(string(commit)), len(set.Rules())), nil
}

// bounded says whether the program can be given a budget of memory.
func (r *recourse) bounded(ctx context.Context) bool {
	for _, of := range [][]string{{"--help"}, {"import", "--help"}} {
		out, err := exec.CommandContext(ctx, r.binary, of...).Output()
		if err == nil && bytes.Contains(out, []byte("--memory")) {
			return true
		}
	}
	return false
}

func (r *recourse) data() string { return filepath.Join(r.dir, "data") }

// Load imports the groups into an empty data folder, with the index and the
// rules on, as a user would.
func (r *recourse) Load(ctx context.Context, d *dataset) (load, error) {
	if err := emptyDir(r.data()); err != nil {
		return load{}, err
	}
	l, err := r.add(ctx, d.Lines, d.Changes)
	if err == nil && l.Alerts == 0 {
		err = errors.New("load recourse: no rule raised an alert")
	}
	return l, err
}

// add imports a file of so many changes.
func (r *recourse) add(ctx context.Context, file string, changes int) (load, error) {
	return r.addSeen(ctx, file, changes, func(int) {})
}

// addSeen is add; begun is told the process.
func (r *recourse) addSeen(ctx context.Context, file string, changes int, begun func(pid int)) (load, error) {
	args := []string{"--data", r.data(), "-o", "json", "import"}
	if !r.pack {
		rules, err := r.writeRules()
		if err != nil {
			return load{}, err
		}
		args = append(args, "--no-builtin-rules", "--rules", rules)
	}
	if r.bounded(ctx) {
		args = append(args, "--memory", r.budget)
	}
	cmd := exec.CommandContext(ctx, r.binary, append(args, file)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	u, err := runSeen(cmd, begun)
	if err != nil {
		return load{}, fmt.Errorf("load recourse: %w", err)
	}
	var said struct {
		New    int `json:"new"`
		Alerts int `json:"alerts"`
	}
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		return load{}, fmt.Errorf("load recourse: read what it says: %w", err)
	}
	if said.New != changes {
		return load{}, fmt.Errorf("load recourse: it stored %d changes of %d", said.New, changes)
	}
	n, err := bytesIn(r.data())
	return load{u, n, said.Alerts}, err
}

// loadPacked is Load with the built-in rules.
func (r *recourse) loadPacked(ctx context.Context, d *dataset) (load, error) {
	was := r.pack
	defer func() { r.pack = was }()
	r.pack = true
	return r.Load(ctx, d)
}

// writeRules puts the 50 rules where the binary can read them.
func (r *recourse) writeRules() (string, error) {
	dir := filepath.Join(r.dir, "rules")
	if err := emptyDir(dir); err != nil {
		return "", err
	}
	sub, err := fs.Sub(written, "rules")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, sub); err != nil {
		return "", fmt.Errorf("write rules: %w", err)
	}
	return dir, nil
}

// A searched store is one as the engine of queries wants it.
type searched struct{ *store.DB }

// View implements query.Viewer.
func (s searched) View(ctx context.Context) (query.View, error) {
	v, err := s.DB.View(ctx)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Open opens the store and the index that the binary made.
func (r *recourse) Open(context.Context) (err error) {
	if r.store, err = store.Open(filepath.Join(r.data(), "store"), store.Options{}); err != nil {
		return err
	}
	if r.index, err = index.Open(filepath.Join(r.data(), "index"), index.Options{}); err != nil {
		return errors.Join(err, r.Close())
	}
	r.engine = &query.Engine{Store: searched{r.store}, Words: r.index}
	return nil
}

func (r *recourse) Close() error {
	var err error
	if r.index != nil {
		err = r.index.Close()
	}
	if r.store != nil {
		err = errors.Join(err, r.store.Close())
	}
	r.store, r.index, r.engine = nil, nil, nil
	return err
}

// Ask measures from the question's text to the answer.
func (r *recourse) Ask(ctx context.Context, q question) (answer, error) {
	began := time.Now()
	count, says, err := r.answer(ctx, q)
	if err != nil {
		return answer{}, fmt.Errorf("ask recourse %s: %w", q.Kind, err)
	}
	return answer{Took: time.Since(began), Count: count, Says: says}, nil
}

func (r *recourse) answer(ctx context.Context, q question) (count int, says string, err error) {
	within := fmt.Sprintf(" time>=%s time<%s", number(q.From), number(q.To))
	switch q.Kind {
	case newestOfUser:
		count, err = r.search(ctx, "user:"+q.User+" table:"+q.Table+within, page)
	case recordHistory:
		count, err = r.history(ctx, q)
	case rareWord:
		count, err = r.search(ctx, q.Word, 0)
	case topUsers:
		return r.top(ctx, strings.TrimSpace(within))
	case topDeleters:
		return r.top(ctx, "op:delete table:"+q.Table+within)
	case hourly:
		return r.hours(ctx, "user:"+q.User)
	case wordPrefix:
		count, err = r.search(ctx, q.Word+"*", page)
	}
	return count, strconv.Itoa(count), err
}

// search asks for the newest changes, all of them if the limit is 0, and says
// how many match.
func (r *recourse) search(ctx context.Context, text string, limit int) (int, error) {
	expr, err := query.Parse(text, time.Now())
	if err != nil {
		return 0, err
	}
	res, err := r.engine.Search(ctx, query.Query{Expr: expr, Limit: limit})
	if err != nil {
		return 0, err
	}
	if !res.Summary.TotalExact {
		return 0, fmt.Errorf("%s: at least %d, and no exact count", text, res.Summary.Total)
	}
	return res.Summary.Total, nil
}

// history reads a record's life with what each change edited.
func (r *recourse) history(ctx context.Context, q question) (int, error) {
	table, err := audit.ParseTable(q.Table)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, err := range query.Timeline(ctx, r.store, audit.Key{Table: table, ID: audit.ID(strconv.Quote(q.ID))}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// deep reads the page that begins behind so many of the newest changes.
func (r *recourse) deep(ctx context.Context, depth int) error {
	expr, err := query.Parse("*", time.Now())
	if err != nil {
		return err
	}
	res, err := r.engine.Search(ctx, query.Query{Expr: expr, Skip: depth, Limit: page})
	if err == nil && len(res.Changes) != page {
		err = fmt.Errorf("%d changes behind the newest %d", len(res.Changes), depth)
	}
	return err
}

// top is the ten users with the most changes that match, as the peers print it.
func (r *recourse) top(ctx context.Context, text string) (int, string, error) {
	expr, err := query.Parse(text, time.Now())
	if err != nil {
		return 0, "", err
	}
	res, err := r.engine.Facets(ctx, expr, []audit.Facet{audit.FacetUser}, 10)
	if err != nil {
		return 0, "", err
	}
	var lines []string
	for _, v := range res.Facets[0].Top {
		lines = append(lines, fmt.Sprintf("%s|%d", v.Value, v.N))
	}
	return len(lines), strings.Join(lines, " "), nil
}

// hours is how many changes match in each hour that has some, likewise.
func (r *recourse) hours(ctx context.Context, text string) (int, string, error) {
	expr, err := query.Parse(text, time.Now())
	if err != nil {
		return 0, "", err
	}
	res, err := r.engine.Histogram(ctx, expr, query.HistogramOptions{Step: time.Hour})
	if err != nil {
		return 0, "", err
	}
	var lines []string
	for _, b := range res.Buckets {
		if b.N > 0 {
			lines = append(lines, fmt.Sprintf("%d|%d", int64(b.From)/time.Hour.Milliseconds(), b.N))
		}
	}
	return len(lines), strings.Join(lines, " "), nil
}

// scan counts the changes of which a condition of rules holds.
func (r *recourse) scan(ctx context.Context, condition string) (int, error) {
	c, err := rules.ParseCondition("condition", condition)
	if err != nil {
		return 0, err
	}
	a, err := r.engine.Count(ctx, query.Of(query.Where{Text: condition, Holds: c.Holds}))
	return a.Total, err
}
