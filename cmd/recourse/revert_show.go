package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/revert"
)

func revertShowCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print a plan",
		ArgsUsage: "PLAN",
		Description: "A table, Markdown or HTML shows each record with its attributes; JSON is the plan's summary.\n" +
			"The HTML is one file that loads nothing. The plan file itself is NDJSON. --blame says, from the\n" +
			"data folder, who gave each attribute its values. --redact shows salted hashes in the place of\n" +
			"values; --copy writes such a plan into a file, for reviewers, which cannot be applied.\n\n" +
			"Exit codes: 0; 2 no line fits --key or --class; 3 the plan has conflicts; 65 the file is damaged.\n\n" +
			"Example:\n   recourse revert show plan.rvp -o md\n" +
			"   recourse revert show plan.rvp --key shop.customers/c-17 --blame\n" +
			"   recourse revert show plan.rvp --copy review.rvp --salt review.salt",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "this record alone: `DATABASE.TABLE/ID`"},
			&cli.StringFlag{Name: "class", Usage: "lines of this `CLASS` alone: recreated, superseded, insert …"},
			&cli.BoolFlag{Name: "blame", Usage: "say who gave the attributes their values, and when"},
			&cli.BoolFlag{Name: "redact", Usage: "show salted hashes in the place of values"},
			&cli.StringFlag{Name: "copy", Usage: "write a review copy without values to `FILE`"},
			&cli.StringFlag{Name: "salt", Usage: "keep the salt of the hashes in `FILE`, or take it from there; without it, it is forgotten"},
			approversFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertShow(c, e)
		},
	}
}

func runRevertShow(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e, report.HTML)
	if err != nil {
		return err
	}
	redacts := c.Bool("redact") || c.String("copy") != ""
	if redacts && c.Bool("blame") {
		return usagef("revert show: --blame shows values, which --redact and --copy are to hide")
	}
	filter, err := lineFilter(c)
	if err != nil {
		return err
	}
	path := c.Args().First()
	var file *planFile
	if redacts {
		plan, err := readReview(e, path)
		if err == nil {
			plan, err = redacted(c, e, plan)
		}
		if err != nil {
			return err
		}
		if c.String("copy") != "" {
			return writeFile(e, c.String("copy"), func(w io.Writer) error { return revert.WritePlan(w, plan) })
		}
		file, err = newPlanFile(filter, func() (iter.Seq2[revert.PlanLine, error], error) { return plan.Lines(), nil })
		if err != nil {
			return err
		}
	} else if file, err = openPlanFile(e, path, filter); err != nil {
		return err
	}
	defer closeWith(&err, file.close)
	if file.fitting == 0 && filter != (revert.LineFilter{}) {
		return &exitError{code: exitNothing, err: fmt.Errorf("plan %s: %w", file.outline.Header.ID, revert.ErrNoLine)}
	}
	view := report.PlanView{Plan: file.outline}
	if view.Approvals, err = standingOf(c, e, file.outline); err != nil {
		return err
	}
	parts := file.parts
	if c.Bool("blame") {
		w, err := openWorkspace(c, e, false)
		if err != nil {
			return err
		}
		defer closeWith(&err, w.close)
		if parts, err = w.blamed(c.Context, parts); err != nil {
			return err
		}
	}
	if err := p.PlanParts(view, file.unresolved, parts); err != nil {
		return err
	}
	return conflictsLeft(file.outline.Header.ID, file.unresolved)
}

func lineFilter(c *cli.Context) (f revert.LineFilter, err error) {
	if k := c.String("key"); k != "" {
		if f.Key, err = audit.ParseKey(k); err != nil {
			return f, usagef("--key: %v", err)
		}
	}
	f.Class = revert.Class(c.String("class"))
	return f, nil
}

// readReview reads a plan or a review copy, for a reader who only looks.
func readReview(e *env, path string) (*revert.Plan, error) {
	f, err := e.open(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read plan: %w", err))
	}
	defer f.Close()
	return revert.ReadReview(f)
}

// standingOf is how the plan stands with its approvers; a review copy has none.
func standingOf(c *cli.Context, e *env, plan *revert.Plan) (*revert.Approvals, error) {
	if plan.Review() {
		return nil, nil
	}
	cfg, err := configOf(c, e)
	if err != nil {
		return nil, err
	}
	policy, err := approvalPolicy(c, e, cfg)
	if err != nil {
		return nil, err
	}
	list, err := readApprovals(e, c.Args().First())
	if err != nil {
		return nil, err
	}
	return revert.Judge(plan, list, policy, e.now())
}

const saltBytes = 32

func redacted(c *cli.Context, e *env, plan *revert.Plan) (*revert.Plan, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	path := c.String("salt")
	if path == "" {
		return plan.Redact(salt)
	}
	text, err := e.readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = writeFile(e, path, func(w io.Writer) error { _, err := fmt.Fprintf(w, "%x\n", salt); return err })
	case err == nil:
		if salt, err = hex.DecodeString(strings.TrimSpace(string(text))); err == nil && len(salt) != saltBytes {
			err = fmt.Errorf("%d bytes, want %d", len(salt), saltBytes)
		}
	}
	if err != nil {
		return nil, inputErr(fmt.Errorf("read salt: %w", err))
	}
	return plan.Redact(salt)
}

// blamed adds to the parts of a plan who gave its records their values, from their
// stored histories.
func (w *workspace) blamed(ctx context.Context, parts iter.Seq2[report.PlanView, error]) (iter.Seq2[report.PlanView, error], error) {
	own, err := w.store.Own(ctx)
	if err != nil {
		return nil, err
	}
	return func(yield func(report.PlanView, error) bool) {
		for v, err := range parts {
			if err == nil {
				v.Blame, err = w.blame(ctx, v.Plan, own)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}, nil
}

func (w *workspace) blame(ctx context.Context, plan *revert.Plan, own map[audit.ChangeID]string) (map[audit.Key]revert.Blames, error) {
	all, taken := map[audit.Key]revert.Blames{}, plan.Takes()
	for rec, err := range w.histories(ctx, plan) {
		if err != nil {
			return nil, err
		}
		all[rec.Key] = revert.BlameOf(&rec, taken, own)
	}
	return all, nil
}

// conflictsLeft is the exit for conflicts that nobody decided.
func conflictsLeft(plan string, n int) error {
	if n == 0 {
		return nil
	}
	return &exitError{
		code: exitConflicts, err: fmt.Errorf("plan %s: %w: %d", plan, revert.ErrConflicts, n),
		hint: "revert show lists them with what speaks for each choice, and revert resolve decides them; apply leaves these records alone and writes the others",
	}
}
