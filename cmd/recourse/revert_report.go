package main

import (
	"github.com/urfave/cli/v2"

	"recourse/internal/report"
	"recourse/revert"
)

func revertReportCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "say what became of a plan",
		ArgsUsage: "PLAN|ID",
		Description: "Of each action how it ended and what proves it, from the journal's receipts; what was not taken\n" +
			"back, and why; the blind windows; the effects outside of Harper that the policy declares; the\n" +
			"decisions, the approvals and the roots. ID is how the digest of an applied plan begins. Asks no\n" +
			"Harper and writes nothing.\n\n" +
			"Exit codes: 0; 2 the plan was never applied; 9 busy; 65 the plan is damaged.\n\n" +
			"Example:\n   recourse revert report plan.rvp -o html >report.html",
		Flags: []cli.Flag{approversFlag()},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertReport(c, e)
		},
	}
}

func runRevertReport(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e, report.HTML)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	path := c.Args().First()
	plan, err := w.planNamed(c, e, path)
	if err != nil {
		return err
	}
	receipts, err := w.store.Receipts(c.Context, plan.Header.Digest)
	if err != nil {
		return err
	}
	policy, err := approvalPolicy(c, e, w.cfg)
	if err != nil {
		return err
	}
	list, err := w.approvalsFor(e, path, plan)
	if err != nil {
		return err
	}
	at := e.now()
	if len(receipts) > 0 {
		at = receipts[0].At.Go() // as it was when the apply began
	}
	approvals, err := revert.Judge(plan, list, policy, at)
	if err != nil {
		return err
	}
	account, err := revert.AccountOf(plan, receipts, approvals)
	if err != nil {
		return err
	}
	if err := p.Account(account); err != nil {
		return err
	}
	if account.Begun == 0 {
		return exit(exitNothing)
	}
	return nil
}

// planNamed is the plan in a file, or the one whose apply has begun and whose
// digest begins so.
func (w *workspace) planNamed(c *cli.Context, e *env, name string) (*revert.Plan, error) {
	if _, err := e.stat(name); err == nil {
		return readPlan(e, name)
	}
	return w.begunWhole(c.Context, e, name)
}
