package index_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/index"
)

// TestKilledIndexGoesOn kills a process that indexes block by block, and some
// blocks again, at several points, merges among them. What it had acknowledged
// must be there, with all its words, and the rest can be added.
func TestKilledIndexGoesOn(t *testing.T) {
	const blocks, envDir = 40, "RECOURSE_TEST_INDEX"
	m := remembered(5, blocks*audit.BlockSize)
	if dir := os.Getenv(envDir); dir != "" {
		x, err := index.Open(dir, index.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for n := int(x.Progress())/audit.BlockSize + 1; n <= blocks; n++ {
			follow(t, x, m[:n*audit.BlockSize])
			if n%5 == 0 {
				if err := x.Refresh(t.Context(), m, []int{n / 2, n - 1}); err != nil {
					t.Fatal(err)
				}
			}
			fmt.Printf("added %d\n", n)
		}
		return
	}
	dir := t.TempDir()
	acknowledged := 0
	for _, until := range []int{1, 12, 13, 33} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledIndexGoesOn$")
		cmd.Env = append(os.Environ(), envDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for acknowledged < until && lines.Scan() {
			if _, err := fmt.Sscanf(lines.Text(), "added %d", &acknowledged); err != nil && strings.HasPrefix(lines.Text(), "added") {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		x, err := index.Open(dir, index.Options{})
		if err != nil {
			t.Fatalf("Open after %d blocks: %v", acknowledged, err)
		}
		n := int(x.Progress()) / audit.BlockSize
		if n < acknowledged || acknowledged < until {
			t.Errorf("%d blocks, though %d of %d had been acknowledged", n, acknowledged, until)
		}
		same(t, holds(t, x), wanted(m, n))
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	x := openIndex(t, dir)
	follow(t, x, m)
	same(t, holds(t, x), wanted(m, blocks))
}
