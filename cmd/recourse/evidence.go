package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

func evidenceCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "evidence",
		Usage: "hand over changes so that others can check that nothing was altered",
		Subcommands: []*cli.Command{
			evidenceExportCommand(e), evidenceVerifyCommand(e),
		},
	}
}

func evidenceExportCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write the changes that match, sealed",
		ArgsUsage: "QUERY",
		Description: "The query is written as for search. The file has a line of JSON for what was asked and what stands\n" +
			"for the store, one for each change with both of its images, the newest first, the summary with what\n" +
			"of the log was read, and a seal: the digest of all lines before. With --key, the seal is signed. What\n" +
			"is shown by it is that nothing was altered since, and not that Harper's log said the truth.\n" +
			"-o json makes one document of the lines. docs/evidence.md has the format.\n\n" +
			"Exit codes: 0 written; 2 nothing found in what is stored, which the file says; 9 busy; 11 with\n" +
			"--require-coverage: the log is not known to be whole there; 64 usage; 65 the key or the file; 130\n" +
			"interrupted: there is no file, and what was printed has no seal.\n\n" +
			"Example:\n   recourse evidence export 'user:eve @2026-11-23' --key ann.key --file case-7.ndjson",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Usage: "write to `FILE`, which only you may read; standard output if not given"},
			&cli.StringFlag{Name: "key", Usage: "sign with the private key in `FILE` (revert keygen)"},
			whereFlag(), requireCoverage(),
		},
		BashComplete: completeQuery,
		Action:       func(c *cli.Context) error { return runEvidenceExport(c, e) },
	}
}

// asDocument says whether evidence is to be one JSON document.
func asDocument(c *cli.Context) (bool, error) {
	switch format := c.String("output"); format {
	case "json":
		return true, nil
	case "", "ndjson":
		return false, nil
	default:
		return false, usagef("-o %s: evidence is ndjson or json", format)
	}
}

func runEvidenceExport(c *cli.Context, e *env) (err error) {
	document, err := asDocument(c)
	if err != nil {
		return err
	}
	expr, err := askedFor(c, e)
	if err != nil {
		return err
	}
	var key ed25519.PrivateKey
	if path := c.String("key"); path != "" {
		if key, err = readKey(e, path); err != nil {
			return err
		}
	}
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	x := &evidenceExport{c: c, e: e, w: w, expr: expr, key: key, document: document}
	path := c.String("file")
	if err := writeFile(e, path, x.write); err != nil {
		return queryError(err)
	}
	if path != "" && path != "-" {
		fmt.Fprintf(e.stderr, "%s sealed with digest %s\n", changesWord(x.seal.Changes), x.seal.Digest)
	}
	return covered(c, x.summary.Complete, foundAny(x.seal.Changes))
}

func changesWord(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

// An evidenceExport is a file of evidence in the making.
type evidenceExport struct {
	c        *cli.Context
	e        *env
	w        *workspace
	expr     query.Expr
	key      ed25519.PrivateKey
	document bool
	summary  query.Summary
	seal     report.EvidenceSeal
}

func (x *evidenceExport) write(to io.Writer) error {
	ctx := x.c.Context
	point, err := x.w.store.Checkpoint(ctx)
	if err != nil {
		return err
	}
	now := audit.TimeOf(x.e.now())
	head := report.EvidenceHead{
		Tool: "recourse " + version, Query: x.expr.String(), Made: query.Number(now), MadeISO: query.ISO(now),
		Store: report.EvidenceStore{Changes: point.Changes, Last: x.w.store.Last()},
	}
	if point.Changes > 0 {
		head.Store.Digest = hex.EncodeToString(point.Digest[:])
	}
	out := report.NewEvidence(to, x.document)
	if err := out.Head(head); err != nil {
		return err
	}
	engine := x.w.engine()
	engine.Now = x.e.now
	res, err := engine.Stream(ctx, query.Query{Expr: x.expr}, out.Changes)
	if err != nil {
		return err
	}
	x.summary = res.Summary
	x.summary.Took = 0 // is no evidence: the same gives the same
	x.seal, err = out.End(x.summary, x.key)
	return err
}

func evidenceVerifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check a file of evidence",
		ArgsUsage: "FILE",
		Description: "Reads the file (- for standard input), and needs neither the store nor Harper: that each line is as\n" +
			"it was sealed, that none is missing, that each change is the one its id says, and the signature.\n" +
			"--signed-by wants it to be by a key, as the file of approvers has it; without it, any signature\n" +
			"says only that whoever made the file had that key. --stored holds it against the store, too: that\n" +
			"each change is there and says nothing else than what could be learned later, that nothing of the\n" +
			"blocks that were full then has been rewritten, and that none of what the query finds is left out.\n\n" +
			"Exit codes: 0 whole; 6 it is not; 7 it is not signed by that key; 9 busy; 64 usage; 65 it is no\n" +
			"evidence, or cannot be read.\n\n" +
			"Example:\n   recourse evidence verify case-7.ndjson --signed-by ed25519:…",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "signed-by", Usage: "want the signature of the public `KEY`, ed25519:…"},
			&cli.BoolFlag{Name: "stored", Usage: "hold it against the store as well"},
		},
		Action: func(c *cli.Context) error { return runEvidenceVerify(c, e) },
	}
}

func runEvidenceVerify(c *cli.Context, e *env) (err error) {
	if _, err := documentPrinter(c, e); err != nil {
		return err
	}
	if err := wantArgs(c, 1, 1); err != nil {
		return err
	}
	if wanted := c.String("signed-by"); c.IsSet("signed-by") {
		if _, err := revert.ParsePublicKey(wanted); err != nil {
			return usagef("--signed-by: %w", err)
		}
	}
	in, err := e.input(c.Args().First())
	if err != nil {
		return inputErr(fmt.Errorf("read evidence: %w", err))
	}
	defer in.Close()
	held := &evidenceHeld{}
	if c.Bool("stored") {
		w, err := openWorkspace(c, e, true)
		if err != nil {
			return err
		}
		defer closeWith(&err, w.close)
		held.store, held.engine = w.store, w.engine()
	}
	check, err := report.CheckEvidence(in, func(of *report.EvidenceChange, line []byte) error { return held.change(c.Context, of, line) })
	if err != nil {
		if held.failed != nil {
			return held.failed
		}
		return inputErr(err)
	}
	if err := held.end(c.Context, check); err != nil {
		return err
	}
	return saidOfEvidence(c, e, check, held)
}

// saidOfEvidence prints what was found, and ends with what it comes to.
func saidOfEvidence(c *cli.Context, e *env, check *report.EvidenceCheck, held *evidenceHeld) error {
	for _, p := range check.Problems {
		fmt.Fprintln(e.stderr, printable(p))
	}
	if check.Left > 0 {
		fmt.Fprintf(e.stderr, "%d more problems\n", check.Left)
	}
	key, signed := check.Signed()
	doc := map[string]any{
		"query": check.Head.Query, "tool": check.Head.Tool, "made": check.Head.Made, "made_iso": check.Head.MadeISO,
		"changes": check.Changes, "digest": check.Seal.Digest, "complete": check.Complete, "whole": check.Whole(),
		"problems": len(check.Problems) + check.Left, "signed_by": nil, "stored": nil,
	}
	if signed {
		doc["signed_by"] = key
	}
	if held.store != nil {
		doc["stored"] = held.document(check)
	}
	err := printDocument(c, e, "evidence", doc, func() { evidenceWords(e.stdout, check, held) })
	wanted := c.String("signed-by")
	switch {
	case err != nil:
		return err
	case !check.Whole():
		return exit(exitIntegrity)
	case wanted != "" && (!signed || key != wanted):
		return &exitError{code: exitApproval, err: errors.New("the evidence is not signed by that key"), hint: "whoever made it signs with --key; revert keygen makes one"}
	}
	return nil
}

func evidenceWords(to io.Writer, check *report.EvidenceCheck, held *evidenceHeld) {
	state := "whole"
	if !check.Whole() {
		state = fmt.Sprintf("not whole, %d problems", len(check.Problems)+check.Left)
	}
	covered := "the log was read whole there"
	if !check.Complete {
		covered = "the log is not known to be whole there"
	}
	key, signed := check.Signed()
	if !signed {
		key = "nobody"
	}
	made := "an unknown time"
	if check.Head.MadeISO != nil {
		made = *check.Head.MadeISO
	}
	lines := []string{
		fmt.Sprintf("%s of %s: %s", changesWord(check.Changes), check.Head.Query, state),
		"made at " + made + " by " + check.Head.Tool + "; " + covered,
		"digest " + check.Seal.Digest, "signed by " + key,
	}
	if held.store != nil {
		lines = append(lines, held.words(check)...)
	}
	for _, line := range lines {
		fmt.Fprintln(to, report.Visible(strings.TrimSpace(line)))
	}
}
