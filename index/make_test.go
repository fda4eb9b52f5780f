package index_test

import (
	"os"
	"path/filepath"
	"testing"

	"recourse/index"
)

// TestUnfinished: an index in whose making a process was killed, or in whose
// removal, is made anew without a word: there was nothing in it.
func TestUnfinished(t *testing.T) {
	for name, left := range map[string]map[string]string{
		"at once":              {"unfinished": ""},
		"in the meta file":     {"unfinished": "", "index_meta.json": "{"},
		"before its end":       {"unfinished": "", "index_meta.json": `{"storage":"scorch","index_type":"scorch"}`, "store/root.bolt": ""},
		"when it was removed":  {"unfinished": "", "store/000000000001.zap": "x"},
		"with a file of bleve": {"unfinished": "", "index_meta.json_temp": "{"},
	} {
		dir := t.TempDir()
		for file, content := range left {
			path := filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // as it was made, it opens
			x, err := index.Open(dir, index.Options{})
			if err != nil {
				t.Errorf("killed %s: %v", name, err)
				break
			}
			if x.Progress() != 0 {
				t.Errorf("killed %s: it is at %d", name, x.Progress())
			}
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
