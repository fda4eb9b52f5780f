package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// A file that cannot be written is told of as it was given: the one that is written
// before it takes its name is nobody's business.
func TestFileThatCannotBeWrittenIsToldOfByItsName(t *testing.T) {
	e := &env{dir: t.TempDir()}
	if err := e.makeFolder("taken/full"); err != nil {
		t.Fatal(err)
	}
	for path, why := range map[string]string{"none/x.json": fs.ErrNotExist.Error(), "taken": "file exists"} {
		err := writeFile(e, path, func(w io.Writer) error {
			_, err := io.WriteString(w, "x")
			return err
		})
		if want := fmt.Sprintf("write %s: ", path); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "-") {
			t.Errorf("%v; want %s%s", err, want, why)
		}
	}
	if left, err := filepath.Glob(filepath.Join(e.dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// A list of which a part alone would be kept is refused: who is not in it would not
// be found.
func TestListThatIsTooLong(t *testing.T) {
	line := append(bytes.Repeat([]byte("x"), 1<<10-1), '\n')
	for lines, want := range map[int]string{maxSaved / len(line): "", maxSaved/len(line) + 1: "larger than"} {
		_, err := readItems(&env{stdin: io.LimitReader(endless(line), int64(lines*len(line)))}, "-")
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d lines: %v, want %q", lines, err, want)
		}
	}
}

// endless repeats a line.
func endless(line []byte) io.Reader { return &repeated{line: line} }

type repeated struct {
	line []byte
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.line[r.at:])
	r.at = (r.at + n) % len(r.line)
	return n, nil
}
