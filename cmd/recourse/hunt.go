package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
	"recourse/rules"
)

func huntCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "hunt",
		Usage:     "run rules on what is stored, as a query",
		ArgsUsage: "RULE|FILE|builtin [QUERY]",
		Description: "RULE is the id of a rule that comes with the program or that the configuration names; FILE a rule\n" +
			"file, or a folder of them; builtin all that come with the program. The rules judge the changes that\n" +
			"QUERY finds, as if no others had been made, and in a state of their own: no alert is stored, and\n" +
			"none that is stored counts. Without QUERY they judge all.\n\n" +
			"What is printed are the alerts that they would raise. If QUERY has pipes, the changes that these\n" +
			"alerts rest on go through them: `* | stats by(user) count`.\n\n" +
			"What the rules did not decide, or gave up for want of room, is said on stderr.\n\n" +
			"Exit codes: 0 the rules would alert; 2 they would not, on what is stored; 6 they would not, but one\n" +
			"failed on changes or was put into quarantine; 9 busy; 11 with --require-coverage: the log is not\n" +
			"known to be whole there; 64 usage; 65 a rule file has errors.\n\n" +
			"Example:\n   recourse hunt mass-delete 'table:shop.* @-30d'\n" +
			"   recourse hunt my-rules/ '@-30d | stats by(user,table) count'",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "limit", Usage: "print at most so many changes; 0 is all", Value: 50},
			explainFlag(), requireCoverage(),
		},
		Action: func(c *cli.Context) error { return runHunt(c, e) },
	}
}

func runHunt(c *cli.Context, e *env) (err error) {
	if err := wantArgs(c, 1, -1); err != nil {
		return err
	}
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	pipeline := &query.Pipeline{}
	if c.Args().Len() > 1 {
		if pipeline, err = parsePipeline(c, e, e.now(), strings.Join(c.Args().Tail(), " ")); err != nil {
			return err
		}
	}
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	set, only, err := w.hunted(e, c.Args().First())
	if err != nil {
		return err
	}
	engine := w.engine()
	engine.Now = e.now
	h := &hunt{w: w, only: only, found: map[string]audit.Alert{}}
	if err := h.run(c.Context, set, engine, pipeline.Filter); err != nil {
		return pipeError(err)
	}
	sayLeftOut(e.stderr, h.stats)
	answer, err := engine.Count(c.Context, pipeline.Filter)
	if err != nil {
		return err
	}
	if !answer.Complete {
		fmt.Fprintln(e.stderr, "the log is not known to be whole where this hunt looks: recourse coverage prints what was read and what not")
	}
	if len(pipeline.Pipes) > 0 {
		expr, err := engine.Names.Bind(c.Context, pipeline.Filter)
		if err != nil {
			return queryError(err)
		}
		seqs, tables := h.evidence()
		pipeline.Filter = query.OfSeqs(expr, seqs, tables)
		err = w.answerPipes(c, e, p, engine, pipeline, time.Time{})
		code := exitCode(c.Context, err)
		if code != exitOK && code != exitNothing {
			return err
		}
		return covered(c, answer.Complete, h.code(code))
	}
	if err := p.Alerts(h.alerts()); err != nil {
		return err
	}
	return covered(c, answer.Complete, h.code(foundAny(len(h.found))))
}

// hunted are the rules that an argument names, and the id of the only one that
// counts; empty: all do.
func (w *workspace) hunted(e *env, name string) (set *rules.Set, only string, err error) {
	if name == "builtin" {
		set, err = rules.Builtin()
		return set, "", err
	}
	if _, err := e.stat(name); err == nil {
		files, err := e.ruleFiles([]string{name})
		if err == nil {
			set, err = rules.Compile(files...)
		}
		return set, "", ruleError(err)
	}
	files, err := e.ruleFiles(w.cfg.Rules)
	if err != nil {
		return nil, "", ruleError(err)
	}
	if set, err = rules.Compile(append(rules.BuiltinFiles(), files...)...); err != nil {
		return nil, "", ruleError(err)
	}
	if set.Rule(name) == nil {
		return nil, "", &exitError{code: exitUsage, err: fmt.Errorf("hunt: %q is no rule, file or folder", name), hint: likeRule(set, name)}
	}
	return set.Around(set.Rule(name)), name, nil
}

// A hunt is rules at work on the changes of a query.
type hunt struct {
	w     *workspace
	only  string
	found map[string]audit.Alert
	stats []rules.RuleStats // of the rules at work, when all is judged
}

func (h *hunt) run(ctx context.Context, set *rules.Set, engine *query.Engine, expr query.Expr) error {
	var err error
	if h.w.own, err = h.w.store.Own(ctx); err != nil {
		return err
	}
	if h.w.counted, err = h.w.countedRows(ctx); err != nil {
		return err
	}
	judge := rules.NewEngine(set, h.w.rulesOptions())
	var wanted []audit.Seq // nil: all
	if expr.String() != "*" {
		wanted = []audit.Seq{}
		_, err := engine.Stream(ctx, query.Query{Expr: expr}, func(changes []audit.Change) error {
			for i := range changes {
				wanted = append(wanted, changes[i].Seq)
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.Sort(wanted)
	}
	var c audit.Change // one for all, as the engine keeps none
	for next, err := range h.w.store.Follow(ctx, 0) {
		if err != nil {
			return err
		}
		if wanted != nil {
			if _, yes := slices.BinarySearch(wanted, next.Seq); !yes {
				continue
			}
		}
		c = next
		alerts, err := judge.Eval(&c)
		if err != nil {
			return fmt.Errorf("judge change %d: %w", c.Seq, err)
		}
		h.take(alerts)
	}
	late, err := h.w.advance(ctx, judge) // what waits is decided as far as the log was read
	h.take(late)
	h.stats = judge.Stats().Rules
	return err
}

func (h *hunt) take(alerts []audit.Alert) {
	for _, a := range alerts {
		switch {
		case h.only != "" && a.Rule != h.only:
		case a.MergedInto != "": // it is part of another
			delete(h.found, a.ID)
		default:
			h.found[a.ID] = a
		}
	}
}

// code is otherwise, unless no alert was raised and a rule failed, or was put into
// quarantine: that one has not said that there is nothing.
func (h *hunt) code(otherwise int) int {
	if len(h.found) == 0 && slices.ContainsFunc(h.stats, failed) {
		return exitIntegrity
	}
	return otherwise
}

// alerts are those that were raised, in the order of their first changes.
func (h *hunt) alerts() []audit.Alert {
	all := make([]audit.Alert, 0, len(h.found))
	for _, a := range h.found {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b audit.Alert) int {
		return cmp.Or(cmp.Compare(a.FirstTime, b.FirstTime), strings.Compare(a.ID, b.ID))
	})
	return all
}

// evidence are the changes that the alerts rest on, and their tables.
func (h *hunt) evidence() ([]audit.Seq, map[audit.Table]bool) {
	var seqs []audit.Seq
	tables := map[audit.Table]bool{}
	for _, a := range h.found {
		seqs = slices.AppendSeq(seqs, a.Folded.All())
		for _, ev := range a.Changes {
			if ev.Seq != 0 {
				seqs = append(seqs, ev.Seq)
				tables[audit.Table{Database: ev.Database, Name: ev.Table}] = true
			}
		}
	}
	return seqs, tables
}
