package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"recourse/rules"
)

// rulesFlags are those of every command that raises alerts.
func rulesFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "rules", Usage: "rule files or folders beside the built-in ones; may be repeated"},
		&cli.BoolFlag{Name: "no-builtin-rules", Usage: "leave the built-in rules out"},
	}
}

// rulePaths is what the commands on rule files say of their arguments.
const rulePaths = "PATHs are rule files or folders of them; without one the built-in rules are meant.\n\n"

func rulesCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "rules",
		Usage: "what counts as suspicious",
		Description: "Rules are YAML files; docs/rules.md says how one is written. import and watch apply the\n" +
			"built-in ones and those that --rules or the configuration names.\n\n" +
			"Example:\n   recourse rules lint my-rules/ && recourse rules test my-rules/",
		Subcommands: []*cli.Command{
			rulesLintCommand(e), rulesTestCommand(e), rulesListCommand(e), rulesExplainCommand(e), rulesBacktestCommand(e), rulesLogCommand(e), rulesSchemaCommand(e),
		},
	}
}

// ruleFiles compiles the files that are arguments, or the built-in ones.
func ruleFiles(c *cli.Context) (*rules.Set, error) {
	if c.Args().Len() == 0 {
		return rules.Builtin()
	}
	set, err := rules.Load(c.Args().Slice()...)
	return set, ruleError(err)
}

// ruleError gives an error of rule files its exit code.
func ruleError(err error) error {
	var lint rules.LintErrors
	var one *rules.LintError
	if err == nil || errors.As(err, &lint) || errors.As(err, &one) {
		return err
	}
	return inputErr(err)
}

// loadRules compiles the rules to be applied: the built-in ones and those that
// the flags or the configuration name.
func loadRules(c *cli.Context, cfg config) (*rules.Set, error) {
	source := sourceOfRules(c, cfg)
	set, err := source.read()
	return set, ruleError(err)
}

func sourceOfRules(c *cli.Context, cfg config) ruleSource {
	s := ruleSource{paths: c.StringSlice("rules"), builtin: !c.Bool("no-builtin-rules")}
	if len(s.paths) == 0 {
		s.paths = cfg.Rules
	}
	return s
}
