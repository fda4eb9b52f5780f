package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/urfave/cli/v2"

	"recourse/query"
	"recourse/rules"
)

// saveRule writes a rule file whose condition is the query. It is compiled before
// it is written, and held against what is stored: that it finds the same changes.
func (w *workspace) saveRule(c *cli.Context, e *env, engine *query.Engine, before *query.Pipeline, file string) error {
	expr, err := engine.Names.Bind(c.Context, before.Filter)
	if err != nil {
		return queryError(err)
	}
	for _, pipe := range before.Pipes {
		if where, ok := pipe.(query.PipeWhere); ok {
			expr = query.Conjunction(expr, query.Of(where.Where))
		}
	}
	condition, err := query.AsCondition(expr)
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	data, err := ruleFile(file, before.String(), condition.Text)
	if err != nil {
		return err
	}
	if _, err := rules.Compile(rules.File{Name: file, Data: data}); err != nil {
		return ruleError(err)
	}
	err = writeFile(e, file, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "rule written to %s; recourse hunt %s runs it on what is stored, and docs/rules.md says what more a rule may have\n", file, file)
	for _, n := range condition.Notes {
		fmt.Fprintf(e.stderr, "note: %s\n", n)
	}
	return nil
}

var notOfRuleID = regexp.MustCompile(`[^a-z0-9._-]+`)

// ruleFile is a rule file with one rule, that alerts on each change of which the
// condition holds.
func ruleFile(file, text, condition string) ([]byte, error) {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	id := strings.Trim(notOfRuleID.ReplaceAllString(strings.ToLower(name), "-"), "-._")
	if id == "" || len(id) > 80 {
		return nil, usagef("save rule %q: the file's name is to be the rule's id: letters, digits, dots, dashes", file)
	}
	title := []rune("Changes that match " + text)
	if len(title) > 180 {
		title = append(title[:180], '…')
	}
	type alert struct {
		Title string `yaml:"title"`
	}
	type rule struct {
		ID       string `yaml:"id"`
		Name     string `yaml:"name"`
		Status   string `yaml:"status"`
		Severity string `yaml:"severity"`
		Where    string `yaml:"where"`
		Unknown  string `yaml:"on_unknown_before"`
		Alert    alert  `yaml:"alert"`
	}
	doc := struct {
		APIVersion string `yaml:"apiVersion"`
		Rules      []rule `yaml:"rules"`
	}{"rules/v1", []rule{{
		ID: id, Name: printableLine(string(title)), Status: "experimental", Severity: "medium", Where: condition, Unknown: "evaluate",
		Alert: alert{"{{.user}} made {{.count}} changes of {{.table}} that match " + id},
	}}}
	data, err := yaml.Marshal(doc)
	if err != nil {
		return nil, errors.Join(errors.New("write rule"), err)
	}
	return data, nil
}

// printableLine is a text as one line.
func printableLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }
