package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/rules"
)

// rulesFlags are those of every command that raises alerts.
func rulesFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "rules", Usage: "rule files or folders beside the built-in ones; may be repeated"},
		&cli.BoolFlag{Name: "no-builtin-rules", Usage: "leave the built-in rules out"},
	}
}

func rulesCommand(e *env) *cli.Command {
	files := "PATHs are rule files or folders of them; without one the built-in rules are meant.\n\n"
	return &cli.Command{
		Name:  "rules",
		Usage: "what counts as suspicious",
		Description: "Rules are YAML files; docs/rules.md says how one is written. import and watch apply the\n" +
			"built-in ones and those that --rules or the configuration names.\n\n" +
			"Example:\n   recourse rules lint my-rules/ && recourse rules test my-rules/",
		Subcommands: []*cli.Command{
			{
				Name: "lint", Usage: "check rule files", ArgsUsage: "[PATH…]",
				Description: files + "Each error names file, line and column.\n\nExit codes: 0 all well; 65 there are errors.\n\nExample:\n   recourse rules lint my-rules/",
				Action: func(c *cli.Context) error {
					set, err := ruleFiles(c, e)
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(e.stderr, "%d rules, no errors\n", len(set.Rules()))
					return err
				},
			},
			{
				Name: "test", Usage: "run the tests that rules carry", ArgsUsage: "[PATH…]",
				Description: files + "Every rule needs a test in which it fires and one in which it stays silent.\n\nExit codes: 0 all pass; 6 some fail; 65 the files have errors.\n\nExample:\n   recourse rules test my-rules/",
				Action:      func(c *cli.Context) error { return runRulesTest(c, e) },
			},
			{
				Name: "list", Usage: "print the rules", ArgsUsage: "[PATH…]",
				Description: files + "Example:\n   recourse rules list",
				Action:      func(c *cli.Context) error { return runRulesList(c, e) },
			},
		},
	}
}

// ruleFiles compiles the files that are arguments, or the built-in ones.
func ruleFiles(c *cli.Context, e *env) (*rules.Set, error) {
	if c.Args().Len() == 0 {
		return rules.Builtin()
	}
	files, err := e.ruleFiles(c.Args().Slice())
	if err != nil {
		return nil, ruleError(err)
	}
	set, err := rules.Compile(files...)
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
func loadRules(c *cli.Context, e *env, cfg config) (*rules.Set, error) {
	paths := c.StringSlice("rules")
	if len(paths) == 0 {
		paths = cfg.Rules
	}
	files, err := e.ruleFiles(paths)
	if err != nil {
		return nil, ruleError(err)
	}
	if !c.Bool("no-builtin-rules") {
		files = append(rules.BuiltinFiles(), files...)
	}
	set, err := rules.Compile(files...)
	return set, ruleError(err)
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

func runRulesTest(c *cli.Context, e *env) error {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	set, err := ruleFiles(c, e)
	if err != nil {
		return err
	}
	failed := 0
	results := rules.RunTests(set)
	list := report.Listing{Name: "tests", Columns: []string{"rule", "test", "file", "line", "pass", "message"}}
	for _, r := range results {
		list.Rows = append(list.Rows, []any{r.Rule, r.Test, r.File, r.Line, r.Pass, r.Message})
		if r.Pass {
			continue
		}
		failed++
		if p.Format() == report.Table {
			fmt.Fprintf(e.stdout, "FAIL %s:%d: %s: %s: %s\n", printable(r.File), r.Line, r.Rule, printable(r.Test), printable(r.Message))
		}
	}
	if p.Format() != report.Table {
		if err := p.List(list); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.stderr, "%d rules, %d tests, %d failed\n", len(set.Rules()), len(results), failed)
	if failed > 0 || len(results) == 0 {
		return exit(exitIntegrity)
	}
	return nil
}

func runRulesList(c *cli.Context, e *env) error {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	set, err := ruleFiles(c, e)
	if err != nil {
		return err
	}
	list := report.Listing{Name: "rules", Columns: []string{"id", "severity", "risk", "status", "name", "attack"}}
	for _, r := range set.Rules() {
		list.Rows = append(list.Rows, []any{r.ID, string(r.Severity), r.Risk, string(r.Status), r.Name, r.Attack})
	}
	return p.List(list)
}

// rulesProgress is the name under which the store keeps how far the rules are.
const rulesProgress = "rules"

// rulesBatch is how many changes are judged before the outcome is saved. Saving
// writes every window that has changed, which after many changes are hardly more
// than after few; a crash costs judging them again, some seconds of work.
const rulesBatch = 1 << 18

// runRules judges the changes that the rules have not seen, and saves the
// alerts, the windows' state and the progress together, so that a crash neither
// loses nor doubles an alert. It returns the alerts that began or grew.
func (w *workspace) runRules(ctx context.Context, set *rules.Set, r follower) ([]audit.Alert, error) {
	defer r.leave()
	seq, err := w.store.Progress(ctx, rulesProgress)
	if err != nil || seq >= w.store.Last() {
		return nil, err
	}
	if w.own, err = w.store.Own(ctx); err != nil {
		return nil, err
	}
	engine, err := w.engineAt(ctx, set, seq)
	if err != nil {
		return nil, err
	}
	w.judge = nil // until all is saved
	touched, unsaved := map[string]audit.Alert{}, map[string]audit.Alert{}
	var all []string
	save := func(at audit.Seq) error {
		state, err := engine.State()
		if err != nil {
			return err
		}
		alerts := slices.Collect(maps.Values(unsaved))
		clear(unsaved)
		return w.store.SaveAlerts(ctx, alerts, state, at)
	}
	n := 0
	var c audit.Change // one for all, as the engine keeps none
	for next, err := range r.Follow(ctx, seq) {
		if err != nil {
			return nil, err
		}
		c = next
		alerts, err := engine.Eval(&c)
		if err != nil {
			return nil, fmt.Errorf("judge change %d: %w", c.Seq, err)
		}
		for _, a := range alerts {
			if _, seen := touched[a.ID]; !seen {
				all = append(all, a.ID)
			}
			touched[a.ID], unsaved[a.ID] = a, a
		}
		seq = c.Seq
		if n++; n%rulesBatch == 0 {
			if err := save(seq); err != nil {
				return nil, err
			}
		}
	}
	if err := save(seq); err != nil {
		return nil, err
	}
	w.judge = engine
	out := make([]audit.Alert, 0, len(all))
	for _, id := range all {
		out = append(out, touched[id])
	}
	return out, nil
}

// engineAt is a rules engine that has seen the changes up to seq: the one of the
// last time, or a new one with the stored state.
func (w *workspace) engineAt(ctx context.Context, set *rules.Set, seq audit.Seq) (*rules.Engine, error) {
	if w.judge != nil && w.judge.Seq() == seq {
		return w.judge, nil
	}
	state, err := w.store.RuleState(ctx)
	if err != nil {
		return nil, err
	}
	engine := rules.NewEngine(set, rules.Options{Own: func(id audit.ChangeID) bool { return w.own[id] != "" }})
	return engine, engine.Restore(state, func(id string) ([]audit.Evidence, error) {
		a, err := w.store.Alert(ctx, id)
		return a.Changes, err
	})
}
