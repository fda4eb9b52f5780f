package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the program as its users do: testdata/script has a file for
// each part of what docs/cli.md promises. Besides testscript's own commands the
// files may use:
//
//	run CODE ARG… [<FILE]    recourse with these arguments, and the file as its input, ends with the code;
//	                         in the process of the test; exec recourse is a process of its own
//	pages LIMIT QUERY FILE   a search page by page until the end, as NDJSON
//	same FILE FILE           two NDJSON files hold the same changes in one order
//	harper lmdb|rocksdb      a Harper, which HARPER_CLI_TARGET names from then on;
//	                         $REST and $SOCKET are its other addresses
//	unaudited TABLE          makes a table of which no log is kept
//	feed                     installs the feed component
//	put, patch, delete USER KEY [JSON]
//	message USER KEY JSON    a message to the record's subscribers
//	fault OP status CODE TEXT | OP cut BYTES | OP delay DURATION | none
//	writes USER              prints how often the user wrote each record
//	await USER N             waits until the user has written N times
//	asked OP                 waits until Harper was asked so since the last fault
//	now NAME                 sets the variable to the time, apart from what is before and after
//	records TABLE            prints the living records, one a line
//	beside ARG…              runs recourse with these arguments, which has to be carried out by a daemon
//	alone                    runs what was run beside again, and compares all that is said
//	until ARG…               waits until recourse with these arguments ends with 0
//	logged FILE REGEXP       waits until a line of the file is like that
//	ask LOG STATUS PATH      asks the daemon of that log over HTTP, with $TOKEN; of socket: over the data folder's
//	wipe TABLE               takes from the log what it has of the table up to now
func TestScript(t *testing.T) {
	evidence, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	// What a recourse of format 2 made of captures/lmdb/writes, and what it printed.
	earlier, err := filepath.Abs(filepath.Join("testdata", "format2.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("RECOURSE_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("XDG_RUNTIME_DIR", env.WorkDir)
			env.Setenv("E", "\x1b")
			env.Values[harperOf{}] = &scriptHarper{}
			env.Values[besidesOf{}] = &besides{}
			return errors.Join(
				os.Symlink(filepath.Join(evidence, "captures"), filepath.Join(env.WorkDir, "captures")),
				os.Symlink(filepath.Join(evidence, "incidents"), filepath.Join(env.WorkDir, "incidents")),
				os.Symlink(earlier, filepath.Join(env.WorkDir, "format2.tgz")),
			)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run": scriptRun, "pages": scriptPages, "same": scriptSame,
			"harper": startHarper, "fault": setFault, "unaudited": scriptUnaudited, "table": scriptTable, "feed": scriptFeed,
			"put": scriptWrite("put"), "patch": scriptWrite("patch"), "delete": scriptWrite("delete"), "message": scriptWrite("message"),
			"writes": scriptWrites, "await": scriptAwait, "asked": scriptAsked, "records": scriptRecords, "now": scriptNow,
			"wipe": scriptWipe, "beside": scriptBeside, "alone": scriptAlone, "until": scriptUntil, "logged": scriptLogged, "ask": scriptAsk, "backdate": scriptBackdate, "peer": startPeer, "down": scriptDown(true), "up": scriptDown(false),
		},
	})
}

// usage ends a script that uses a command of its own wrongly.
func usage(ts *testscript.TestScript, neg, right bool, form string) {
	if neg || !right {
		ts.Fatalf("usage: %s", form)
	}
}

// changesOf splits the NDJSON of a search into its changes and its summary.
func changesOf(ts *testscript.TestScript, out string) (changes []string, next string) {
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	var last struct {
		Summary *struct {
			Count int
			Next  *string
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Summary == nil {
		ts.Fatalf("the last line is no summary: %v", err)
	}
	changes = lines[:len(lines)-1]
	if last.Summary.Count != len(changes) {
		ts.Fatalf("the summary counts %d changes, there are %d", last.Summary.Count, len(changes))
	}
	if last.Summary.Next != nil {
		next = *last.Summary.Next
	}
	return changes, next
}

func scriptPages(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "pages LIMIT QUERY FILE")
	limit, err := strconv.Atoi(args[0])
	ts.Check(err)
	var all []string
	flags := []string{"search", args[1], "--limit", args[0], "-o", "ndjson"}
	for after := ""; ; {
		line := flags
		if after != "" {
			line = append(slices.Clone(flags), "--after", after)
		}
		r := runHere(ts, "", line)
		if r.code != exitOK {
			ts.Fatalf("exit code %d: %s", r.code, &r.stderr)
		}
		page, next := changesOf(ts, r.stdout.String())
		all = append(all, page...)
		if next == "" {
			break
		}
		if len(page) != limit {
			ts.Fatalf("a page that is not the last has %d changes, want %d", len(page), limit)
		}
		after = next
	}
	summary := fmt.Sprintf(`{"summary":{"count":%d}}`, len(all))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Join(append(all, summary), "\n")), 0o600))
}

func scriptSame(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "same FILE FILE")
	a, _ := changesOf(ts, ts.ReadFile(args[0]))
	b, _ := changesOf(ts, ts.ReadFile(args[1]))
	if len(a) == 0 {
		ts.Fatalf("%s holds no change", args[0])
	}
	if !slices.Equal(a, b) {
		ts.Fatalf("%s holds %d changes, %s holds %d, and they differ", args[0], len(a), args[1], len(b))
	}
}
