package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
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
	w.must(w.db.Deliver(t.Context(), []audit.Route{{Sink: "s"}}, 0))
	w.must(w.db.SaveAlerts(t.Context(), []audit.Alert{{ID: "b", Rule: "r-1", State: audit.AlertOpen, Inhibits: []string{"x"}, Dedupe: 1}}, nil, 9))
	_, err = w.db.Act(t.Context(), "b", audit.AlertEvent{Action: audit.ActionAcknowledged, By: "ann"})
	w.must(err)
	_, err = w.db.AddSilence(t.Context(), audit.Silence{Reason: "r", Expires: 1e15, Match: audit.SilenceMatch{Rules: []string{"x"}}})
	w.must(err)
	w.must(w.db.AddReceipt(t.Context(), audit.Receipt{Plan: "p"}))
	w.must(w.db.MarkOwn(t.Context(), "p", audit.ChangeID{1}))
	w.must(w.close())
	return dir
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
	most := map[string]int{".sst": 24, ".vlog": 12, ".zap": 12, ".bolt": 10, "": 10}
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
			if size > each {
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
