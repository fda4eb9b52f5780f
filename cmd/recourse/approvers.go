package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/urfave/cli/v2"

	"recourse/revert"
)

// approversFile is the file that says who may approve plans.
type approversFile struct {
	Required  int      `yaml:"required"`
	MaxAge    duration `yaml:"maxAge"`
	Approvers []struct {
		Name string `yaml:"name"`
		Key  string `yaml:"key"`
	} `yaml:"approvers"`
}

func approversFlag() cli.Flag {
	return &cli.StringFlag{Name: "approvers", Usage: "who may approve plans, and how many must: a YAML `FILE`; also approvers in the configuration"}
}

// approvalPolicy is that of --approvers, or of the configuration; without either
// nobody need approve, unless a plan itself asks for it.
func approvalPolicy(c *cli.Context, e *env, cfg config) (revert.ApprovalPolicy, error) {
	path := cmp.Or(c.String("approvers"), cfg.Approvers)
	if path == "" {
		return revert.ApprovalPolicy{}, nil
	}
	raw, err := e.readFile(path)
	if err != nil {
		return revert.ApprovalPolicy{}, inputErr(fmt.Errorf("read approvers: %w", err))
	}
	p, err := parseApprovers(raw)
	if err != nil {
		return p, &exitError{code: exitInput, err: fmt.Errorf("read approvers: %s: %w", path, err), hint: "docs/revert.md shows such a file; revert keygen makes keys for it"}
	}
	return p, nil
}

func parseApprovers(raw []byte) (revert.ApprovalPolicy, error) {
	var f approversFile
	var none revert.ApprovalPolicy
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return none, fmt.Errorf("line %d: %s", at.GetToken().Position.Line, at.GetMessage())
		}
		return none, err
	}
	p := revert.ApprovalPolicy{Required: f.Required, MaxAge: time.Duration(f.MaxAge)}
	people, keys := map[string]bool{}, map[string]bool{}
	for i, a := range f.Approvers {
		key, err := revert.ParsePublicKey(a.Key)
		switch {
		case err != nil:
			return none, fmt.Errorf("approver %d: %w", i+1, err)
		case a.Name == "":
			return none, fmt.Errorf("approver %d has no name", i+1)
		case keys[a.Key]:
			return none, fmt.Errorf("approver %d has a key that another one has", i+1)
		}
		people[a.Name], keys[a.Key] = true, true
		p.Approvers = append(p.Approvers, revert.Approver{Name: a.Name, Key: key})
	}
	if f.Required < 0 || f.Required > len(people) {
		return none, fmt.Errorf("required is %d, and there are %d approvers", f.Required, len(people))
	}
	return p, nil
}

// approvalsOf is where the approvals of a plan's file are.
func approvalsOf(plan string) string { return plan + ".approvals" }

func readApprovals(e *env, plan string) ([]revert.Envelope, error) {
	f, err := e.open(approvalsOf(plan))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, inputErr(fmt.Errorf("read approvals: %w", err))
	}
	defer f.Close()
	list, err := revert.ReadEnvelopes(f)
	if err != nil {
		return nil, &exitError{code: exitInput, err: err, hint: "take the damaged line out, and have its approver sign again"}
	}
	return list, nil
}

// approved refuses a plan that has expired, or that has not the approvals which
// it or the configuration asks for. They are beside the file that the command
// names, or beside the copy that was kept when the plan's apply began.
func (w *workspace) approved(c *cli.Context, e *env, plan *revert.Plan, now time.Time) error {
	policy, err := approvalPolicy(c, e, w.cfg)
	if err != nil {
		return err
	}
	list, err := w.approvalsFor(e, c.Args().First(), plan)
	if err != nil {
		return err
	}
	if err := revert.CheckApprovals(plan, list, policy, now); err != nil {
		return fmt.Errorf("plan %s: %w; nothing was written", plan.Header.ID, err)
	}
	return nil
}

// approvalsFor are the approvals beside a plan's file, and those that were kept
// when its apply began.
func (w *workspace) approvalsFor(e *env, path string, plan *revert.Plan) ([]revert.Envelope, error) {
	list, err := readApprovals(e, path)
	if err != nil {
		return nil, err
	}
	kept, err := readApprovals(e, w.planPath(plan.Header.Digest))
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		if !slices.ContainsFunc(list, func(had revert.Envelope) bool { return bytes.Equal(had.Payload, k.Payload) }) {
			list = append(list, k)
		}
	}
	return list, nil
}

// keepApprovals puts the approvals of the plan that the command names beside the
// copy of it at that path.
func (w *workspace) keepApprovals(c *cli.Context, e *env, path string) error {
	list, err := readApprovals(e, c.Args().First())
	if err != nil || len(list) == 0 {
		return err
	}
	if err := e.makeFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("keep approvals: %w", err)
	}
	return writeFile(e, approvalsOf(path), func(out io.Writer) error { return revert.WriteEnvelopes(out, list) })
}
