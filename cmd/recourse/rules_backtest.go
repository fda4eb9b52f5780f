package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
	"recourse/rules"
)

func rulesBacktestCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "backtest", Usage: "say what rules would have found in the stored changes", ArgsUsage: "[PATH…]",
		Description: "Judges the stored changes once more, by the engine that watch has, in a state of its own; nothing is written.\n" +
			"The rules are those of the PATHs (or -r), and without one those that the configuration names and the built-in ones.\n" +
			"Of each rule: alerts, alerts a day, the group with the most, and what it took. With --against what is new and what is\n" +
			"missing beside the rules of another folder (builtin: the built-in ones). Exceptions are suggested for groups that\n" +
			"raise alert after alert: look at these before you take them over.\n\n" +
			"All stored changes are judged, as windows reach back, and the alerts of --since to --until counted; --warm bounds how\n" +
			"long before --since the judging begins.\n\n" +
			"Exit codes: 0; 2 no changes in that time; 6 more alerts than --max-per-day, differences with --fail-on-diff,\n" +
			"or a rule that failed or was put into quarantine; 9 busy; 65 the files have errors.\n\n" +
			"Example:\n   recourse rules backtest --since 30d -r my-rules/ --against builtin --max-per-day 5",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "r", Usage: "try the rules of `PATH`; may be repeated"},
			&cli.StringFlag{Name: "against", Usage: "compare with the rules of `PATH`, or builtin"},
			&cli.StringFlag{Name: "since", Usage: "count alerts of so long ago or since a `TIME`: 30d, 2026-11-01"},
			&cli.StringFlag{Name: "until", Usage: "judge no changes of `TIME` or later"},
			&cli.StringFlag{Name: "warm", Usage: "begin so long before --since; without it with the first change stored"},
			&cli.Float64Flag{Name: "max-per-day", Usage: "end with 6 if there are more alerts a day than `N`"},
			&cli.BoolFlag{Name: "fail-on-diff", Usage: "end with 6 if there are differences to --against"},
			&cli.BoolFlag{Name: "no-builtin-rules", Usage: "leave the built-in rules out"},
		},
		Action: func(c *cli.Context) error { return runRulesBacktest(c, e) },
	}
}

// A backtest is what is asked of one.
type backtest struct {
	new, old *rules.Set // old is nil if there is nothing to compare with
	stretch
}

func runRulesBacktest(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	if c.Bool("fail-on-diff") && c.String("against") == "" {
		return usagef("--fail-on-diff: it needs --against")
	}
	b := backtest{}
	if b.stretch, err = stretchOf(c, e); err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	if err := b.load(c, e, w.cfg); err != nil {
		return err
	}
	sets := []*rules.Set{b.new}
	if b.old != nil {
		sets = append(sets, b.old)
	}
	trials, did, err := w.try(c.Context, b.stretch, sets...)
	if err != nil {
		return err
	}
	if did.Counted == 0 {
		return &exitError{code: exitNothing, err: errors.New("backtest rules: no changes are stored of that time"), hint: "recourse coverage prints what is stored"}
	}
	r := b.report(trials, did, e.now())
	if err := printBacktest(p, e, r); err != nil {
		return err
	}
	return exit(r.code(c))
}

// load compiles the rules to be tried, and those to compare with.
func (b *backtest) load(c *cli.Context, e *env, cfg config) (err error) {
	paths := append(c.Args().Slice(), c.StringSlice("r")...)
	if len(paths) == 0 {
		paths = cfg.Rules
	}
	files, err := e.ruleFiles(paths)
	if err != nil {
		return ruleError(err)
	}
	if !c.Bool("no-builtin-rules") {
		files = append(rules.BuiltinFiles(), files...)
	}
	if b.new, err = rules.Compile(files...); err != nil {
		return ruleError(err)
	}
	if len(b.new.Rules()) == 0 {
		return usagef("there are no rules to try")
	}
	switch old := c.String("against"); old {
	case "":
	case "builtin":
		b.old, err = rules.Builtin()
	default:
		if files, err = e.ruleFiles([]string{old}); err == nil {
			if !c.Bool("no-builtin-rules") {
				files = append(rules.BuiltinFiles(), files...)
			}
			b.old, err = rules.Compile(files...)
		}
	}
	return ruleError(err)
}

// stretchOf reads --since, --until and --warm.
func stretchOf(c *cli.Context, e *env) (stretch, error) {
	s := stretch{to: audit.Time(math.Inf(1)), timed: 16} // measuring takes as long as a cheap rule does
	for _, bound := range []struct {
		flag string
		to   *audit.Time
	}{{"since", &s.from}, {"until", &s.to}} {
		text := c.String(bound.flag)
		if text == "" {
			continue
		}
		if d, err := parseDuration(text); err == nil {
			*bound.to = audit.TimeOf(e.now().Add(-d))
			continue
		}
		at, err := query.ParseTime(text, e.now())
		if err != nil {
			return s, usagef("--%s: %v", bound.flag, err)
		}
		*bound.to = at
	}
	if s.from >= s.to {
		return s, usagef("--since is not before --until")
	}
	text := c.String("warm")
	if text == "" {
		return s, nil
	}
	var err error
	if s.warm, err = parseDuration(text); err != nil || s.warm <= 0 || c.String("since") == "" {
		return s, usagef("--warm %q: want a duration such as 7d, and --since beside it", text)
	}
	return s, nil
}

// code is what the answer means to a script.
func (r *backtestReport) code(c *cli.Context) int {
	switch {
	case c.IsSet("max-per-day") && r.PerDay > c.Float64("max-per-day"),
		c.Bool("fail-on-diff") && len(r.Added)+len(r.Removed) > 0, r.Failed > 0:
		return exitIntegrity
	}
	return exitOK
}

// suggestion is an exception in the form of a rule file, for a group that raised
// alert after alert.
func suggestion(rule string, fields []string, group map[string]string, alerts, days, number int, now time.Time) string {
	var values []string
	for _, f := range fields {
		text, err := json.Marshal(group[f])
		if err != nil {
			return "" // unreachable: a text
		}
		values = append(values, string(text)) // JSON's quotes are YAML's
	}
	return fmt.Sprintf("- {id: suggested-%d, rules: %s, fields: [%s], values: [[%s]], reason: %q, owner: nobody, expires: %s}",
		number, rule, strings.Join(fields, ", "), strings.Join(values, ", "),
		fmt.Sprintf("%d alerts on %d days", alerts, days), now.UTC().AddDate(0, 3, 0).Format(time.DateOnly))
}
