package main

import (
	"context"
	"errors"
	"go/ast"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every environment variable that the program reads goes with a command to the
// process that carries it out, and no other does.
func TestAttachedCommandTakesItsEnvironment(t *testing.T) {
	read := 0
	for name, file := range programFiles(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "get" && f.Sel.Name != "lookup" {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				read++
				if v, err := strconv.Unquote(lit.Value); err != nil || !ours(v) {
					t.Errorf("%s reads %s, which an attached command would not find", name, lit.Value)
				}
			}
			return true
		})
	}
	if read < 5 {
		t.Fatalf("found %d readings of the environment: the test looks for the wrong thing", read)
	}
	for _, v := range []string{"HARPER_CLI_PASSWORD", "CLI_TARGET_PASSWORD", "RECOURSE_DATA"} {
		if !ours(v) {
			t.Errorf("%s stays behind", v)
		}
	}
	e := &env{lookup: func(string) (string, bool) { return "x", true }, names: []string{"PATH", "AWS_SECRET_ACCESS_KEY", "USER"}}
	c, err := e.command("search", nil)
	if err != nil || len(c.Env) != 1 || c.Env["USER"] != "x" {
		t.Errorf("what goes along is %v, %v; want USER alone", c.Env, err)
	}
}

// Each name in the lists is that of a command.
func TestAttachListsNameCommands(t *testing.T) {
	app := newApp(&env{})
	names := slices.Concat(ownProcess, writers)
	for name := range alone {
		names = append(names, name)
	}
	for _, name := range names {
		words := strings.Fields(name)
		if got := leafName(app.Commands, append(words, "--flag")); got != name {
			t.Errorf("%q is no command", name)
		}
	}
}

// When the memory is used up the newest command that only reads is ended, and no
// command that writes.
func TestMemoryIsGuarded(t *testing.T) {
	d := &daemon{log: slog.New(slog.DiscardHandler)}
	ended := map[string]error{}
	begin := func(name string) *besideCommand {
		_, cancel := context.WithCancelCause(t.Context())
		return d.enter(name, func(err error) { ended[name] = err; cancel(err) })
	}
	begin("search")
	hist := begin("hist")
	begin("revert apply")
	full := func() int64 { return 101 }
	d.checkMemory(func() int64 { return 100 }, 100)
	if len(ended) != 0 {
		t.Fatalf("ended without need: %v", ended)
	}
	d.checkMemory(full, 100)
	if _, ok := ended["hist"]; len(ended) != 1 || !ok {
		t.Fatalf("ended %v, want hist, which came last of those that read", ended)
	}
	d.exit(hist) // as it does itself, too
	d.checkMemory(full, 100)
	d.checkMemory(full, 100)
	if _, ok := ended["search"]; len(ended) != 2 || !ok {
		t.Fatalf("ended %v, want hist and search", ended)
	}
	if !errors.Is(ended["search"], context.Canceled) {
		t.Errorf("the cause %v is no end of a context", ended["search"])
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ended["search"])
	if why := interruption(ctx, "search"); why.code != exitBusy || why.hint == "" {
		t.Errorf("it ends with %d: %v", why.code, why)
	}
}

// Only of what stores or writes as it goes does the hint of an interrupted command
// say that it goes on.
func TestHintOfAnInterruptedCommand(t *testing.T) {
	app := newApp(&env{lookup: func(string) (string, bool) { return "", false }})
	for line, goesOn := range map[string]bool{
		"search *": false, "--data search import x": true, "verify -o json": false, "-o json q *": false, "revert plan x": false,
		"revert apply plan.rvp --dry-run": true, "--color=never reindex": true, "nothing": false, "": false,
	} {
		words := arrange(app, append([]string{"recourse"}, strings.Fields(line)...))
		if got := strings.Contains(againHint(commandName(app, words)), "not done twice"); got != goesOn {
			t.Errorf("%q: it is said to go on: %v, want %v", line, got, goesOn)
		}
	}
}
