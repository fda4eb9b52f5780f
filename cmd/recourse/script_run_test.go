package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptRun runs the program in the process of the test: a process of its own
// costs more than most commands do, as all that the tests import begins in it.
// The scripts that need one, to kill it or to have it beside another, say exec.
func scriptRun(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 1, "run CODE ARG… [<FILE]")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	args, in := args[1:], ""
	if last := len(args) - 1; last >= 0 && strings.HasPrefix(args[last], "<") {
		args, in = args[:last], ts.ReadFile(args[last][1:])
	}
	// A process that another script begins has the locks of this one until its exec:
	// the next command must not find them held.
	wait, err := untilExec()
	ts.Check(err)
	r := runHere(ts, in, args)
	ts.Check(wait())
	fmt.Fprint(ts.Stdout(), r.stdout.String())
	fmt.Fprint(ts.Stderr(), r.stderr.String())
	if r.code != want {
		ts.Fatalf("exit code %d, want %d", r.code, want)
	}
}

// A ran is what a command said, and the code that it ended with.
type ran struct {
	stdout, stderr strings.Builder
	code           int
}

// needsProcess says that a command looks at what is the process's: the folder in
// which a data folder, a playbook or a sink's file that is named by a relative path
// is, the arguments (completion), and the help command, which the library has one of.
func needsProcess(args []string) bool {
	if len(args) > 0 && slices.Contains([]string{"help", "completion", "demo", "playbook", "reconcile"}, args[0]) ||
		slices.Contains(args, "--generate-bash-completion") {
		return true
	}
	at := slices.Index(args, "--data")
	return at >= 0 && at+1 < len(args) && !filepath.IsAbs(args[at+1])
}

// runHere is the program with the script's environment and folder.
func runHere(ts *testscript.TestScript, in string, args []string) *ran {
	r := &ran{}
	if needsProcess(args) {
		err := ts.Exec("recourse", args...)
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			r.code = exit.ExitCode()
		} else {
			ts.Check(err)
		}
		r.stdout.WriteString(ts.ReadFile("stdout"))
		r.stderr.WriteString(ts.ReadFile("stderr"))
		return r
	}
	e := &env{
		dir: ts.MkAbs("."), stdin: strings.NewReader(in), stdout: &r.stdout, stderr: &r.stderr, now: time.Now,
		lookup: func(name string) (string, bool) { v := ts.Getenv(name); return v, v != "" },
	}
	for _, name := range slices.Concat(envNames, scriptEnv) {
		if _, ok := e.lookup(name); ok {
			e.names = append(e.names, name)
		}
	}
	r.code = run(context.Background(), e, append([]string{"recourse"}, args...))
	return r
}

// scriptEnv are the variables, besides envNames, that scripts set.
var scriptEnv = []string{
	"CLI_TARGET", "CLI_TARGET_USERNAME", "CLI_TARGET_PASSWORD", "HARPER_CLI_TARGET", "HARPER_CLI_USERNAME", "HARPER_CLI_PASSWORD",
	"RECOURSE_CONFIG", "RECOURSE_DATA",
}
