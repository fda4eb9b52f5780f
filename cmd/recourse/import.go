package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
)

func importCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "store captured answers of read_audit_log",
		ArgsUsage: "PATH…",
		Description: "A PATH is a file, a folder (its .json, .jsonl and .ndjson files) or - for standard input.\n" +
			"A file holds an answer of read_audit_log (name its table with --database and --table), a capture\n" +
			"{request, response}, or one capture or one group with \"database\" and \"table\" a line.\n" +
			"All files are checked before anything is stored. What is stored already is not stored again.\n\n" +
			"Exit codes: 0 done; 5 an answer was cut short by the server, the rest is stored; 9 busy; 65 bad input.\n\n" +
			"Example:\n   recourse import tail/ final/",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "database", Aliases: []string{"schema"}, Usage: "the database of answers that do not name theirs"},
			&cli.StringFlag{Name: "table", Usage: "the table of answers that do not name theirs"},
			&cli.StringFlag{Name: "node", Usage: "name the node that the captures are from", Value: "import"},
			&cli.StringFlag{Name: "cluster", Usage: "name the cluster `NAME` in what is stored"},
			&cli.BoolFlag{Name: "notify", Usage: "tell the sinks of the configuration of the alerts, too"},
		}, rulesFlags()...),
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, -1); err != nil {
				return err
			}
			return runImport(c, e)
		},
	}
}

func runImport(c *cli.Context, e *env) (err error) {
	if _, err := documentPrinter(c, e); err != nil {
		return err
	}
	w, err := openToStore(c, e, muchIn(e, c.Args().Slice()), true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	set, err := w.rules(c, e)
	if err != nil {
		return err
	}
	if c.Bool("notify") {
		if err := w.deliver(c.Context); err != nil {
			return err
		}
	}
	bar := newProgress(e, "captures")
	defer bar.done()
	up := newKeepingUp(w, set)
	im := ingest.Importer{
		Store: up, Ordered: func() { up.begin(c.Context) }, Dir: e.dir, Stdin: e.stdin, Now: e.now,
		Node: c.String("node"), Cluster: c.String("cluster"),
		Table:    audit.Table{Database: c.String("database"), Name: c.String("table")},
		Progress: func(r ingest.ImportReport) { bar.set(r.Captures) },
	}
	rep, err := im.Import(c.Context, c.Args().Slice())
	if err != nil {
		_ = up.stop(c.Context) // the import's error says more
		return e.told(err, c.Args().Slice()...)
	}
	bar.done()
	alerts, err := up.end(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("notify") {
		if err := w.flush(c.Context, e, flushFor); err != nil {
			return err
		}
	}
	if err := printImport(c, e, rep, len(alerts)); err != nil {
		return err
	}
	cut := 0
	for _, p := range rep.Partial {
		if p.Reason != "" {
			cut++
		}
	}
	if cut > 0 {
		return &exitError{code: exitPartly, err: fmt.Errorf("import: %d of %d answers were cut short by the server; what they show is stored", cut, rep.Captures),
			hint: "recourse status counts the gaps; recourse watch reads a live Harper's log around what it cannot show"}
	}
	if rep.Captures == 0 {
		return &exitError{code: exitInput, err: fmt.Errorf("import: no answer of read_audit_log in what was given"), hint: "recourse import --help lists the forms that a file may have"}
	}
	return nil
}

// An importResult is what import prints as JSON.
type importResult struct {
	ingest.ImportReport
	New         int `json:"new"`
	Known       int `json:"known"`
	Divergences int `json:"divergences"`
	Gaps        int `json:"gaps"`
	Alerts      int `json:"alerts"`
}

func printImport(c *cli.Context, e *env, rep ingest.ImportReport, alerts int) error {
	a := rep.Appended
	if rep.Skipped == nil {
		rep.Skipped = []ingest.SkippedPart{} // nothing, rather than not known
	}
	if rep.Partial == nil {
		rep.Partial = []ingest.PartialAnswer{}
	}
	doc := importResult{rep, a.New, a.Known, a.Divergences, a.Gaps, alerts}
	return printDocument(c, e, "import", doc, func() { importSentences(e, rep, alerts) })
}

func importSentences(e *env, rep ingest.ImportReport, alerts int) {
	a := rep.Appended
	fmt.Fprintf(e.stdout, "%d captures read: %d changes new, %d known already, %d of those read otherwise now, %d alerts touched\n",
		rep.Captures, a.New, a.Known, a.Divergences, alerts)
	if rep.Doubtful > 0 {
		fmt.Fprintf(e.stdout, "%d operations are inferred: the captures do not say them\n", rep.Doubtful)
	}
	for _, p := range rep.Partial {
		switch {
		case p.Reason != "" && p.Hidden >= 0:
			fmt.Fprintf(e.stdout, "%s: %s: %d changes shown, then the server failed (%s); it hides %d changes that are stored\n", printable(p.Where), p.Table, p.Read, printable(p.Reason), p.Hidden)
		case p.Reason != "":
			fmt.Fprintf(e.stdout, "%s: %s: %d changes shown, then the server failed (%s); what follows is not known from it\n", printable(p.Where), p.Table, p.Read, printable(p.Reason))
		default:
			fmt.Fprintf(e.stdout, "%s: %s: the whole log, but it lacks %d changes that are stored: it was trimmed or wiped\n", printable(p.Where), p.Table, p.Hidden)
		}
	}
	if n := len(rep.Skipped); n > 0 {
		fmt.Fprintf(e.stdout, "%d parts are no audit log and were left out, the first: %s: %s\n", n, printable(rep.Skipped[0].Where), printable(rep.Skipped[0].Why))
	}
}

// muchIn says that what is to be imported is much, or not known before it is read.
func muchIn(e *env, paths []string) bool {
	const much = 16 << 20
	var size int64
	for _, path := range paths {
		info, err := e.stat(path)
		if err != nil || path == "-" {
			return path == "-" // importing will say what is wrong with it
		}
		size += info.Size()
		if !info.IsDir() {
			continue
		}
		entries, err := e.readFolder(path)
		if err != nil {
			return false
		}
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil {
				size += info.Size()
			}
		}
	}
	return size >= much
}
