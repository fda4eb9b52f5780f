package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// ripgrepVersion says which ripgrep is there.
func ripgrepVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "rg", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%w: Debian package ripgrep (%w)", errMissing, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}

// A listing is what it took to print all changes of one user.
type listing struct {
	usage
	Lines int
}

// grepUser has ripgrep print a user's groups.
func grepUser(ctx context.Context, file, user string) (listing, error) {
	return printed(exec.CommandContext(ctx, "rg", "--no-config", "-N", "-F", `"user_name":"`+user+`"`, file))
}

// printed runs a command and counts the lines that it prints into a pipe.
func printed(cmd *exec.Cmd) (listing, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return listing{}, err
	}
	var errs quiet
	cmd.Stderr = &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return listing{}, err
	}
	n, err := countLines(out)
	if waitErr := cmd.Wait(); waitErr != nil || err != nil {
		return listing{}, fmt.Errorf("print a user's changes: %w: %w", waitErr, errs.err())
	}
	return listing{usage{CPU: cpuOf(cmd.ProcessState), Wall: time.Since(began)}, n}, nil
}

func countLines(r io.Reader) (int, error) {
	in := bufio.NewReaderSize(r, 1<<18)
	n := 0
	for {
		switch _, err := in.ReadSlice('\n'); err {
		case nil:
			n++
		case bufio.ErrBufferFull:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
	}
}
