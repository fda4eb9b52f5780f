package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts a command line into the order that urfave/cli v2 understands:
// the program's flags, the command's words, the command's flags, and after "--"
// the arguments. The library ends flag parsing at the first argument, so that
// in "apply plan --dry-run" the flag would silently be an argument; here flags
// may stand anywhere.
func arrange(app *cli.App, args []string) []string {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" { // which must be the last
		return args
	}
	var global, words, flags, rest []string
	var names [][]string // of the flag that each word of global is of
	commands, known := app.Commands, app.Flags
	var own []cli.Flag
	leaf := false
	for i := 1; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) > 1 && a[0] == '-' && !isNumber(a) {
			name, _, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
			to, f := &flags, findFlag(own, name)
			if f == nil {
				if f = findFlag(known, name); f != nil || len(words) == 0 {
					to = &global
				}
			}
			*to = append(*to, a)
			if f != nil && !hasValue && takesValue(f) {
				if i+1 == len(args) {
					// The library says that the value is missing, unless more follows.
					return slices.Concat(args[:1], words, args[i:])
				}
				i++
				*to = append(*to, args[i])
			}
			for len(names) < len(global) {
				if f != nil {
					names = append(names, f.Names())
				} else {
					names = append(names, []string{name})
				}
			}
			continue
		}
		if c := findCommand(commands, a); c != nil && !leaf && len(rest) == 0 {
			words = append(words, a)
			own = append(slices.Clone(own), c.Flags...)
			commands = c.Subcommands
			leaf = len(commands) == 0
			continue
		}
		if len(words) == 0 {
			words = append(words, a) // an unknown command, for the library to refuse
			leaf = true
			continue
		}
		rest = append(rest, a)
	}
	out := []string{args[0]}
	for i, a := range global {
		// A command's own flag may stand before the command: "-o FILE" before
		// "revert plan" is the plan's.
		if slices.ContainsFunc(names[i], func(name string) bool { return findFlag(own, name) != nil }) {
			flags = append(flags, a)
		} else {
			out = append(out, a)
		}
	}
	out = append(append(out, words...), flags...)
	if len(rest) > 0 {
		if leaf {
			out = append(out, "--")
		}
		out = append(out, rest...)
	}
	return out
}

// isNumber says that an argument with a dash is a negative number or a time
// like -2h, not a flag.
func isNumber(a string) bool { return len(a) > 1 && a[1] >= '0' && a[1] <= '9' }

func findCommand(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}
