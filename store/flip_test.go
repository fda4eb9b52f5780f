package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/index"
	"recourse/query"
	"recourse/store"
)

// flipDir tells this test binary to be the process that opens a folder whose
// bytes were flipped.
const flipDir = "RECOURSE_TEST_FLIP_DIR"

// flipOptions are those of the store whose bytes are flipped.
func flipOptions() store.Options {
	o := store.Options{Memory: 1, NoSync: true}
	o.Chunks(64, 2)
	return o
}

// smallFolder is a folder with a store of some sealed chunks, a shelf, a chunk that is
// not full, a body in the value log and one of everything else, and an index.
func smallFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, dir: dir, o: flipOptions(), story: newStory(4)}
	w.open()
	for w.db.Last() < 300 {
		_, err := w.db.Append(t.Context(), w.story.batch(40))
		w.must(err)
		_, err = w.x.Follow(t.Context(), w.db)
		w.must(err)
	}
	large := w.story.change()
	bytes := make([]byte, 100_000)
	for i := range bytes {
		bytes[i] = byte(w.story.r.Uint32())
	}
	large.After.Body = large.After.Body.With("note", audit.BytesValue(bytes))
	_, err := w.db.Append(t.Context(), audit.Batch{Changes: []audit.Change{large}})
	w.must(err)
	hit(t, w.db, 0)
	w.must(w.db.SaveAlerts(t.Context(), []audit.Alert{{ID: "a", Rule: "r-1"}}, map[string][]byte{"w": {1, 2}}, 9))
	w.must(w.db.AddReceipt(t.Context(), audit.Receipt{Plan: "p"}))
	w.must(w.db.MarkOwn(t.Context(), "p", audit.ChangeID{1}))
	w.must(w.close())
	return dir
}

// answers are what a folder says to a set of questions, one a line: what it cannot
// answer is an error that is none of these lines.
func answers(dir string) (lines []string, err error) {
	// A map of a file that is damaged may be read beyond its end.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err := store.Open(filepath.Join(dir, "store"), flipOptions())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	x, err := index.Open(filepath.Join(dir, "index"), index.Options{Wait: 50 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	return ask(db, x)
}

var flipQuestions = []string{
	"*", "paid", "carries:paid", "p*", "*ing", "payd~", "user:eve", "-user:eve", "op:delete", "table:shop.orders", "node:n1", "attr:status", "attr:*",
	"late:true", "lossy:true", "rule:r-1", "rule:r-*", "id:3", "before:unknown", "after.status:paid", `key:shop.orders/3`, "seq:[20..90]", "time>=1785600500000", "carries:payment or user:svc-*",
}

func ask(db *store.DB, x *index.Index) (lines []string, err error) {
	ctx := context.Background()
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	e := &query.Engine{Store: searched{db}, Words: x, Now: func() time.Time { return questionsFrom }}
	for _, text := range flipQuestions {
		expr, err := query.Parse(text, questionsFrom)
		if err != nil {
			return nil, err
		}
		r, err := e.Search(ctx, query.Query{Expr: expr, Limit: 40})
		if err != nil {
			return nil, err
		}
		say("%s: %d %v %v", text, r.Summary.Total, r.Summary.Complete, numbers(r.Changes))
		f, err := e.Facets(ctx, expr, oracleFacets, 5)
		if err != nil {
			return nil, err
		}
		say("%s: %v", text, f.Facets)
	}
	for c, err := range db.Follow(ctx, 0) {
		if err != nil {
			return nil, err
		}
		say("%+v", c)
	}
	var all []error
	tables, e1 := db.Tables(ctx)
	users, e2 := db.Users(ctx)
	gaps, e3 := db.Gaps(ctx)
	spans, e4 := db.Spans(ctx)
	cursors, e5 := db.Cursors(ctx)
	alerts, e6 := db.Alerts(ctx)
	baselines, e7 := db.Baselines(ctx)
	state, e8 := db.RuleState(ctx)
	receipts, e9 := db.Receipts(ctx, "p")
	say("%v %v %v %v %v %v %v %v %v", tables, users, gaps, spans, cursors, alerts, baselines, state, receipts)
	for seq := audit.Seq(1); seq <= db.Last(); seq += 7 {
		d, err := db.Divergences(ctx, seq)
		all = append(all, err)
		say("%v", d)
	}
	if all = append(all, e1, e2, e3, e4, e5, e6, e7, e8, e9); errors.Join(all...) != nil {
		return nil, errors.Join(all...)
	}
	problems := 0
	_, err = db.Verify(ctx, func(string) { problems++ })
	if err == nil && problems > 0 {
		err = fmt.Errorf("%d problems", problems)
	}
	return lines, err
}

// flipped answers for each line that comes in: it writes the file anew with a bit
// flipped, asks, puts it right again, and says "right", "wrong" or the error.
func flipped(dir string, in io.Reader, out io.Writer) error {
	want, err := os.ReadFile(filepath.Join(dir, "want"))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var name string
		var at int
		if _, err := fmt.Sscan(lines.Text(), &name, &at); err != nil {
			return err
		}
		said := "right"
		// A fresh copy, as opening writes.
		work := filepath.Join(dir, "work")
		err := errors.Join(os.RemoveAll(work), os.CopyFS(work, os.DirFS(filepath.Join(dir, "whole"))))
		if err != nil {
			return err
		}
		data, err := os.ReadFile(filepath.Join(work, name))
		if err != nil {
			return err
		}
		data[at] ^= 1 << (at % 8)
		if err := os.WriteFile(filepath.Join(work, name), data, 0o600); err != nil {
			return err
		}
		got, err := guarded(work)
		if err != nil {
			said = "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		} else if text := strings.Join(got, "\n"); text != string(want) {
			said = "wrong " + difference(text, string(want))
		}
		if _, err := fmt.Fprintln(out, said); err != nil {
			return err
		}
	}
	return lines.Err()
}

func guarded(dir string) (got []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return answers(dir)
}

// difference is the first line in which two texts differ.
func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%.300q, want %.300q", a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}

// A flipper is the process that answers.
type flipper struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Reader
}

func startFlipper(t *testing.T, dir string) *flipper {
	t.Helper()
	f := &flipper{cmd: exec.Command(os.Args[0], "-test.run=^TestFlipped$")}
	f.cmd.Env = append(os.Environ(), flipDir+"="+dir)
	in, err1 := f.cmd.StdinPipe()
	out, err2 := f.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, f.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	f.in, f.lines = in, bufio.NewReader(out)
	return f
}

// ask is what the process says; "" if it ended or did not answer.
func (f *flipper) ask(name string, at int) string {
	timer := time.AfterFunc(60*time.Second, func() { _ = f.cmd.Process.Kill() })
	defer timer.Stop()
	if _, err := fmt.Fprintln(f.in, name, at); err != nil {
		return ""
	}
	line, err := f.lines.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(line, "\n")
}

func (f *flipper) stop() {
	_ = f.in.Close()
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
}

// TestFlipped flips bytes of all files of a store and its index in turn: what is
// then answered is right, or an error.
func TestFlipped(t *testing.T) {
	if dir := os.Getenv(flipDir); dir != "" {
		if err := flipped(dir, os.Stdin, os.Stdout); err != nil {
			t.Error(err)
		}
		return
	}
	// So many bytes of a file; those that are mostly empty have a long way to go.
	most := map[string]int{".sst": 40, ".vlog": 20, ".zap": 20, ".bolt": 15, "": 15}
	if soak() {
		most = map[string]int{".sst": 1 << 30, ".vlog": 5003, ".zap": 1 << 30, ".bolt": 7001, "": 5003}
	}
	dir := t.TempDir()
	from := smallFolder(t)
	if err := os.CopyFS(filepath.Join(dir, "whole"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	want, err := answers(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "want"), []byte(strings.Join(want, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	f := startFlipper(t, dir)
	defer func() { f.stop() }()
	counts := map[string]int{}
	for name, size := range sizes(t, filepath.Join(dir, "whole")) {
		each := most[filepath.Ext(name)]
		for i := range min(each, size) {
			at := i
			if size > each { // not always the same bits
				at = (i*size + size/2) / each
			}
			said := f.ask(name, at)
			kind, _, _ := strings.Cut(said, " ")
			counts[filepath.Ext(name)+" "+kind]++
			switch kind {
			case "right", "error":
				if strings.Contains(said, "panic") {
					t.Logf("%s, byte %d: %.300s", name, at, said)
				}
			case "":
				t.Errorf("%s, byte %d: the process ended", name, at)
				f.stop()
				f = startFlipper(t, dir)
			default:
				t.Errorf("%s, byte %d of %d: %s", name, at, size, said)
			}
		}
	}
	t.Log(counts)
}

// sizes are how many bytes each file has; of the empty ones nothing is said.
func sizes(t *testing.T, dir string) map[string]int {
	t.Helper()
	all := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			name, _ := filepath.Rel(dir, path)
			all[name] = int(info.Size())
		}
		return err
	})
	if err != nil || len(all) < 6 {
		t.Fatal(all, err)
	}
	t.Log(all)
	return all
}
