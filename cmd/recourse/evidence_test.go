package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// resealed is a file of evidence of the lines, as anybody can make one who has no key.
func resealed(lines [][]byte) []byte {
	var sum [sha256.Size]byte
	for _, line := range lines {
		one := sha256.Sum256(line)
		sum = sha256.Sum256(append(sum[:], one[:]...))
	}
	seal := fmt.Appendf(nil, `{"seal":{"lines":%d,"changes":%d,"digest":"%x"}}`, len(lines), len(lines)-2, sum)
	return bytes.Join(append(slices.Clone(lines), seal), []byte("\n"))
}

// TestEvidenceForgedAndSealedAnew: held against the store, evidence that somebody has
// altered and sealed anew is not whole, though its seal fits.
func TestEvidenceForgedAndSealedAnew(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	does := func(want int, args ...string) {
		t.Helper()
		stdout.Reset()
		stderr.Reset()
		e := systemEnv()
		e.stdin, e.stdout, e.stderr = bytes.NewReader(nil), &stdout, &stderr
		if code := run(t.Context(), e, append([]string{"recourse", "--data", filepath.Join(dir, "data")}, args...)); code != want {
			t.Fatalf("%v ends with %d, want %d: %s", args, code, want, &stderr)
		}
	}
	file := filepath.Join(dir, "case.ndjson")
	does(exitOK, "import", "../../testdata/incidents/lmdb/tail/bank.accounts.jsonl")
	does(exitOK, "evidence", "export", "*", "--file", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	lines = lines[:len(lines)-1]
	verify := func(want int, lines [][]byte, says string) {
		t.Helper()
		if err := os.WriteFile(file, resealed(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		does(exitOK, "evidence", "verify", file)
		does(want, "evidence", "verify", file, "--stored")
		if !bytes.Contains(stderr.Bytes(), []byte(says)) || !bytes.Contains(stdout.Bytes(), fmt.Appendf(nil, `"whole":%v`, want == exitOK)) {
			t.Errorf("want %q: %s%s", says, &stderr, &stdout)
		}
	}
	verify(exitOK, lines, "")
	forged := slices.Clone(lines)
	forged[1] = bytes.Replace(lines[1], []byte(`"user":"`), []byte(`"user":"not-`), 1)
	verify(exitIntegrity, forged, `its "user" is not what is stored`)
	forged[1] = lines[2]
	verify(exitIntegrity, forged, "more than once")
	verify(exitIntegrity, slices.Delete(slices.Clone(lines), 1, 2), "is not in the file, and the query finds it")
	if !bytes.Contains(stdout.Bytes(), []byte(`"left_out":1`)) {
		t.Errorf("one was left out: %s", &stdout)
	}
}
