package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

func revertResolveCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "resolve",
		Usage:     "decide a plan's conflicts",
		ArgsUsage: "PLAN",
		Description: "Each decision has a reason and a name, stands in the plan, and is signed with it: the plan gets\n" +
			"another digest, and what was approved before is approved no more. What a decision leads to is\n" +
			"planned anew from the stored histories. If these have moved since the plan was made, nothing is\n" +
			"decided: plan again.\n\n" +
			"--file reads JSON objects, one after the other or in an array: {\"n\":4,\"option\":\"keep\",\"reason\":\"…\"},\n" +
			"or with \"k\" [database, table, key] and \"class\" in place of n.\n\n" +
			"Exit codes: 0 all are decided; 3 conflicts are left; 4 the plan no longer fits the history;\n" +
			"64 usage; 65 the plan or a decision is not valid.\n\n" +
			"Example:\n   recourse revert resolve plan.rvp --set 4=merge --reason 'Ann wants the old address back'",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "set", Usage: "decide conflict N for an option: `N=OPTION`; may be repeated"},
			&cli.StringFlag{Name: "reason", Usage: "why, for --set: `TEXT`"},
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "read decisions from `FILE`; - is standard input"},
			&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "ask for each conflict that is not decided"},
			&cli.StringFlag{Name: "by", Usage: "who decides: `NAME`; without it $USER"},
			&cli.StringFlag{Name: "selection", Usage: "the selection's `FILE`, if the plan does not name all of its changes itself"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the new plan to `FILE`; without it in the place of PLAN"},
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertResolve(c, e)
		},
	}
}

func runRevertResolve(c *cli.Context, e *env) (err error) {
	path := c.Args().First()
	by := cmp.Or(c.String("by"), e.get("USER"))
	ways := 0
	for _, way := range []bool{len(c.StringSlice("set")) > 0, c.String("file") != "", c.Bool("interactive")} {
		if way {
			ways++
		}
	}
	switch {
	case ways != 1:
		return usagef("revert resolve: want one of --set, --file and --interactive")
	case by == "":
		return usagef("revert resolve: who decides is not known: say --by NAME")
	}
	opened, err := openedAt(e, path)
	if err != nil {
		return err
	}
	defer closeWith(&err, opened.close)
	plan, err := opened.Conflicts()
	if err != nil {
		return err
	}
	choices, err := choicesOf(c, e, plan)
	if err != nil {
		return err
	}
	more, err := plan.Decide(choices, by, e.now().UTC().Format(time.RFC3339))
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	req, records, err := w.again(c, e, opened, plan)
	if err != nil {
		return err
	}
	next, err := plan.Resolve(c.Context, req, records, more, planLines(c, e))
	if err != nil {
		return err
	}
	defer closeWith(&err, next.Close)
	if err := writeFile(e, cmp.Or(c.String("output"), path), next.Write); err != nil {
		return err
	}
	h := &next.Header
	fmt.Fprintf(e.stderr, "plan %s: %d decided, %d not; it was plan %s\n", h.ID, h.Counts.Conflict-next.Unresolved, next.Unresolved, plan.Header.ID)
	return conflictsLeft(h.ID, next.Unresolved)
}

// choicesOf are the decisions of the flags, or of answers.
func choicesOf(c *cli.Context, e *env, plan *revert.Plan) ([]revert.Choice, error) {
	switch {
	case c.Bool("interactive"):
		return askChoices(e, plan)
	case c.String("file") != "":
		return readChoices(e, c.String("file"))
	}
	var choices []revert.Choice
	for _, s := range c.StringSlice("set") {
		number, option, ok := strings.Cut(s, "=")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n <= 0 || option == "" {
			return nil, usagef("--set %q: want N=OPTION, such as 4=keep", s)
		}
		choices = append(choices, revert.Choice{N: n, Option: option, Reason: c.String("reason")})
	}
	if c.String("reason") == "" {
		return nil, usagef("revert resolve: --set wants a --reason")
	}
	return choices, nil
}

func readChoices(e *env, path string) ([]revert.Choice, error) {
	f, err := e.input(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read decisions: %w", err))
	}
	defer f.Close()
	return revert.ReadChoices(f)
}

// askChoices asks for each conflict. No option leaves it undecided; the end of
// the input ends the questions, and what was answered counts.
func askChoices(e *env, plan *revert.Plan) ([]revert.Choice, error) {
	in := bufio.NewReader(e.stdin)
	ask := func(question string) (string, error) {
		fmt.Fprint(e.stderr, question)
		line, err := in.ReadString('\n')
		if line != "" && errors.Is(err, io.EOF) {
			err = nil
		}
		return strings.TrimSpace(line), err
	}
	p := report.New(e.stderr, report.Options{Width: e.width})
	var choices []revert.Choice
	for i := range plan.Conflicts {
		conflict := &plan.Conflicts[i]
		if conflict.Resolution != nil {
			continue
		}
		if err := p.Conflict(conflict); err != nil {
			return nil, err
		}
		option, err := ask(fmt.Sprintf("conflict %d: %s, or nothing to leave it open? ", conflict.N, strings.Join(conflict.Options, ", ")))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, inputErr(fmt.Errorf("read decisions: %w", err))
		}
		if option == "" {
			continue
		}
		reason, err := ask("why? ")
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, inputErr(fmt.Errorf("read decisions: %w", err))
		}
		choices = append(choices, revert.Choice{N: conflict.N, Option: option, Reason: reason})
	}
	if len(choices) == 0 {
		return nil, &exitError{code: exitConflicts, err: errors.New("resolve plan: nothing was decided"), hint: "the plan is as it was"}
	}
	return choices, nil
}

// again is what a plan was made of, as it is stored today.
func (w *workspace) again(c *cli.Context, e *env, opened *openedPlan, plan *revert.Plan) (revert.Request, iter.Seq2[revert.Record, error], error) {
	ctx, selection := c.Context, c.String("selection")
	req, err := plan.Request()
	if err != nil {
		return req, nil, err
	}
	if selection != "" {
		req.Selection, err = readSelection(e, selection)
	} else {
		req.Selection, err = opened.Selected()
	}
	if err != nil {
		if errors.Is(err, revert.ErrIncomplete) {
			err = &exitError{code: exitUsage, err: err, hint: "give the selection that it was made of with --selection"}
		}
		return req, nil, err
	}
	if req.Selection.Digest != plan.Header.Selection.Digest {
		return req, nil, inputErr(fmt.Errorf("plan %s is of another selection", plan.Header.ID))
	}
	if req.Ledger, err = w.store.Ledger(ctx); err != nil {
		return req, nil, err
	}
	reading, err := w.reading(ctx, e)
	if err != nil {
		return req, nil, err
	}
	req.Others = storedOthers{w.store, reading}
	if err := w.journals(ctx, reading, &req); err != nil {
		return req, nil, err
	}
	if req.Undo, err = opened.TakesBack(); err != nil {
		return req, nil, err
	}
	records, err := w.historiesOf(c, e, reading, opened, &req)
	return req, records, err
}

// historiesOf are the histories that a plan is made of.
func (w *workspace) historiesOf(c *cli.Context, e *env, reading *query.Reading, plan *openedPlan, req *revert.Request) (iter.Seq2[revert.Record, error], error) {
	ctx, ids := c.Context, req.Selection.Changes
	if req.Undo.Purpose != "" && req.Undo.Purpose != audit.PurposeRestore {
		var err error
		if ids, err = req.Undo.Involved(ctx, w.store, req.Ledger); err != nil {
			return nil, undoError(err)
		}
	}
	records := revert.Records(ctx, w.store, ids, planLines(c, e))
	if req.Undo.Purpose != audit.PurposeRestore {
		return records, nil
	}
	r := revert.Restore{At: req.Undo.Since, Hidden: hiddenOf(reading, keysIn(plan.About())), Ledger: req.Ledger, Cluster: req.Policy.Cluster}
	return r.Histories(records), nil
}

// keysIn stand for the records of some tables.
func keysIn(tables []audit.Table) []audit.Key {
	keys := make([]audit.Key, len(tables))
	for i, t := range tables {
		keys[i].Table = t
	}
	return keys
}
