package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/rules"
	"recourse/store"
)

func rulesLintCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "lint", Usage: "check rule files", ArgsUsage: "[PATH…]",
		Description: rulePaths + "Each error names file, line and column. Warnings are of exceptions that have expired, of ids of rules\n" +
			"that there are not, and, with --data or where RECOURSE_DATA is set, of tables and attributes of which no\n" +
			"change is stored.\n\n" +
			"Exit codes: 0 no errors; 65 there are errors, or with --strict warnings.\n\nExample:\n   recourse rules lint my-rules/",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "strict", Usage: "take warnings for errors"}},
		Action: func(c *cli.Context) error { return runRulesLint(c, e) },
	}
}

func runRulesLint(c *cli.Context, e *env) error {
	set, err := ruleFiles(c, e)
	if err != nil {
		return err
	}
	warnings := set.Warnings(e.now())
	if c.Args().Present() {
		// An exception of a built-in rule is of no rule in these files.
		if all, err := withBuiltin(e, c.Args().Slice()); err == nil {
			warnings = all.Warnings(e.now())
		}
	}
	seen, err := catalogueOf(c, e)
	if err != nil {
		return err
	}
	warnings = append(warnings, set.Unseen(seen)...)
	for _, w := range warnings {
		fmt.Fprintf(e.stderr, "warning: %s\n", printable(w.Error()))
	}
	if len(warnings) == 0 {
		_, err = fmt.Fprintf(e.stderr, "%d rules, no errors\n", len(set.Rules()))
		return err
	}
	fmt.Fprintf(e.stderr, "%d rules, no errors, %d warnings\n", len(set.Rules()), len(warnings))
	if c.Bool("strict") {
		return exit(exitInput)
	}
	return nil
}

// withBuiltin compiles files together with the built-in ones.
func withBuiltin(e *env, paths []string) (*rules.Set, error) {
	files, err := e.ruleFiles(paths)
	if err != nil {
		return nil, err
	}
	return rules.Compile(append(rules.BuiltinFiles(), files...)...)
}

// catalogueOf is the attributes that the stored changes have, of the data folder
// that a flag or the environment names; nil if there is none.
func catalogueOf(c *cli.Context, e *env) (_ rules.Catalogue, err error) {
	dir := c.String("data")
	if dir == "" {
		return nil, nil
	}
	if _, err := e.stat(filepath.Join(dir, "store")); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	w, err := openWorkspace(c, e, true)
	if errors.Is(err, store.ErrBusy) {
		fmt.Fprintln(e.stderr, "warning: the data folder is in use, so stored attributes were not looked at")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closeWith(&err, w.close)
	return w.catalogue(c.Context, e)
}

// catalogue is the attributes of each table that changes edited.
func (w *workspace) catalogue(ctx context.Context, e *env) (rules.Catalogue, error) {
	everything, err := parseQuery(e, "*")
	if err != nil {
		return nil, err
	}
	found, err := w.engine().Facets(ctx, everything, []audit.Facet{audit.FacetTable}, 0)
	if err != nil {
		return nil, err
	}
	out := rules.Catalogue{}
	for _, v := range found.Facets[0].Top {
		t, err := audit.ParseTable(v.Value)
		if err != nil {
			continue // a name that no rule can name either
		}
		exact, err := parseQuery(e, "table:"+quote(v.Value))
		if err != nil {
			return nil, err
		}
		attributes, err := w.engine().Facets(ctx, exact, []audit.Facet{audit.FacetAttribute}, 0)
		if err != nil {
			return nil, err
		}
		names := []string{}
		for _, a := range attributes.Facets[0].Top {
			names = append(names, a.Value)
		}
		out[t] = names
	}
	return out, nil
}
