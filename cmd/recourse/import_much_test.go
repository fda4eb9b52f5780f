package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMuchIn: what is large together, or of a length that nobody knows, is much; what is
// not there is left to the import to tell of.
func TestMuchIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, size int64) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		return path
	}
	small, half, other := file("small", 1<<10), file("in/half", 8<<20), file("in/other", 8<<20)
	for _, x := range []struct {
		paths []string
		much  bool
	}{
		{[]string{small}, false}, {[]string{half}, false}, {[]string{half, other}, true}, {[]string{filepath.Join(dir, "in")}, true},
		{[]string{"-"}, true}, {[]string{small, "-"}, true}, {[]string{filepath.Join(dir, "none")}, false},
	} {
		if got := muchIn(&env{dir: dir}, x.paths); got != x.much {
			t.Errorf("%v: much is %t", x.paths, got)
		}
	}
}
