package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/rules"
)

func rulesListCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "print the rules, and how they do", ArgsUsage: "[PATH…]",
		Description: rulePaths + "With --state what the rules of the data folder did so far stands beside each: changes that matched, alerts,\n" +
			"whether it is at work, learning or in quarantine, what its exceptions held of, and of the alerts that people\n" +
			"judged the part in which it found what it looks for, with the ends of its 95 % interval (Wilson). What rules\n" +
			"did not decide, and what they gave up for want of room, is said on stderr; -o json has each count. The rules\n" +
			"are then those that the configuration names, if there is no PATH. --exceptions prints the exceptions.\n\n" +
			"Exit codes: 0; 2 no exceptions; 9 with --state: busy; 65 the files have errors.\n\nExample:\n   recourse rules list --state",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "state", Usage: "say what the rules did so far"},
			&cli.BoolFlag{Name: "exceptions", Usage: "print the rules' exceptions; with --state how often each held"},
		}, rulesFlags()...),
		Action: func(c *cli.Context) error { return runRulesList(c, e) },
	}
}

func runRulesList(c *cli.Context, e *env) error {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	var set *rules.Set
	var state *rulesState
	if c.Bool("state") {
		set, state, err = stateOfRules(c, e)
	} else {
		set, err = ruleFiles(c, e)
	}
	if err != nil {
		return err
	}
	if c.Bool("exceptions") {
		list := exceptionsList(set, state, e)
		if err := p.List(onScreen(p, list, "rule", "id", "reason", "owner", "expires", "holds", "held")); err != nil {
			return err
		}
		return exit(foundAny(len(list.Rows)))
	}
	list := rulesList(set, state)
	if state != nil {
		list = onScreen(p, list, "id", "severity", "at_work", "matched", "alerts", "excepted", "judged", "precision")
	}
	if err := p.List(list); err != nil || state == nil {
		return err
	}
	var stats []rules.RuleStats
	for _, r := range set.Rules() {
		stats = append(stats, state.stats[r.ID])
	}
	sayLeftOut(e.stderr, stats)
	return nil
}

// A rulesState is what the rules of a data folder did so far.
type rulesState struct {
	stats   map[string]rules.RuleStats
	tallies map[string]audit.Tally
}

func stateOfRules(c *cli.Context, e *env) (_ *rules.Set, _ *rulesState, err error) {
	dir, err := dataFolder(e, c.String("data"))
	if err != nil {
		return nil, nil, err
	}
	if _, err := e.stat(filepath.Join(dir, "store")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &exitError{code: exitInput, err: fmt.Errorf("open data folder %s: it holds no store", dir), hint: "recourse import or recourse watch makes one"}
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return nil, nil, err
	}
	defer closeWith(&err, w.close)
	set, err := ruleFiles(c, e)
	if c.Args().Len() == 0 {
		set, err = loadRules(c, e, w.cfg)
	}
	if err != nil {
		return nil, nil, err
	}
	state, err := w.rulesState(c.Context, set)
	return set, state, err
}

func (w *workspace) rulesState(ctx context.Context, set *rules.Set) (*rulesState, error) {
	seq, err := w.store.Progress(ctx, rulesProgress)
	if err != nil {
		return nil, err
	}
	engine, err := w.engineAt(ctx, set, seq)
	if err != nil {
		return nil, err
	}
	s := &rulesState{stats: map[string]rules.RuleStats{}}
	for _, r := range engine.Stats().Rules {
		s.stats[r.Rule] = r
	}
	s.tallies, err = w.store.Tallies(ctx)
	return s, err
}

func rulesList(set *rules.Set, state *rulesState) report.Listing {
	list := report.Listing{Name: "rules", Columns: []string{"id", "severity", "risk", "status", "name", "attack"}}
	if state != nil {
		list.Columns = append(list.Columns, "at_work", "matched", "alerts", "excepted", "errors", "skipped_unknown",
			"quarantined", "last_error", "judged", "precision", "precision_low", "precision_high",
			"undecided", "unknown_rows", "missing", "own", "groups", "groups_evicted", "changes_evicted", "evidence_cut", "each_cut",
			"rewound", "merged", "heard", "learned")
	}
	for _, r := range set.Rules() {
		row := []any{r.ID, string(r.Severity), r.Risk, string(r.Status), r.Name, r.Attack}
		if state != nil {
			row = append(row, state.cells(r.ID)...)
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

func (s *rulesState) cells(id string) []any {
	r, tally := s.stats[id], s.tallies[id]
	cells := []any{atWork(r), r.Matched, r.Alerts, r.Excepted, r.Errors, r.SkippedUnknown, r.Quarantine.Skipped, nil, tally.Judged(), nil, nil, nil}
	if r.LastError != "" {
		cells[7] = r.LastError
	}
	if part, low, high, ok := tally.Precision(); ok {
		cells[9], cells[10], cells[11] = part, low, high
	}
	return append(cells, r.Undecided, r.UnknownRows, r.Missing, r.Own, r.Groups, r.GroupsEvicted, r.ChangesEvicted, r.EvidenceCut, r.EachCut,
		r.Rewound, r.Merged, r.Heard, r.Learned)
}

// atWork says how a rule stands.
func atWork(r rules.RuleStats) string {
	switch {
	case r.Quarantine.Left > 0:
		return "quarantined"
	case r.Learning:
		return "learning"
	case r.Cold > 0 && r.Armed == 0:
		return "not armed"
	case r.Cold > 0:
		return fmt.Sprintf("armed for %d of %d groups", r.Armed, r.Armed+r.Cold)
	}
	return "yes"
}

func exceptionsList(set *rules.Set, state *rulesState, e *env) report.Listing {
	list := report.Listing{Name: "exceptions", Columns: []string{"rule", "id", "fields", "comps", "rows", "reason", "owner", "expires", "holds", "file", "line"}}
	if state != nil {
		list.Columns = append(list.Columns, "held")
	}
	for _, r := range set.Rules() {
		for _, x := range r.Exceptions {
			var expires any
			if !x.Expires.IsZero() {
				expires = audit.TimeOf(x.Expires)
			}
			row := []any{r.ID, x.ID, x.Fields, x.Comps, x.Values, x.Reason, x.Owner, expires, !x.Expired(e.now()), x.File, x.Line}
			if state != nil {
				row = append(row, state.stats[r.ID].Exceptions[x.ID])
			}
			list.Rows = append(list.Rows, row)
		}
	}
	return list
}

// sortedKeys are a map's keys, sorted.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
