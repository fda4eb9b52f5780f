package index_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/index"
)

// fullBlocks is how many blocks a whole index of these tests has.
const fullBlocks = 6

// whole makes an index of some batches, some of it indexed again, and closes it.
func whole(t testing.TB, m memory) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new", "index")
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range fullBlocks / 2 {
		follow(t, x, m[:(n+1)*2*audit.BlockSize])
	}
	if err := x.Refresh(t.Context(), m, []int{1, 4}); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenKeepsWhatWasAdded(t *testing.T) {
	m := remembered(6, fullBlocks*audit.BlockSize)
	dir := whole(t, m)
	x := openIndex(t, dir)
	if _, err := index.Open(dir, index.Options{Wait: 10 * time.Millisecond}); !errors.Is(err, index.ErrBusy) {
		t.Errorf("Open of an open index: %v, want ErrBusy", err)
	}
	if x.Progress() != fullBlocks*audit.BlockSize {
		t.Errorf("reopened: progress %d", x.Progress())
	}
	same(t, holds(t, x), wanted(m, fullBlocks))
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
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

// files are those of the index, by their names.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			all[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// put writes an index's files anew, with some of them changed.
func put(t testing.TB, dir string, all map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range all {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A byte that has flipped in any file is noticed, or makes no difference: the
// index says that it must be built again, or gives the right answers.
func TestFlippedByteIsNoticed(t *testing.T) {
	const flips = 20 // in each file
	m := remembered(7, fullBlocks*audit.BlockSize)
	dir := whole(t, m)
	all := files(t, dir)
	words := vocabulary(m)
	noticed, harmless := 0, 0
	for name, data := range all {
		for i := range flips {
			at := (i*len(data) + i*i*7) / flips % len(data)
			flipped := slices.Clone(data)
			flipped[at] ^= byte(1 << (i % 8))
			all[name] = flipped
			put(t, dir, all)
			x, err := index.Open(dir, index.Options{Wait: 50 * time.Millisecond, SkipCheck: i%2 == 0})
			if err != nil {
				if noticed++; !errors.Is(err, index.ErrRebuild) && !errors.Is(err, index.ErrBusy) {
					t.Errorf("%s, byte %d: %v", name, at, err)
				}
				continue
			}
			n := int(x.Progress()) / audit.BlockSize
			want := wanted(m, n)
			for i := range 20 {
				w := words[(i*7919+at)%len(words)]
				if len(w) > 128 {
					continue
				}
				blocks, ok, err := x.Blocks(t.Context(), w, 0)
				if err != nil && errors.Is(err, index.ErrRebuild) {
					noticed++
					continue
				}
				for b, list := range want {
					if _, has := slices.BinarySearch(list, w); err != nil || !ok || has && !blocks.Contains(b) {
						t.Fatalf("%s, byte %d: %q: block %d is not found, %v", name, at, w, b, err)
					}
				}
				harmless++
			}
			if err := x.Close(); err != nil {
				t.Errorf("%s, byte %d: Close: %v", name, at, err)
			}
		}
		all[name] = data
	}
	if noticed < flips || harmless == 0 {
		t.Errorf("%d times it was noticed, %d answers were right", noticed, harmless)
	}
}

func TestDamageAsksForRebuild(t *testing.T) {
	m := remembered(8, fullBlocks*audit.BlockSize)
	dir := whole(t, m)
	all := files(t, dir)
	segments := func(change func(data []byte) []byte) func(map[string][]byte) {
		return func(all map[string][]byte) {
			for name, data := range all {
				if filepath.Ext(name) != ".zap" {
					continue
				}
				if all[name] = change(data); all[name] == nil {
					delete(all, name)
				}
			}
		}
	}
	const root = "store/root.bolt"
	delete(all, "seal") // as after a crash; with it the root's damage is seen at once
	for name, damage := range map[string]func(map[string][]byte){
		"no store":                    func(all map[string][]byte) { clear(all) },
		"no root":                     func(all map[string][]byte) { delete(all, root) },
		"empty root":                  func(all map[string][]byte) { all[root] = nil },
		"zeroed root":                 func(all map[string][]byte) { all[root] = make([]byte, 1<<16) },
		"segments are gone":           segments(func([]byte) []byte { return nil }),
		"segments are cut":            segments(func(data []byte) []byte { return data[:100] }),
		"segments lack the last byte": segments(func(data []byte) []byte { return data[:len(data)-1] }),
		"segments are empty":          segments(func([]byte) []byte { return []byte{} }),
		"bits have flipped": segments(func(data []byte) []byte {
			data = slices.Clone(data)
			data[len(data)/3] ^= 4
			return data
		}),
	} {
		changed := map[string][]byte{}
		for file, data := range all {
			changed[file] = data
		}
		damage(changed)
		put(t, dir, changed)
		wantRebuild(t, name, dir)
	}
}

// wantRebuild fails unless Open asks for a rebuild, and Reset makes one possible.
func wantRebuild(t *testing.T, name, dir string) {
	t.Helper()
	x, err := index.Open(dir, index.Options{Wait: 50 * time.Millisecond})
	if !errors.Is(err, index.ErrRebuild) {
		t.Errorf("%s: Open: %v, want ErrRebuild", name, err)
		if x != nil {
			_ = x.Close()
		}
		return
	}
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || hint.Hint() == "" {
		t.Errorf("%s: no hint with %v", name, err)
	}
	if err := index.Reset(dir); err != nil {
		t.Errorf("%s: Reset: %v", name, err)
		return
	}
	again, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Errorf("%s: Open after Reset: %v", name, err)
		return
	}
	if again.Progress() != 0 {
		t.Errorf("%s: progress %d after Reset", name, again.Progress())
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// An index as earlier versions made it is asked to be built again; what is no
// index is left alone.
func TestOtherFolders(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"index_meta.json": `{"storage":"scorch","index_type":"scorch"}`, "store/root.bolt": "x", "store/000000000001.zap": "x"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := index.Open(dir, index.Options{}); !errors.Is(err, index.ErrEarlier) {
		t.Errorf("Open of an earlier format: %v, want ErrEarlier", err)
	}
	wantRebuild(t, "an earlier format", dir)
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := index.Open(other, index.Options{}); !errors.Is(err, index.ErrRebuild) {
		t.Errorf("Open of a stranger's folder: %v", err)
	}
	if err := index.Reset(other); err == nil {
		t.Error("Reset of a stranger's folder")
	}
	if _, err := os.Stat(filepath.Join(other, "notes.txt")); err != nil {
		t.Error(err)
	}
	if err := index.Reset(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("Reset of nothing: %v", err)
	}
}

// An index whose list of segments is destroyed while it is open says so, and does
// not wait for ever.
func TestDamageWhileOpen(t *testing.T) {
	m := remembered(10, 2*audit.BlockSize)
	dir := t.TempDir()
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x.Hurry()
	follow(t, x, m[:audit.BlockSize])
	root := filepath.Join(dir, "store", "root.bolt")
	info, err := os.Stat(root)
	if err != nil {
		t.Fatal(err)
	}
	rest(t, root)
	f, err := os.OpenFile(root, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, info.Size())); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := x.Follow(t.Context(), m); err == nil {
			t.Error("Follow has noticed nothing")
		}
	}
	_ = x.Close() // it may be beyond that, and must not wait either
	if x.Progress() != audit.BlockSize {
		t.Errorf("progress %d", x.Progress())
	}
	other := t.TempDir() // as bleve may hold the lock of the first
	put(t, other, files(t, dir))
	wantRebuild(t, "destroyed while open", other)
}

// rest waits until bleve, which tidies up behind a batch, writes to a file no
// more: it would write parts of it anew over what is put there.
func rest(t *testing.T, file string) {
	t.Helper()
	const still = 10
	var last []byte
	for same := 0; same < still; time.Sleep(10 * time.Millisecond) {
		now, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if same++; !bytes.Equal(now, last) {
			same = 0
		}
		last = now
	}
}
