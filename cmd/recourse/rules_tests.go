package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/internal/report"
	"recourse/rules"
)

func rulesTestCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "test", Usage: "run the tests that rules carry", ArgsUsage: "[PATH…]",
		Description: rulePaths + "Every rule needs a test in which it fires and one in which it stays silent.\n\n" +
			"Exit codes: 0 all pass; 6 some fail, or there are none; 65 the files have errors.\n\nExample:\n   recourse rules test my-rules/",
		Action: func(c *cli.Context) error { return runRulesTest(c, e) },
	}
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
