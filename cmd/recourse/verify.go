package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func verifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "check every stored byte",
		Description: "Reads the whole store: checksums, the changes' identities, the places in the indexes, the\n" +
			"journals' chains. Each problem is one line on standard error.\n\n" +
			"Exit codes: 0 the store is whole; 6 it is not; 9 busy.\n\nExample:\n   recourse verify",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runVerify(c, e)
		},
	}
}

func runVerify(c *cli.Context, e *env) (err error) {
	if _, err := documentPrinter(c, e); err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	v, err := w.store.Verify(c.Context, func(problem string) {
		fmt.Fprintln(e.stderr, printable(problem))
	})
	if err != nil {
		return err
	}
	err = printDocument(c, e, "verification", map[string]int{
		"changes": v.Changes, "divergences": v.Divergences, "gaps": v.Gaps, "cursors": v.Cursors,
		"alerts": v.Alerts, "plans": v.Plans, "receipts": v.Receipts, "problems": v.Problems,
	}, func() {
		fmt.Fprintf(e.stdout, "%d changes, %d divergences, %d gaps, %d alerts, %d receipts of %d plans: %d problems\n",
			v.Changes, v.Divergences, v.Gaps, v.Alerts, v.Receipts, v.Plans, v.Problems)
	})
	if err == nil && v.Problems > 0 {
		err = exit(exitIntegrity)
	}
	return err
}
