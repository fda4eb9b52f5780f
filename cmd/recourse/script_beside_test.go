package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// besides are the commands that a script ran beside a daemon, and what they said.
type besides struct{ said []besideRun }

type besideRun struct {
	dir  string // where it was called
	args []string
	what string // output, errors and exit code
}

type besidesOf struct{}

// volatile is what differs whenever it is asked for.
var volatile = regexp.MustCompile(`"(took_ms|took_us|lag_ms|read_to|retention_left_ms|disk_bytes|disk_free_bytes|memory_limit_bytes|bytes_per_change|now|observed)": ?[0-9.]+`)

// scriptBeside runs a command while a daemon has the data folder.
func scriptBeside(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "beside ARG…")
	b := ts.Value(besidesOf{}).(*besides)
	run := besideRun{ts.MkAbs("."), slices.Clone(args), everythingSaid(ts, args)}
	if strings.Contains(run.what, "the store is in use") {
		ts.Fatalf("%q was not sent to the daemon:\n%s", args, run.what)
	}
	b.said = append(b.said, run)
}

// scriptAlone runs the commands again, with nobody beside, and compares.
func scriptAlone(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "alone")
	b := ts.Value(besidesOf{}).(*besides)
	if len(b.said) == 0 {
		ts.Fatalf("nothing was run beside a daemon")
	}
	for _, run := range b.said {
		ts.Check(ts.Chdir(run.dir))
		if got := everythingSaid(ts, run.args); got != run.what {
			ts.Fatalf("%q\n%s", run.args, firstDifference(run.what, got))
		}
	}
	b.said = nil
}

func everythingSaid(ts *testscript.TestScript, args []string) string {
	code := 0
	err := ts.Exec("recourse", args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	text := fmt.Sprintf("%s\n-- stderr --\n%s\n-- exit %d --", ts.ReadFile("stdout"), ts.ReadFile("stderr"), code)
	return volatile.ReplaceAllString(text, `"$1":0`)
}

// firstDifference shows where two texts part.
func firstDifference(beside, alone string) string {
	at := 0
	for at < len(beside) && at < len(alone) && beside[at] == alone[at] {
		at++
	}
	around := func(s string) string { return s[max(0, at-60):min(len(s), at+120)] }
	return fmt.Sprintf("beside a daemon: …%s…\nalone: …%s…", around(beside), around(alone))
}

// scriptUntil waits until a command ends with 0 and says something, if that is given.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	says := regexp.MustCompile("")
	if len(args) > 1 && args[0] == "-says" {
		var err error
		says, err = regexp.Compile("(?m)" + args[1])
		ts.Check(err)
		args = args[2:]
	}
	usage(ts, neg, len(args) > 0, "until [-says REGEXP] ARG…")
	waitUntil(ts, fmt.Sprintf("%q ends with 0 and says %s", args, says), func() bool {
		r := runHere(ts, "", args)
		if r.code != exitOK || !says.MatchString(r.stdout.String()) {
			return false
		}
		fmt.Fprint(ts.Stdout(), r.stdout.String())
		return true
	})
}

// scriptLogged waits until a file has a line like that.
func scriptLogged(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "logged FILE REGEXP")
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	waitUntil(ts, args[0]+" has "+args[1], func() bool { return want.MatchString(ts.ReadFile(args[0])) })
}
