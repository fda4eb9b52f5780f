package main

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/revert"
)

func revertApproveCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "approve",
		Usage:     "sign a plan",
		ArgsUsage: "PLAN",
		Description: "Signs this very plan: its digest, its author, its expiry and what was decided in it. The\n" +
			"approval is put into PLAN.approvals beside those of others; files of several approvers may be\n" +
			"put into one. Who made the plan, or decided something in it, cannot approve it. Read the plan\n" +
			"before: revert show.\n\n" +
			"Exit codes: 0 signed; 7 this approval would not count; 64 usage; 65 the plan, the key or a file is damaged.\n\n" +
			"Example:\n   recourse revert approve plan.rvp --key ann.key --expires 24h",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "sign with the private key in `FILE` (revert keygen)"},
			&cli.StringFlag{Name: "expires", Usage: "the approval counts for `DURATION`: 12h, 3d; without it as long as the file of approvers says"},
			&cli.StringFlag{Name: "comment", Usage: "`TEXT` that is signed too"},
			approversFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertApprove(c, e)
		},
	}
}

// An approvedDoc is what approve prints.
type approvedDoc struct {
	Plan     string `json:"plan"`
	Approver string `json:"approver"` // empty: there is no file of approvers
	Key      string `json:"key"`
	Signed   string `json:"signed"`
	Expires  string `json:"expires,omitempty"`
	Counted  int    `json:"counted"`
	Required int    `json:"required"`
}

func runRevertApprove(c *cli.Context, e *env) error {
	if _, err := documentPrinter(c, e); err != nil {
		return err
	}
	path := c.Args().First()
	if c.String("key") == "" {
		return usagef("revert approve: want --key FILE")
	}
	cfg, err := configOf(c, e)
	if err != nil {
		return err
	}
	policy, err := approvalPolicy(c, e, cfg)
	if err != nil {
		return err
	}
	opened, err := openedAt(e, path)
	if err != nil {
		return err
	}
	plan := opened.Outline // what is signed is over its roots and its decisions
	if err := opened.close(); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	key, err := readKey(e, c.String("key"))
	if err != nil {
		return err
	}
	now, expires := e.now(), ""
	if s := c.String("expires"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return usagef("--expires: %v", err)
		}
		expires = now.Add(d).UTC().Format(time.RFC3339)
	}
	signed, err := revert.Approve(plan, key, now, expires, c.String("comment"))
	if err != nil {
		return err
	}
	release, err := lockApprovals(c, e, path)
	if err != nil {
		return err
	}
	defer release()
	list, err := readApprovals(e, path)
	if err != nil {
		return err
	}
	id := revert.KeyID(key.Public().(ed25519.PublicKey))
	list = slices.DeleteFunc(list, func(env revert.Envelope) bool { return env.SignedBy(id, plan) })
	list = append(list, signed)
	doc := approvedDoc{Plan: plan.Header.Digest, Key: id, Signed: now.UTC().Format(time.RFC3339), Expires: expires}
	err = doc.judge(plan, list, policy, now)
	if err != nil {
		return err
	}
	if err := writeFile(e, approvalsOf(path), func(w io.Writer) error { return revert.WriteEnvelopes(w, list) }); err != nil {
		return err
	}
	return printDocument(c, e, "approval", doc, func() {
		fmt.Fprintf(e.stdout, "plan %s is signed by %s: %d of %d approvals\n", plan.Header.ID, printable(cmp.Or(doc.Approver, "key "+doc.Key)), doc.Counted, doc.Required)
	})
}

// lockApprovals waits until nobody else on this machine signs the plan: of two who
// read the file and write it anew, the first one's approval would be lost.
func lockApprovals(c *cli.Context, e *env, plan string) (release func(), err error) {
	const patience, pause = 10 * time.Second, 20 * time.Millisecond
	path, err := filepath.Abs(e.at(approvalsOf(plan)))
	if err == nil {
		path, err = resolved(path)
	}
	for waited := time.Duration(0); err == nil; waited += pause {
		var taken bool
		if release, taken, err = lockNamed(e, "approvals", path); err != nil || !taken {
			break
		}
		if waited > patience {
			return nil, &exitError{code: exitBusy, err: fmt.Errorf("approve plan: another approval of %s is under way", plan), hint: "wait until it has ended"}
		}
		select {
		case <-c.Context.Done():
			return nil, c.Context.Err()
		case <-time.After(pause):
		}
	}
	if err != nil {
		return nil, fmt.Errorf("approve plan: lock its approvals: %w", err)
	}
	return release, nil
}

// resolved is a file's path without links in the folders, so that it has one name.
func resolved(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

// judge says how the plan stands with the new approval, the last of the list,
// which must count if it is known whose do.
func (d *approvedDoc) judge(plan *revert.Plan, list []revert.Envelope, policy revert.ApprovalPolicy, now time.Time) error {
	a, err := revert.Judge(plan, list, policy, now)
	if err != nil {
		return err
	}
	last := a.List[len(a.List)-1]
	d.Approver, d.Counted, d.Required = last.Approver, a.Counted, a.Required
	switch {
	case a.Expired != "":
		return &revert.ApprovalError{Err: revert.ErrPlanExpired, Detail: a.Expired}
	case !last.OK && len(policy.Approvers) > 0:
		return &revert.ApprovalError{Err: revert.ErrNotApproved, Detail: "this approval would not count: " + last.Why}
	}
	return nil
}
