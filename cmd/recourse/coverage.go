package main

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
)

func coverageCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "coverage",
		Usage:     "print what of the logs was read, and what not",
		ArgsUsage: "[DATABASE.TABLE…]",
		Description: "For each table, or those named (wildcards allowed), the stretches of time that are\n\n" +
			"   covered      read: what is stored is all there was\n" +
			"   gap          it could not be read, or was deleted before it was\n" +
			"   before-join  before the log of any node began\n" +
			"   not-audited  Harper kept no log\n" +
			"   unread       nobody has read it (yet)\n\n" +
			"Without --from a table counts from the first moment that is covered, without --to up to now;\n" +
			"the last minute does not count, since a transaction may be seen so late. One node whose log is\n" +
			"whole is enough: each node of a cluster logs what it gets from the others.\n\n" +
			"Exit codes: 0; 9 busy; 11 with --require-coverage: not all of what was asked for is covered.\n\n" +
			"Example:\n   recourse coverage 'shop.*' --from 2026-11-23T20:00:00Z --require-coverage",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "at or after `TIME`, by Harper's clock"},
			&cli.StringFlag{Name: "to", Usage: "before `TIME`"},
			&cli.StringFlag{Name: "node", Usage: "only of the log that node `NAME` keeps"},
			&cli.StringFlag{Name: "by", Usage: "a line for each `WHAT`: table, or node for a table's log on each", Value: "table"},
			&cli.BoolFlag{Name: "all", Usage: "list the gaps that were healed since, too"},
			requireCoverage(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 0, -1); err != nil {
				return err
			}
			return runCoverage(c, e)
		},
	}
}

// requireCoverage is the flag of all commands that say how whole their answer is.
func requireCoverage() cli.Flag {
	return &cli.BoolFlag{Name: "require-coverage", Usage: "end with 11 if the log is not known to be whole where the answer looks"}
}

// covered ends a command with a code, or with 11 if that is asked for and the
// answer is not known to be whole.
func covered(c *cli.Context, complete bool, code int) error {
	if c.Bool("require-coverage") && !complete {
		return &exitError{
			code: exitCoverage, err: errors.New("the log is not known to be whole where this answer looks"),
			hint: "recourse coverage prints what was read and what not",
		}
	}
	return exit(code)
}

// reading is how far the logs were read.
func (w *workspace) reading(ctx context.Context, e *env) (*query.Reading, error) {
	return query.ReadLog(ctx, w.store, e.now())
}

func runCoverage(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	if by := c.String("by"); by != "table" && by != "node" {
		return usagef("--by %q: want table or node", by)
	}
	from, to, err := timeRange(c, e)
	if err != nil {
		return err
	}
	exprs, err := tableExprs(e, c.Args().Slice())
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	reading, err := w.reading(c.Context, e)
	if err != nil {
		return err
	}
	out := report.Covered{From: from, To: to}
	if math.IsInf(float64(to), 1) {
		out.To = 0
	}
	if node := c.String("node"); node != "" {
		reading = reading.On(node)
	}
	tables := asked(reading, exprs)
	for _, t := range tables {
		out.Tables = append(out.Tables, tableRows(reading, t, c.String("by") == "node", from, to)...)
	}
	for _, g := range reading.Gaps {
		if slices.Contains(tables, g.Table) && g.From < to && g.To >= from && (g.Healed == 0 || c.Bool("all")) {
			out.Gaps = append(out.Gaps, g)
		}
	}
	if err := p.Covered(out); err != nil {
		return err
	}
	return covered(c, out.Complete(), exitOK)
}

// tableRows is one table's coverage, or that on each node which has read it.
func tableRows(r *query.Reading, t audit.Table, byNode bool, from, to audit.Time) []query.TableCoverage {
	if !byNode {
		return []query.TableCoverage{r.Table(t, from, to)}
	}
	var rows []query.TableCoverage
	for _, node := range r.Nodes() {
		on := r.On(node)
		if slices.Contains(on.Tables, t) {
			row := on.Table(t, from, to)
			row.Node = node
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return []query.TableCoverage{r.Table(t, from, to)}
	}
	return rows
}

// timeRange is the time that --from and --to name; 0 and infinity without them.
func timeRange(c *cli.Context, e *env) (from, to audit.Time, err error) {
	to = audit.Time(math.Inf(1))
	for _, bound := range []struct {
		flag string
		to   *audit.Time
	}{{"from", &from}, {"to", &to}} {
		text := c.String(bound.flag)
		if text == "" {
			continue
		}
		at, err := query.ParseTime(text, e.now())
		if err != nil {
			return 0, 0, usagef("--%s: %v", bound.flag, err)
		}
		*bound.to = at
	}
	if from >= to {
		return 0, 0, usagef("--from is not before --to")
	}
	return from, to, nil
}

// tableExprs are the tables that arguments name, as queries.
func tableExprs(e *env, args []string) ([]query.Expr, error) {
	if len(args) == 0 {
		return []query.Expr{{}}, nil
	}
	var out []query.Expr
	for _, a := range args {
		if !strings.Contains(a, ".") {
			return nil, usagef("%q: want DATABASE.TABLE", a)
		}
		text := quote(a)
		if strings.ContainsAny(a, "*?") {
			text = wildcard(a)
		}
		expr, err := parseQuery(e, "table:"+text)
		if err != nil {
			return nil, err
		}
		out = append(out, expr)
	}
	return out, nil
}

func asked(r *query.Reading, exprs []query.Expr) []audit.Table {
	var tables []audit.Table
	for _, expr := range exprs {
		tables = append(tables, r.TablesOf(expr)...)
	}
	slices.SortFunc(tables, func(a, b audit.Table) int {
		return cmp.Or(strings.Compare(a.Database, b.Database), strings.Compare(a.Name, b.Name))
	})
	return slices.Compact(tables)
}

// recordCoverage is how far a record's history can be relied on.
func recordCoverage(r *query.Reading, key audit.Key, changes []audit.Change) query.Coverage {
	if len(changes) == 0 {
		return r.OfRecord(key, audit.Image{}, 0)
	}
	return r.OfRecord(key, changes[0].Before, changes[0].Time)
}

// alertCoverage is how whole the log is of the tables that an alert is about,
// from its first change to its last; nil for one that is about no table's.
func alertCoverage(r *query.Reading, a audit.Alert) *query.Coverage {
	var tables []audit.Table
	for _, ev := range a.Changes {
		if t := (audit.Table{Database: ev.Database, Name: ev.Table}); !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	c := r.Of(tables, a.FirstTime, audit.Time(math.Nextafter(float64(a.LastTime), math.Inf(1))))
	return &c
}

// unread are what nobody has read of the tables that a selection is about, as
// gaps: within what was read of a log, and before it as far as the selection
// reaches back. What came since is not among them, as an apply looks at the
// live records.
func unread(r *query.Reading, tables []audit.Table, first audit.Time) []audit.Gap {
	var gaps []audit.Gap
	for _, t := range tables {
		for _, s := range r.Of([]audit.Table{t}, 0, audit.Time(math.Inf(1))).Open() {
			if s.Cover != audit.CoverUnread || s.From >= r.ReadTo(t) || s.From <= 0 && s.To <= first {
				continue
			}
			from := s.From
			if from <= 0 {
				from = first
			}
			gaps = append(gaps, audit.Gap{Table: t, From: from, To: s.To, Kind: audit.GapUnreadable, Reason: s.Reason, Observed: r.Now})
		}
	}
	return gaps
}
