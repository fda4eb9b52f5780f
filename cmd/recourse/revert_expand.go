package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

func revertExpandCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "expand",
		Usage:     "propose further changes that may belong to a selection",
		ArgsUsage: "SELECTION",
		Description: "Lists changes that are tied to selected ones, with the reasons: of the same transaction, by the\n" +
			"same user since the first selected change, references to records of the selection (declared in\n" +
			"--policy, or told by --schema), values that the selection brought in. Nothing is taken in by\n" +
			"itself. Look at the list; leave of it what belongs to the attack; then give that to --take, and\n" +
			"the changes become part of a new selection, each with its reasons. Who only read something has\n" +
			"left no trace in the log.\n\n" +
			"Exit codes: 0 done; 2 nothing is proposed; 64 usage; 65 the selection is damaged, or a change to\n" +
			"take in is not proposed.\n\n" +
			"Example:\n" +
			"   recourse revert expand sel.json --by transaction,references --policy policy.yaml\n" +
			"   recourse revert expand sel.json -o ndjson >proposed.ndjson\n" +
			"   recourse revert expand sel.json --take proposed.ndjson --selection wider.json",
		Flags: append(harperFlags(),
			&cli.StringSliceFlag{Name: "by", Usage: "look for these `TIES` only: " + strings.Join(tieWords(), ", ")},
			&cli.StringFlag{Name: "to", Usage: "look at changes before `TIME`"},
			&cli.StringFlag{Name: "policy", Usage: "take references from the policy `FILE`"},
			&cli.StringFlag{Name: "schema", Usage: "take references from the tables as Harper describes them: live, or the saved answer to describe_all in `FILE`"},
			&cli.StringFlag{Name: "take", Usage: "take the proposals in that `FILE` lists, NDJSON lines with \"id\"; - is standard input"},
			&cli.StringSliceFlag{Name: "id", Usage: "take the proposal with this `ID` in, or the one whose id begins so; may be repeated"},
			&cli.StringFlag{Name: "selection", Usage: "write the new selection to `FILE`; needed with --take and --id"},
		),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertExpand(c, e)
		},
	}
}

func tieWords() []string {
	var words []string
	for _, t := range revert.Ties() {
		words = append(words, string(t))
	}
	return words
}

func runRevertExpand(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	takes := c.String("take") != "" || len(c.StringSlice("id")) > 0
	if takes != (c.String("selection") != "") {
		return usagef("revert expand: --selection FILE goes with --take or --id, and these with it")
	}
	sel, err := readSelection(e, c.Args().First())
	if err != nil {
		return err
	}
	req, err := expandRequest(c, e, sel)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	x, err := w.expand(c, e, req)
	if err != nil {
		return err
	}
	for _, note := range x.Notes {
		fmt.Fprintln(e.stderr, printable(note))
	}
	if takes {
		return w.takeIn(c, e, sel, x)
	}
	if p.Format() == report.Table {
		printProposals(e, x)
	} else if err := p.List(proposalRows(x)); err != nil {
		return err
	}
	if len(x.Proposals) == 0 {
		return exit(exitNothing)
	}
	return nil
}

func expandRequest(c *cli.Context, e *env, sel *revert.Selection) (revert.ExpandRequest, error) {
	req := revert.ExpandRequest{Selection: sel}
	for _, words := range c.StringSlice("by") {
		for word := range strings.SplitSeq(words, ",") {
			if !slices.Contains(revert.Ties(), revert.Tie(word)) {
				return req, usagef("--by %q: want one of %s", word, strings.Join(tieWords(), ", "))
			}
			req.By = append(req.By, revert.Tie(word))
		}
	}
	var err error
	req.Policy, err = policyFile(e, c.String("policy"))
	return req, err
}

// expand proposes changes of the store.
func (w *workspace) expand(c *cli.Context, e *env, req revert.ExpandRequest) (*revert.Expansion, error) {
	since, partly, err := w.sinceFirst(c, e, req.Selection)
	if err != nil {
		return nil, err
	}
	if req.Schema, _, err = schemaOf(c, e, w.cfg); err != nil {
		return nil, err
	}
	ledger, err := w.store.Ledger(c.Context)
	if err != nil {
		return nil, err
	}
	undone := ledger.Reverted()
	req.Passed = func(id audit.ChangeID) bool {
		_, ours := ledger.Own[id]
		_, gone := undone[id]
		return ours || gone
	}
	x, err := revert.Expand(c.Context, req, revert.Records(c.Context, w.store, req.Selection.Changes, planLines(c, e)), since)
	if err == nil && partly != "" {
		x.Notes = append(x.Notes, partly)
	}
	return x, err
}

// sinceFirst are the stored changes from the selection's first one on, and in what
// they may not be all that there were.
func (w *workspace) sinceFirst(c *cli.Context, e *env, sel *revert.Selection) (since iter.Seq2[audit.Change, error], partly string, err error) {
	if sel.Events == 0 {
		return func(func(audit.Change, error) bool) {}, "", nil
	}
	words := "time>=" + exactTime(sel.First)
	if to := c.String("to"); to != "" {
		at, err := query.ParseTime(to, e.now())
		if err != nil {
			return nil, "", usagef("--to: %v", err)
		}
		words += " time<" + exactTime(at)
	}
	expr, err := parseQuery(e, words)
	if err != nil {
		return nil, "", err
	}
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return nil, "", err
	}
	if cov := reading.OfExpr(expr); !cov.Complete {
		partly = report.CoverageNote(cov)
	}
	return w.engine().All(c.Context, expr), partly, nil
}

func proposalRows(x *revert.Expansion) report.Listing {
	list := report.Listing{Name: "proposals", Columns: []string{"score", "by", "time", "user", "op", "database", "table", "key", "why", "id", "seq"}}
	for i := range x.Proposals {
		p := &x.Proposals[i]
		ties, why := []string{}, []string{}
		for _, r := range p.Reasons {
			ties, why = append(ties, string(r.By)), append(why, r.Why)
		}
		list.Rows = append(list.Rows, []any{p.Score, ties, p.Time, p.User, string(p.Op), p.Database, p.Table, p.Key, why, p.ID.String(), p.Seq})
	}
	return list
}

// printProposals prints for people: each change, and below it what speaks for it.
func printProposals(e *env, x *revert.Expansion) {
	say := func(format string, args ...any) { fmt.Fprintln(e.stdout, printable(fmt.Sprintf(format, args...))) }
	for i := range x.Proposals {
		p := &x.Proposals[i]
		say("%3d  %.12s  %s  %s %s by %s", p.Score, p.ID, p.Time.ISO(), p.Op, oneLine(p.Record().String()), oneLine(cmp.Or(p.User, "nobody the log names")))
		for _, r := range p.Reasons {
			say("     %s: %s", r.By, oneLine(r.Why))
		}
	}
	if len(x.Proposals) == 0 {
		say("nothing is proposed")
	}
}

// takeIn writes the selection with the proposals in it that were chosen.
func (w *workspace) takeIn(c *cli.Context, e *env, sel *revert.Selection, x *revert.Expansion) error {
	wanted, err := chosenIDs(c, e)
	if err != nil {
		return err
	}
	more, err := pickProposals(x, wanted)
	if err != nil {
		return inputErr(fmt.Errorf("expand selection: %w", err))
	}
	keys, err := w.store.KeysOf(c.Context, sel.Changes)
	if err != nil {
		return err
	}
	wider := sel.Take(keys, more)
	if err := writeFile(e, c.String("selection"), wider.Write); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%d changes taken in: %d changes of %d records selected\n", wider.Events-sel.Events, wider.Events, wider.Records)
	return nil
}

// chosenIDs are the ids, or what they begin with, that the flags name.
func chosenIDs(c *cli.Context, e *env) ([]string, error) {
	ids := slices.Clone(c.StringSlice("id"))
	path := c.String("take")
	if path == "" {
		return ids, nil
	}
	r, err := e.input(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read proposals: %w", err))
	}
	defer r.Close()
	named, err := proposedIDs(c.Context, r)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read proposals: %s: %w", path, err))
	}
	return append(ids, named...), nil
}

func proposedIDs(ctx context.Context, r io.Reader) ([]string, error) {
	var ids []string
	err := eachLine(ctx, r, func(line []byte) error {
		var l struct {
			ID audit.ChangeID `json:"id"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		if l.ID == (audit.ChangeID{}) {
			return errors.New("want a line with id")
		}
		ids = append(ids, l.ID.String())
		return nil
	})
	return ids, err
}

// pickProposals are the proposals that are meant. Each id must begin that of one.
func pickProposals(x *revert.Expansion, wanted []string) ([]revert.Proposal, error) {
	byID := map[string]*revert.Proposal{}
	var ids []string
	for i := range x.Proposals {
		id := x.Proposals[i].ID.String()
		byID[id], ids = &x.Proposals[i], append(ids, id)
	}
	slices.Sort(ids)
	taken := map[string]bool{}
	var more []revert.Proposal
	for _, w := range wanted {
		at, _ := slices.BinarySearch(ids, w)
		switch {
		case w == "" || at == len(ids) || !strings.HasPrefix(ids[at], w):
			return nil, fmt.Errorf("change %.64q is not proposed", w)
		case at+1 < len(ids) && strings.HasPrefix(ids[at+1], w):
			return nil, fmt.Errorf("%.64q begins the ids of several proposals: give more of it", w)
		case !taken[ids[at]]:
			taken[ids[at]] = true
			more = append(more, *byID[ids[at]])
		}
	}
	return more, nil
}
