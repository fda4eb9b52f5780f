package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"recourse/store"
)

// BenchmarkIngestMillion reads a log of a million entries (a tenth with -short)
// that comes in one answer, into an empty data folder, by a process of its own,
// and reports the most memory that this process had resident: all of it, with
// the pages of the store's files that it has mapped, and what is its own alone.
//
// "tail" is the ingestor and the store without what follows the store; "watch"
// is the program, with index and rules. What they have not caught up with when
// all is stored, `watch --once` does, and counts too.
func BenchmarkIngestMillion(b *testing.B) {
	entries := 1_000_000
	if testing.Short() {
		entries /= 10
	}
	for _, shape := range []logShape{manyGroups, oneInsert, oneUpdate} {
		for _, mode := range []string{"tail", "watch"} {
			b.Run(shape.String()+"/"+mode, func(b *testing.B) {
				for b.Loop() {
					ingestMillion(b, shape, mode, entries)
				}
			})
		}
	}
}

func ingestMillion(b *testing.B, shape logShape, mode string, entries int) {
	srv := newSyntheticLog(b, shape, entries)
	r := rig{ops: srv.URL, user: "auditor", password: "secret"}
	data := b.TempDir()
	began := time.Now()
	var peak memory
	if mode == "tail" {
		cmd := command(r, data)
		cmd.Env = append(cmd.Env, "RECOURSE_TEST_MAIN=tail")
		peak = measure(b, cmd, -1)
		b.ReportMetric(float64(entries)/time.Since(began).Seconds(), "stored/s")
	} else {
		peak = measure(b, command(r, data, "watch"), entries)
		b.ReportMetric(float64(entries)/time.Since(began).Seconds(), "stored/s")
		peak = peak.max(measure(b, command(r, data, "watch", "--once"), -1))
		b.ReportMetric(float64(entries)/time.Since(began).Seconds(), "judged/s")
	}
	b.ReportMetric(peak.resident, "peak-RSS-MiB")
	b.ReportMetric(peak.own, "peak-own-MiB")
	b.ReportMetric(0, "ns/op")
	db, err := store.Open(filepath.Join(data, "store"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if got := int(db.Last()); got != entries {
		b.Errorf("%d changes are stored of %d", got, entries)
	}
}

// A memory is what a process had resident at most, in MiB.
type memory struct {
	resident float64 // with what is mapped of files (VmHWM)
	own      float64 // without (RssAnon, looked at now and then)
}

func (m memory) max(o memory) memory {
	return memory{max(m.resident, o.resident), max(m.own, o.own)}
}

// measure runs a process and looks at its memory: to its end or, if a number is
// given, until it has told that it stored so many changes, when it is told to
// end. What the system says of an ended process would not do: it counts the
// memory of the parent, which a child shares for a moment.
func measure(b *testing.B, cmd *exec.Cmd, stored int) memory {
	b.Helper()
	out, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	var tail bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		n := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := storedLine.FindStringSubmatch(lines.Text()); m != nil {
				got, _ := strconv.Atoi(m[1])
				if n += got; stored >= 0 && n >= stored {
					_ = cmd.Process.Signal(syscall.SIGTERM)
				}
			} else if tail.Len() < 4096 {
				fmt.Fprintln(&tail, lines.Text())
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	var peak memory
	for {
		select {
		case <-read:
			if err := cmd.Wait(); err != nil {
				b.Fatalf("%v: %v\n%s", cmd.Args[1:], err, &tail)
			}
			return peak
		case <-time.After(20 * time.Millisecond):
			peak = peak.max(memoryOf(cmd.Process.Pid))
		}
	}
}

func memoryOf(pid int) memory {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	mebibytes := func(name string) float64 {
		_, rest, _ := strings.Cut(string(status), name+":")
		kib, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
		return kib / 1024
	}
	return memory{mebibytes("VmHWM"), mebibytes("RssAnon")}
}
