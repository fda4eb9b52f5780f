package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/internal/api"
)

// version is set by the linker in a release.
var version = "dev"

// run is the whole program but for the process around it.
func run(ctx context.Context, e *env, args []string) int {
	app := newApp(e)
	if e.beside == nil {
		app.Before = func(c *cli.Context) error {
			if err := attach(e, args)(c); err != nil {
				return err
			}
			// The command is this process's own, and so is its input.
			e.stdin = &interruptible{in: e.stdin, done: ctx.Done()}
			return nil
		}
	}
	words := arrange(app, args)
	err := app.RunContext(ctx, words)
	if there, ok := errors.AsType[*attachedExit](err); ok {
		return there.code
	}
	code := exitCode(ctx, err)
	if code == exitInterrupted && !errors.Is(err, api.ErrLost) {
		// Whatever was going on just then failed of it, and is not what is wrong.
		why := interruption(ctx, commandName(app, words))
		code, err = why.code, why
	}
	if err != nil {
		complain(e, err, code, wantsJSON(args))
	}
	return code
}

// commonHelp ends the help of every command.
const commonHelp = `
Any command may end with these codes, too: 1 internal error; 6 the store or the index is damaged
(recourse doctor says which); 9 another process has the data folder; 12 Harper, where it is asked,
is not reachable or refuses; 64 usage; 65 bad input, as a file or a configuration; 130 interrupted.

The global options of ` + "`recourse --help`" + ` may stand here too.
`

func newApp(e *env) *cli.App {
	app := &cli.App{
		Name:    "recourse",
		Usage:   "audit-log forensics and reversion for the Harper database",
		Version: version,
		Description: "recourse keeps the audit logs of a Harper cluster, answers what changed and who did it,\n" +
			"flags what is suspicious, and takes back an attacker's changes attribute by attribute.\n\n" +
			"Start with `recourse demo`; it needs no Harper.",
		Reader: e.stdin, Writer: e.stdout, ErrWriter: e.stderr,
		EnableBashCompletion:   true,
		Suggest:                true,
		HideVersion:            true,
		UseShortOptionHandling: false,
		Flags:                  globalFlags(e),
		Commands: []*cli.Command{
			demoCommand(e), watchCommand(e), reconcileCommand(e), importCommand(e), baselineCommand(e), reindexCommand(e), verifyCommand(e), statusCommand(e),
			searchCommand(e), huntCommand(e), queriesCommand(e), listsCommand(e), playbookCommand(e), histCommand(e), facetsCommand(e), showCommand(e), historyCommand(e),
			blameCommand(e), asofCommand(e), diffCommand(e), pickaxeCommand(e),
			actorCommand(e), sessionsCommand(e), blastCommand(e), compareCommand(e), reportCommand(e), evidenceCommand(e),
			coverageCommand(e), doctorCommand(e),
			rulesCommand(e), alertsCommand(e), revertCommand(e),
			completionCommand(e), versionCommand(e),
		},
		ExitErrHandler: func(*cli.Context, error) {}, // exit.go decides
		OnUsageError:   onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c, c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, c := range app.Commands {
		finish(c)
	}
	if e.beside != nil {
		// The library has one help command and one help flag for the whole process,
		// and writes to them. Who asks for help asks its own process.
		app.HideHelp = true
		hideHelp(app.Commands)
	}
	return app
}

func hideHelp(commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelp = true
		hideHelp(c.Subcommands)
	}
}

// finish gives a command what every command has.
func finish(c *cli.Command) {
	c.OnUsageError = onUsageError
	for _, f := range c.Flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true // no flag here is on by itself
		}
	}
	if len(c.Subcommands) == 0 {
		c.HideHelpCommand = true // what follows are arguments
		c.CustomHelpTemplate = cli.CommandHelpTemplate + commonHelp
	} else {
		c.ArgsUsage = "COMMAND"
	}
	if len(c.Subcommands) > 0 && c.Action == nil {
		c.Action = func(ctx *cli.Context) error {
			if ctx.Args().Present() {
				return unknownCommand(ctx, ctx.Args().First())
			}
			return cli.ShowSubcommandHelp(ctx)
		}
	}
	for _, sub := range c.Subcommands {
		finish(sub)
	}
}

// onUsageError says in words of our own what is wrong with a flag.
func onUsageError(c *cli.Context, err error, _ bool) error {
	out := &exitError{code: exitUsage, err: err, hint: "see --help"}
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return out
	}
	dashes := "--"
	if len(name) == 1 {
		dashes = "-"
	}
	out.err = fmt.Errorf("there is no flag %s%s", dashes, name)
	var flags []cli.Flag
	if c.Command != nil {
		flags = slices.Clone(c.Command.Flags)
	}
	out.hint = "see --help; an argument that begins with a minus sign goes after --"
	asksQuery := c.Command != nil && strings.Contains(c.Command.ArgsUsage, "QUERY")
	if instead := absentFlags[name]; instead != "" && asksQuery {
		out.hint = instead
	} else if like := likeFlag(name, append(flags, c.App.Flags...)); like != "" {
		out.hint = "did you mean --" + like + "? " + out.hint
	}
	return out
}

func unknownCommand(c *cli.Context, name string) error {
	commands, parent := c.App.Commands, ""
	if c.Command != nil && len(c.Command.Subcommands) > 0 {
		commands, parent = c.Command.Subcommands, strings.TrimPrefix(c.Command.FullName(), c.App.Name)
	}
	return &exitError{
		code: exitUsage, err: fmt.Errorf("there is no command %q", name),
		hint: cmp.Or(hintForCommand(parent, name, commands), "see --help for the commands"),
	}
}

// globalFlags take from the environment what is not given. The library would look
// into the process's own, which need not be the one of whoever asks.
func globalFlags(e *env) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "data", Usage: "keep everything in `DIR`" + fromEnv("RECOURSE_DATA"), Value: e.get("RECOURSE_DATA")},
		&cli.StringFlag{Name: "config", Usage: "read settings from `FILE`" + fromEnv("RECOURSE_CONFIG"), Value: e.get("RECOURSE_CONFIG")},
		&cli.StringFlag{Name: "memory", Usage: "keep to about `SIZE` of memory, such as 512MiB; a quarter of the machine's if not given, 256MiB to 2GiB" + fromEnv("RECOURSE_MEMORY"), Value: e.get("RECOURSE_MEMORY")},
		&cli.StringFlag{Name: "color", Usage: "auto, always or never", Value: "auto"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "print as `FORMAT`: table, json, ndjson, csv, yaml or md; a table on a terminal and NDJSON in a pipe; for `revert select` and `revert plan`, the file to write"},
	}
}

// fromEnv is the note that a flag's help has on a variable of the environment.
func fromEnv(name string) string { return " [$" + name + "]" }

// noArgs refuses arguments of a command that takes none.
func noArgs(c *cli.Context) error { return wantArgs(c, 0, 0) }

// wantArgs checks how many arguments a command was given.
func wantArgs(c *cli.Context, least, most int) error {
	n := c.Args().Len()
	switch {
	case n < least:
		return usagef("%s: an argument is missing: %s", c.Command.FullName(), c.Command.ArgsUsage)
	case most >= 0 && n > most:
		return usagef("%s: too many arguments: %q", c.Command.FullName(), strings.Join(c.Args().Slice()[most:], " "))
	}
	return nil
}

// wantsJSON says that errors are to be JSON too. It looks at the words
// themselves, since the command line may be what is wrong.
func wantsJSON(args []string) bool {
	for i, a := range args {
		if (a == "-o" || a == "--output") && i+1 < len(args) && args[i+1] == "json" {
			return true
		}
	}
	return slices.Contains(args, "--output=json") || slices.Contains(args, "-o=json")
}
