package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/internal/api"
)

// While watch runs, the store is its process's. A command that needs the store is
// then carried out by that process, on the store as it has it open, with the same
// code, and this one passes on what goes in and what comes out.

// socketName is the socket in the data folder on which watch listens for commands.
const socketName = "recourse.sock"

// ownProcess are the commands that open no data folder of their user's: they need
// no other process.
var ownProcess = []string{
	"demo", "completion", "version", "rules test", "rules schema", "revert keygen", "revert approve",
}

// alone are the commands that need the data folder for themselves, and why.
var alone = map[string]string{
	"watch":   "it reads the logs already",
	"reindex": "the index is in use",
}

// An attachedExit ends a command that another process has carried out, and that
// has said all.
type attachedExit struct{ code int }

func (e *attachedExit) Error() string { return fmt.Sprintf("exit %d", e.code) }

// attach has a command carried out by the process that has the data folder open.
// Without such a process it does nothing, and the command goes on in this one.
func attach(e *env, args []string) cli.BeforeFunc {
	return func(c *cli.Context) error {
		name := leafName(c.App.Commands, c.Args().Slice())
		if name == "" || slices.Contains(ownProcess, name) || asksForHelp(args) {
			return nil
		}
		dir, err := dataFolder(e, c.String("data"))
		if err != nil {
			return nil // the command will say so
		}
		// Absolute, as it is handed on through the system.
		socket, err := filepath.Abs(filepath.Join(dir, socketName))
		if err != nil {
			return nil
		}
		caller := api.Caller{Socket: socket, Version: programVersion()}
		if why, ok := alone[name]; ok {
			return refuseAlone(c.Context, caller, name, why)
		}
		command, err := e.command(name, args)
		if err != nil {
			return err
		}
		code, err := caller.Call(c.Context, command, api.Streams{In: e.stdin, Out: e.stdout, Err: e.stderr})
		return attachedOutcome(name, code, err)
	}
}

// refuseAlone refuses a command that cannot be beside a process which has the
// data folder.
func refuseAlone(ctx context.Context, caller api.Caller, name, why string) error {
	if err := caller.Ping(ctx); errors.Is(err, api.ErrNobody) {
		return nil
	}
	return &exitError{code: exitBusy, err: fmt.Errorf("%s: recourse watch has the data folder: %s", name, why), hint: "stop recourse watch first"}
}

func attachedOutcome(name string, code int, err error) error {
	var refused *api.RefusedError
	switch {
	case err == nil:
		return &attachedExit{code}
	case errors.Is(err, api.ErrNobody):
		return nil
	case errors.As(err, &refused):
		return &exitError{code: refused.Code, err: err, hint: refused.Hint()}
	case errors.Is(err, api.ErrLost):
		return &exitError{code: exitInterrupted, err: err, hint: "start recourse watch again, and " + againHint(name)}
	}
	return err
}

// commandName is the name of the command that an arranged command line is of; empty
// if it is of none.
func commandName(app *cli.App, words []string) string {
	for i := 1; i < len(words); i++ {
		flag, isFlag := strings.CutPrefix(words[i], "-")
		if !isFlag {
			return leafName(app.Commands, words[i:])
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if f := findFlag(app.Flags, name); f != nil && takesValue(f) && !hasValue {
			i++
		}
	}
	return ""
}

// leafName is the name of the command that words begin with, such as "rules lint";
// empty if they name none.
func leafName(commands []*cli.Command, words []string) string {
	var name []string
	for _, word := range words {
		cmd := findCommand(commands, word)
		if cmd == nil {
			if len(name) == 1 && name[0] == "playbook" { // which runs one by its name alone
				return name[0]
			}
			return ""
		}
		name = append(name, cmd.Name)
		if len(cmd.Subcommands) == 0 {
			return strings.Join(name, " ")
		}
		commands = cmd.Subcommands
	}
	return ""
}

// asksForHelp says that a command line is about the program, not about what is
// stored.
func asksForHelp(args []string) bool {
	for _, a := range args {
		switch a {
		case "--help", "-h", "--generate-bash-completion":
			return true
		case "--":
			return false
		}
	}
	return false
}

// envNames are the environment variables that the program reads besides those
// that begin as envPrefixes have it. No others leave the process.
var (
	envNames    = []string{"HOME", "USER", "TMPDIR", "NO_COLOR", "CLICOLOR_FORCE", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"}
	envPrefixes = []string{"RECOURSE_", "HARPER_", "CLI_TARGET"}
)

// ours says whether a variable of the environment is one that the program reads.
func ours(name string) bool {
	return slices.Contains(envNames, name) ||
		slices.ContainsFunc(envPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// command is a command line with what another process needs to carry it out as
// this one would.
func (e *env) command(name string, args []string) (api.Command, error) {
	dir, err := filepath.Abs(e.dir)
	if err != nil {
		return api.Command{}, fmt.Errorf("find the working directory: %w", err)
	}
	c := api.Command{Name: name, Args: args, Dir: dir, Env: map[string]string{}, Terminal: e.terminal, Width: e.width, Progress: e.progress}
	for _, v := range e.names {
		if ours(v) {
			c.Env[v] = e.get(v)
		}
	}
	return c, nil
}
