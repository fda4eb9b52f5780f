package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/rules"
)

func rulesExplainCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "say how rules decide, and what that takes", ArgsUsage: "[PATH…]",
		Description: rulePaths + "Of each rule: by what a change is told apart before its condition is looked at (operation, table, user),\n" +
			"what the condition surely needs, which attributes it reads, how much of it is decided without a program of its\n" +
			"own, and what goes through whole texts. --cost runs the rules over the stored changes, keeps nothing of it, and\n" +
			"says how long each took.\n\n" +
			"Exit codes: 0; 2 no rule is called so; 9 with --cost: busy; 65 the files have errors.\n\n" +
			"Example:\n   recourse rules explain --rule mass-delete --cost",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "rule", Usage: "only the rule `ID`"},
			&cli.BoolFlag{Name: "cost", Usage: "measure on the stored changes"},
		},
		Action: func(c *cli.Context) error { return runRulesExplain(c, e) },
	}
}

func runRulesExplain(c *cli.Context, e *env) error {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	set, err := ruleFiles(c, e)
	if err != nil {
		return err
	}
	var found []rules.Explanation
	for _, r := range set.Rules() {
		if id := c.String("rule"); id == "" || id == r.ID {
			found = append(found, r.Explain())
		}
	}
	if id := c.String("rule"); id != "" && len(found) == 0 {
		return &exitError{code: exitNothing, err: fmt.Errorf("find rule %q: there is none", id), hint: likeRule(set, id)}
	}
	if c.Bool("cost") {
		if err := measureRules(c, e, set, found); err != nil {
			return err
		}
	}
	list := explanations(found, c.Bool("cost"))
	if c.Bool("cost") {
		return p.List(onScreen(p, list, "rule", "form", "early", "parts", "looked_at_timed", "ns_per_change", "worst_us"))
	}
	return p.List(onScreen(p, list, "rule", "ops", "tables", "needs", "reads", "early"))
}

// measureRules fills in what the rules cost on the stored changes.
func measureRules(c *cli.Context, e *env, set *rules.Set, found []rules.Explanation) (err error) {
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	trials, did, err := w.try(c.Context, stretch{to: audit.Time(math.Inf(1)), timed: 1}, set)
	if err != nil {
		return err
	}
	if did.Changes == 0 {
		return &exitError{code: exitNothing, err: errors.New("measure rules: no changes are stored"), hint: "recourse import or recourse watch stores some"}
	}
	for _, cost := range trials[0].engine.Costs() {
		for i := range found {
			if found[i].Rule == cost.Rule {
				found[i].Costs = &cost
			}
		}
	}
	return nil
}

func explanations(found []rules.Explanation, costs bool) report.Listing {
	list := report.Listing{Name: "rules", Columns: []string{"rule", "form", "ops", "tables", "users", "needs", "hears", "images", "reads",
		"early", "parts", "walks", "exceptions", "window", "unknown"}}
	if costs {
		list.Columns = append(list.Columns, "looked_at_timed", "ns_per_change", "worst_us")
	}
	for _, x := range found {
		row := []any{x.Rule, x.Form, x.Ops, negated(x.Tables, x.NotTables), negated(x.Users, x.NotUsers), needsText(x.Needs), x.Hears, x.Images, x.Reads,
			x.Early, x.Parts, x.Walks, x.Excepted, x.Window, x.Unknown}
		if costs {
			row = append(row, costCells(x.Costs)...)
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

// costCells are how many changes were timed, and nanoseconds each; nothing is known
// of a rule that looked at none.
func costCells(cost *rules.Cost) []any {
	if cost == nil || cost.Changes == 0 {
		return []any{0, nil, nil}
	}
	return []any{cost.Changes, cost.Spent.Nanoseconds() / int64(cost.Changes), float64(cost.Worst.Nanoseconds()) / 1000}
}

// negated is patterns with those that are excluded, each after a minus sign.
func negated(yes, no []string) []string {
	out := append([]string{}, yes...)
	for _, n := range no {
		out = append(out, "-"+n)
	}
	return out
}

func needsText(needs []rules.Need) []string {
	var out []string
	for _, n := range needs {
		out = append(out, n.Field+"="+strings.Join(n.Values, "|"))
	}
	return out
}
