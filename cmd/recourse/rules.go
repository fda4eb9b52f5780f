package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"

	"recourse/query"
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
func ruleFiles(c *cli.Context, e *env) (*rules.Set, error) {
	if c.Args().Len() == 0 {
		return rules.Builtin()
	}
	files, err := e.ruleFiles(c.Args().Slice())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{code: exitInput, err: err, hint: "arguments are rule files or folders of them; recourse rules explain --rule ID is of one rule"}
	}
	if err != nil {
		return nil, ruleError(err)
	}
	set, err := rules.Compile(files...)
	return set, ruleError(err)
}

// likeRule is the advice for an id that no rule of a set has.
func likeRule(set *rules.Set, id string) string {
	var ids []string
	for _, r := range set.Rules() {
		ids = append(ids, r.ID)
	}
	const hint = "recourse rules list shows them"
	if like := query.Suggest(id, ids); like != "" {
		return "did you mean " + like + "? " + hint
	}
	return hint
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
func loadRules(c *cli.Context, e *env, cfg config) (*rules.Set, error) {
	source := sourceOfRules(c, e, cfg)
	set, err := source.read()
	return set, ruleError(err)
}

func sourceOfRules(c *cli.Context, e *env, cfg config) ruleSource {
	s := ruleSource{env: e, paths: c.StringSlice("rules"), builtin: !c.Bool("no-builtin-rules")}
	if len(s.paths) == 0 {
		s.paths = cfg.Rules
	}
	return s
}

// rules are those that a command applies to what it stores. Beside a daemon they
// are the daemon's, and not compiled here.
func (w *workspace) rules(c *cli.Context, e *env) (*rules.Set, error) {
	if w.beside == nil {
		return loadRules(c, e, w.cfg)
	}
	if c.IsSet("rules") || c.IsSet("no-builtin-rules") {
		return nil, &exitError{code: exitBusy, err: fmt.Errorf("%s: recourse watch has the data folder, and judges what is stored by its own rules", c.Command.FullName()),
			hint: "leave --rules and --no-builtin-rules out, or stop recourse watch first"}
	}
	return nil, nil
}
