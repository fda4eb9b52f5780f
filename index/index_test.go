package index_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/index"
	"recourse/query"
)

func numbered(n int) []audit.Change {
	changes := newCorpus(9).changes(n)
	for i := range changes {
		changes[i].Seq = audit.Seq(i + 1)
	}
	return changes
}

func add(t testing.TB, x *index.Index, changes ...audit.Change) {
	t.Helper()
	if err := x.Add(context.Background(), changes); err != nil {
		t.Fatal(err)
	}
}

// find is what the index proposes for a query.
func find(t testing.TB, x *index.Index, text string) []audit.Seq {
	t.Helper()
	e, err := query.Parse(text, now)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []audit.Seq
	for pos, err := range x.Candidates(context.Background(), e, query.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, pos.Seq)
	}
	return seqs
}

func TestAddKeepsCount(t *testing.T) {
	dir := t.TempDir()
	x := openIndex(t, dir)
	changes := numbered(10)
	add(t, x, changes[:4]...)
	for _, wrong := range [][]audit.Change{{changes[5]}, {changes[4], changes[6]}, {{Seq: 0}}} {
		if err := x.Add(context.Background(), wrong); !errors.Is(err, index.ErrSkipped) {
			t.Errorf("Add after 4 of %d: %v, want ErrSkipped", wrong[0].Seq, err)
		}
	}
	if got := x.Progress(); got != 4 {
		t.Errorf("Progress = %d, want 4", got)
	}
	add(t, x, changes[6], changes[4], changes[5])
	again := changes[2]
	again.User = "someone"
	add(t, x, again)
	if got := x.Progress(); got != 7 {
		t.Errorf("Progress = %d, want 7", got)
	}
	if got := find(t, x, "user:someone"); len(got) != 1 || got[0] != 3 {
		t.Errorf("user:someone finds %v, want 3", got)
	}
	if got := find(t, x, "*"); len(got) != 7 {
		t.Errorf("* finds %v, want 7 changes", got)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := x.Add(cancelled, changes[7:8]); !errors.Is(err, context.Canceled) || x.Progress() != 7 {
		t.Errorf("cancelled Add: %v, progress %d", err, x.Progress())
	}
}

func TestOpenKeepsWhatWasAdded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "index")
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	add(t, x, numbered(10)...)
	if _, err := index.Open(dir, index.Options{Wait: 10 * time.Millisecond}); !errors.Is(err, index.ErrBusy) {
		t.Errorf("Open of an open index: %v, want ErrBusy", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if x = openIndex(t, dir); x.Progress() != 10 || len(find(t, x, "*")) != 10 {
		t.Errorf("reopened: progress %d, %d changes", x.Progress(), len(find(t, x, "*")))
	}
	err = filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// full is how many changes a whole index of these tests has.
const full = 60

// whole makes an index of some batches and closes it.
func whole(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "index")
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	changes := numbered(full)
	for i := range 6 {
		add(t, x, changes[i*10:i*10+10]...)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// segments are the index's files; some of them may be of no use any more.
func segments(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "store", "*.zap"))
	if err != nil || len(files) == 0 {
		t.Fatalf("segments: %v, %v", files, err)
	}
	return files
}

func TestDamageAsksForRebuild(t *testing.T) {
	write := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(dir string){
		"no meta file":  func(dir string) { _ = os.Remove(filepath.Join(dir, "index_meta.json")) },
		"bad meta file": func(dir string) { write(filepath.Join(dir, "index_meta.json"), []byte("{")) },
		"no store":      func(dir string) { _ = os.RemoveAll(filepath.Join(dir, "store")) },
		"no root":       func(dir string) { _ = os.Remove(filepath.Join(dir, "store", "root.bolt")) },
		"empty root":    func(dir string) { write(filepath.Join(dir, "store", "root.bolt"), nil) },
		"zeroed root":   func(dir string) { write(filepath.Join(dir, "store", "root.bolt"), make([]byte, 1<<16)) },
		"segments are gone": func(dir string) {
			for _, path := range segments(t, dir) {
				_ = os.Remove(path)
			}
		},
		"segments are cut": func(dir string) {
			for _, path := range segments(t, dir) {
				if err := os.Truncate(path, 100); err != nil {
					t.Fatal(err)
				}
			}
		},
		"bits have flipped": func(dir string) {
			for _, path := range segments(t, dir) {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				data[len(data)/3] ^= 4
				write(path, data)
			}
		},
		"only a stranger's file": func(dir string) {
			_ = os.RemoveAll(filepath.Join(dir, "store"))
			_ = os.Remove(filepath.Join(dir, "index_meta.json"))
			write(filepath.Join(dir, "notes.txt"), []byte("mine"))
		},
	} {
		dir := whole(t)
		damage(dir)
		x, err := index.Open(dir, index.Options{Wait: 50 * time.Millisecond})
		if err == nil && x.Progress() < full {
			// bleve has gone back to a snapshot from before the damaged segments. It
			// is whole, and says itself that it has to catch up.
			if err := x.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if !errors.Is(err, index.ErrRebuild) {
			t.Errorf("%s: Open: %v, want ErrRebuild", name, err)
			if x != nil {
				_ = x.Close()
			}
			continue
		}
		var hint interface{ Hint() string }
		if !errors.As(err, &hint) || hint.Hint() == "" {
			t.Errorf("%s: no hint with %v", name, err)
		}
		if err := index.Reset(dir); (err != nil) != (name == "only a stranger's file") {
			t.Errorf("%s: Reset: %v", name, err)
		}
		if name == "only a stranger's file" {
			continue
		}
		again, err := index.Open(dir, index.Options{})
		if err != nil {
			t.Errorf("%s: Open after Reset: %v", name, err)
			continue
		}
		if again.Progress() != 0 {
			t.Errorf("%s: progress %d after Reset", name, again.Progress())
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := index.Reset(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("Reset of nothing: %v", err)
	}
}

// A hostile value must not blow up the dictionary, and must still be found.
func TestLongTermsAreCut(t *testing.T) {
	x := openIndex(t, t.TempDir())
	huge := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 20 {
		add(t, x, audit.Change{
			Seq: audit.Seq(i + 1), Op: audit.OpUpsert, Time: audit.Time(i), User: string(huge),
			After: audit.PresentImage(audit.Object(map[string]audit.Value{"v": audit.Text(string(huge[i:]) + "end")}), audit.Logged, audit.Exact),
		})
	}
	for q, want := range map[string]int{
		"user:" + string(huge[:30000]) + "*": 20, "*nd": 20, string(huge[:60000]): 20, "y*": 0, "xx*": 20,
	} {
		if got := len(find(t, x, q)); got != want {
			t.Errorf("%.10s… of %d bytes finds %d, want %d", q, len(q), got, want)
		}
	}
}

// What the index proposes must hold all that matches, and nothing else where it
// says so; most of all where terms are cut.
func TestCountIsExactWhereItSaysSo(t *testing.T) {
	x := openIndex(t, t.TempDir())
	var changes []audit.Change
	queries := []string{`"paid twice"`, `"twice paid"`, `carries:"paid twice"`, `-"paid twice"`, "-paid", "user:*", "time:5.0", "-time:5.0", "time:0.0"}
	for n := 119; n <= 131; n++ {
		for _, tail := range []string{"", "x", "é", "éx", "xé", "xx"} {
			text := strings.Repeat("u", n) + tail
			body := audit.Object(map[string]audit.Value{"a": audit.Text(text), "b": audit.Text([]string{"paid twice", "twice paid", "paid"}[n%3])})
			changes = append(changes, audit.Change{
				Seq: audit.Seq(len(changes) + 1), Op: audit.OpUpsert, Time: audit.Time(n % 7), User: text,
				After: audit.PresentImage(body, audit.Logged, audit.Exact),
			})
			queries = append(queries, text, text+"*", "user:"+text, "user:"+text+"*", "-user:"+text, "carries:"+text, "*"+text[2:], "after.a:"+text)
		}
	}
	changes[0].Time = audit.Time(math.Copysign(0, -1))
	// 2^60 is one number whether it is an integer or a float, and has two forms.
	changes[1].After.Body = changes[1].After.Body.With("n", audit.Float(1<<60))
	queries = append(queries, "after.n:1152921504606846976", "after.n:1.152921504606847e18")
	add(t, x, changes...)
	exacts := 0
	for _, q := range queries {
		e, err := query.Parse(q, now)
		if err != nil {
			t.Fatal(err)
		}
		proposed := find(t, x, q)
		matching := 0
		for i := range changes {
			if e.Match(&changes[i]) {
				matching++
				if !slices.Contains(proposed, changes[i].Seq) {
					t.Errorf("%s: change %d matches and is not proposed", q, changes[i].Seq)
				}
			}
		}
		n, exact, err := x.Count(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		if exact {
			exacts++
		}
		if exact && n != matching {
			t.Errorf("%s: exactly %d, but %d match", q, n, matching)
		}
	}
	if exacts < 50 {
		t.Errorf("only %d of %d queries are answered exactly", exacts, len(queries))
	}
}
