package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/playbook"
	"recourse/internal/report"
	"recourse/query"
)

func playbookCommand(e *env) *cli.Command {
	names := "NAME is one that comes with the program, or a file.\n\n"
	return &cli.Command{
		Name:  "playbook",
		Usage: "prepared questions for kinds of incident",
		Description: "A playbook asks, one after the other, what an investigator asks first, and prints the answers with\n" +
			"the query of each and what of the log it rests on. docs/query.md says how one is written.\n" +
			"The name of one that comes with the program runs it without the word run.\n\n" +
			"Example:\n   recourse playbook run tampered-money field=balance since=-24h -o html > report.html",
		Flags: []cli.Flag{requireCoverage()},
		Action: func(c *cli.Context) error {
			all, err := playbook.Builtin()
			name := c.Args().First()
			switch {
			case err != nil:
				return err
			case slices.ContainsFunc(all, func(p *playbook.Playbook) bool { return p.Name == name }):
				return runPlaybook(c, e)
			case name != "":
				return unknownCommand(c, name)
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "print the playbooks", ArgsUsage: "[PATH…]",
				Description: "PATHs are files or folders beside those that come with the program.\n\n" +
					"Exit codes: 0; 65 a file has a mistake.\n\nExample:\n   recourse playbook list",
				Action: func(c *cli.Context) error { return listPlaybooks(c, e) },
			},
			{
				Name: "show", Usage: "print the questions and what they need", ArgsUsage: "NAME",
				Description: names + "Exit codes: 0 printed; 64 there is none; 65 the file has a mistake.\n\nExample:\n   recourse playbook show mass-delete",
				Action:      func(c *cli.Context) error { return showPlaybook(c, e) },
			},
			{
				Name: "lint", Usage: "check playbook files", ArgsUsage: "PATH…",
				Description: "Exit codes: 0 all well; 65 there are mistakes.\n\nExample:\n   recourse playbook lint my-playbooks/",
				Action:      func(c *cli.Context) error { return lintPlaybooks(c, e) },
			},
			{
				Name: "run", Usage: "ask the questions and print the report", ArgsUsage: "NAME [KEY=VALUE…]",
				Description: names + "Exit codes: 0 answered; 2 no question found anything in what is stored; 5 a question could not be\n" +
					"answered; 9 busy; 11 with --require-coverage: the log is not known to be whole there; 64 usage; 65\n" +
					"the file has a mistake; 130 interrupted: what was answered until then is printed.\n\n" +
					"Example:\n   recourse playbook run mass-delete table='shop.*' since=-24h -o md",
				Flags:        []cli.Flag{requireCoverage()},
				BashComplete: completePlaybook,
				Action:       func(c *cli.Context) error { return runPlaybook(c, e) },
			},
		},
	}
}

// playbooks are those that come with the program and those at the paths.
func playbooks(e *env, paths ...string) ([]*playbook.Playbook, error) {
	all, err := playbook.Builtin()
	if err != nil || len(paths) == 0 {
		return all, err
	}
	for _, p := range paths {
		more, err := playbook.Load(e.at(p))
		if err != nil {
			return nil, inputErr(e.told(err, p))
		}
		all = append(all, more...)
	}
	return all, nil
}

// playbookNamed is the playbook that an argument names.
func playbookNamed(e *env, name string) (*playbook.Playbook, error) {
	all, err := playbooks(e)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	if _, err := e.stat(name); err != nil {
		hint := "recourse playbook list shows them"
		if like := query.Suggest(name, names); like != "" {
			hint = "did you mean " + like + "? " + hint
		}
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("%q is no playbook and no file", name), hint: hint}
	}
	found, err := playbook.Load(e.at(name))
	if err != nil {
		return nil, inputErr(e.told(err, name))
	}
	if len(found) != 1 {
		return nil, usagef("%s: want one playbook, there are %d", name, len(found))
	}
	return found[0], nil
}

func listPlaybooks(c *cli.Context, e *env) error {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	all, err := playbooks(e, c.Args().Slice()...)
	if err != nil {
		return err
	}
	list := report.Listing{Name: "playbooks", Columns: []string{"name", "title", "questions", "params"}}
	for _, b := range all {
		var params []string
		for _, a := range b.Params {
			if a.Required {
				params = append(params, a.Name+"=…")
			} else {
				params = append(params, "["+a.Name+"]")
			}
		}
		list.Rows = append(list.Rows, []any{b.Name, b.Title, len(b.Questions), strings.Join(params, " ")})
	}
	return p.List(list)
}

func showPlaybook(c *cli.Context, e *env) error {
	if err := wantArgs(c, 1, 1); err != nil {
		return err
	}
	b, err := playbookNamed(e, c.Args().First())
	if err != nil {
		return err
	}
	type param struct {
		Name     string `json:"name"`
		Kind     string `json:"kind"`
		About    string `json:"about"`
		Default  string `json:"default,omitempty"`
		Required bool   `json:"required"`
	}
	type question struct {
		ID    string `json:"id"`
		Ask   string `json:"ask"`
		Why   string `json:"why,omitempty"`
		Read  string `json:"read,omitempty"`
		Query string `json:"query"`
	}
	doc := struct {
		Name      string     `json:"name"`
		Title     string     `json:"title"`
		About     string     `json:"about"`
		Params    []param    `json:"params"`
		Questions []question `json:"questions"`
	}{Name: b.Name, Title: b.Title, About: b.About}
	for _, a := range b.Params {
		doc.Params = append(doc.Params, param{a.Name, string(a.Kind), a.About, a.Default, a.Required})
	}
	for _, q := range b.Questions {
		doc.Questions = append(doc.Questions, question{q.ID, q.Ask, q.Why, q.Read, q.Query})
	}
	return printDocument(c, e, "playbook", doc, func() {
		fmt.Fprintf(e.stdout, "%s: %s\n%s\n\n", b.Name, printable(b.Title), printable(b.About))
		for _, a := range doc.Params {
			def := "may be left out"
			if a.Required {
				def = "must be given"
			} else if a.Default != "" {
				def = a.Default + " if left out"
			}
			fmt.Fprintf(e.stdout, "  %s=…  %s (%s)\n", a.Name, printable(a.About), printable(def))
		}
		for i, q := range doc.Questions {
			fmt.Fprintf(e.stdout, "\n%d. %s\n   %s\n", i+1, printable(q.Ask), printable(q.Query))
		}
	})
}

func lintPlaybooks(c *cli.Context, e *env) error {
	if err := wantArgs(c, 1, -1); err != nil {
		return err
	}
	n := 0
	var errs []error
	for _, path := range c.Args().Slice() {
		all, err := playbook.Load(e.at(path))
		if err != nil {
			return inputErr(e.told(err, path))
		}
		for _, b := range all {
			if err := b.Lint(query.Language{Now: e.now(), Condition: compiled}); err != nil {
				errs = append(errs, e.told(fmt.Errorf("%s: %w", b.File, err), path))
			}
		}
		n += len(all)
	}
	if err := errors.Join(errs...); err != nil {
		return inputErr(err)
	}
	_, err := fmt.Fprintf(e.stderr, "%d playbooks, no mistakes\n", n)
	return err
}

func runPlaybook(c *cli.Context, e *env) (err error) {
	if err := wantArgs(c, 1, -1); err != nil {
		return err
	}
	p, err := printer(c, e, report.HTML)
	if err != nil {
		return err
	}
	b, err := playbookNamed(e, c.Args().First())
	if err != nil {
		return err
	}
	values := map[string]string{}
	for _, arg := range c.Args().Tail() {
		name, value, ok := strings.Cut(arg, "=")
		if _, twice := values[name]; !ok || twice {
			return usagef("playbook run: %q: want KEY=VALUE, each once", arg)
		}
		values[name] = value
	}
	asked, err := b.Fill(values, e.now())
	if err != nil {
		return &exitError{code: exitUsage, err: err, hint: "recourse playbook show " + b.Name + " tells what it needs"}
	}
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	v, failed, found := w.investigate(c.Context, e, b, asked)
	for _, a := range b.Params {
		if value, given := values[a.Name]; given {
			v.Params = append(v.Params, [2]string{a.Name, value})
		} else if a.Default != "" {
			v.Params = append(v.Params, [2]string{a.Name, a.Default})
		}
	}
	if err := p.Investigation(v); err != nil {
		return err
	}
	switch {
	case v.Partial:
		return exit(exitInterrupted)
	case failed > 0:
		return &exitError{code: exitPartly, err: fmt.Errorf("%d of %d questions could not be answered", failed, len(asked))}
	}
	return covered(c, v.Complete(), foundAny(found))
}

// investigate asks the questions, and tells how many failed and how many found
// something.
func (w *workspace) investigate(ctx context.Context, e *env, b *playbook.Playbook, asked []playbook.Asked) (v *report.Investigation, failed, found int) {
	v = &report.Investigation{Playbook: b.Name, Title: b.Title, About: b.About, Made: audit.TimeOf(e.now())}
	engine := w.engine()
	engine.Now = e.now
	language := query.Language{Now: e.now(), Condition: compiled}
	for _, q := range asked {
		if ctx.Err() != nil {
			v.Partial = true
			break
		}
		a := report.InvestigationAnswer{ID: q.ID, Ask: q.Ask, Why: q.Why, Read: q.Read, Query: q.Text}
		pipeline, err := language.Parse(q.Text)
		if err == nil && slices.ContainsFunc(pipeline.Pipes, writes) {
			err = errors.New("a question writes nothing: plan and save are for recourse search")
		}
		if err == nil {
			a.Output, err = engine.Pipe(ctx, pipeline, query.PipeOptions{Limit: mostAnswered, Memory: w.cfg.Memory.forPipes()})
		}
		if err != nil {
			a.Err = err.Error()
			failed++
		} else {
			v.Partial = v.Partial || a.Output.Summary.Partial != ""
			if a.Output.Summary.Matched > 0 {
				found++
			}
		}
		v.Answers = append(v.Answers, a)
	}
	return v, failed, found
}

// mostAnswered is how many rows of one answer a report prints; how many there are
// is told.
const mostAnswered = 200

// writes says that a pipe leaves something behind.
func writes(p query.Pipe) bool {
	switch p.(type) {
	case query.PipePlan, query.PipeSave:
		return true
	}
	return false
}
