package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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

func runRevertShow(c *cli.Context, e *env) error {
	p, err := printer(c, e, report.HTML)
	if err != nil {
		return err
	}
	redacts := c.Bool("redact") || c.String("copy") != ""
	if redacts && c.Bool("blame") {
		return usagef("revert show: --blame shows values, which --redact and --copy are to hide")
	}
	plan, err := readReview(c.Args().First())
	if err != nil {
		return err
	}
	if redacts {
		if plan, err = redacted(c, e, plan); err != nil {
			return err
		}
	}
	if c.String("copy") != "" {
		return writeFile(e, c.String("copy"), func(w io.Writer) error { return revert.WritePlan(w, plan) })
	}
	view := report.PlanView{Plan: plan}
	if view.Approvals, err = standingOf(c, e, plan); err != nil {
		return err
	}
	if c.String("key") != "" || c.String("class") != "" {
		var key audit.Key
		if k := c.String("key"); k != "" {
			if key, err = audit.ParseKey(k); err != nil {
				return usagef("--key: %v", err)
			}
		}
		if view.Plan, err = plan.Filter(key, revert.Class(c.String("class"))); err != nil {
			return &exitError{code: exitNothing, err: err}
		}
	}
	if c.Bool("blame") {
		if view.Blame, err = blameOf(c, e, view.Plan); err != nil {
			return err
		}
	}
	if err := p.PlanView(view); err != nil {
		return err
	}
	return conflictsLeft(plan)
}

// readReview reads a plan or a review copy, for a reader who only looks.
func readReview(path string) (*revert.Plan, error) {
	f, err := os.Open(path)
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
	policy, err := approvalPolicy(c, cfg)
	if err != nil {
		return nil, err
	}
	list, err := readApprovals(c.Args().First())
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
	text, err := os.ReadFile(path)
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

// blameOf follows the stored histories of a plan's records.
func blameOf(c *cli.Context, e *env, plan *revert.Plan) (all map[audit.Key]revert.Blames, err error) {
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return nil, err
	}
	defer closeWith(&err, w.close)
	own, err := w.store.Own(c.Context)
	if err != nil {
		return nil, err
	}
	all, taken := map[audit.Key]revert.Blames{}, plan.Takes()
	for rec, err := range w.histories(c.Context, plan.Keys()) {
		if err != nil {
			return nil, err
		}
		all[rec.Key] = revert.BlameOf(&rec, taken, own)
	}
	return all, nil
}

// conflictsLeft is the exit for conflicts that nobody decided.
func conflictsLeft(p *revert.Plan) error {
	n := p.Unresolved()
	if n == 0 {
		return nil
	}
	return &exitError{
		code: exitConflicts, err: fmt.Errorf("plan %s: %w: %d", p.Header.ID, revert.ErrConflicts, n),
		hint: "revert show lists them with what speaks for each choice, and revert resolve decides them; apply leaves these records alone and writes the others",
	}
}
