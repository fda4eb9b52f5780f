package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/internal/report"
	"recourse/revert"
)

func revertDrillCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "drill",
		Usage:     "rehearse a plan on the built-in Harper",
		ArgsUsage: "PLAN",
		Description: "Starts the built-in Harper, in memory and on this machine alone, puts the plan's records into\n" +
			"it as the stored log left them, and applies the plan there: every write is sent, proven from\n" +
			"its log and read again, as apply does it. Approvals are not asked for; neither your Harper nor\n" +
			"the journal nor the ledger is touched. What a rehearsal cannot show is what your server has\n" +
			"that the log does not tell: its schema's checks, its load, and who writes meanwhile; for that\n" +
			"there is apply --dry-run.\n\n" +
			"Exit codes: those of apply; 5 too where records of the plan are not known, which are then rehearsed\n" +
			"on none.\n\n" +
			"Example:\n   recourse revert drill plan.rvp --line rocksdb",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "line", Usage: "be Harper 5.0 on LMDB, or 5.1 on RocksDB: lmdb or rocksdb", Value: "rocksdb"},
			&cli.BoolFlag{Name: "no-rest", Usage: "export no table over REST, so that all writes go through the operations API"},
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return runRevertDrill(c, e)
		},
	}
}

func runRevertDrill(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	line, known := map[string]harpertest.Line{"lmdb": harpertest.LMDB, "rocksdb": harpertest.RocksDB}[c.String("line")]
	if !known {
		return usagef("--line %q: want lmdb or rocksdb", c.String("line"))
	}
	plan, w, err := readPlanFor(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	res, unknown, err := w.rehearse(c, e, plan, line)
	if err != nil {
		return fmt.Errorf("rehearse plan %s: %w", plan.Header.ID, err)
	}
	applied := report.AppliedOf(res)
	if unknown > 0 {
		applied.Notes = append(applied.Notes, fmt.Sprintf("records of which the stored log does not say what they are, and which the rehearsal lacks: %d", unknown))
	}
	if err := p.Applied(applied); err != nil {
		return err
	}
	if err := applyError(res); err != nil || unknown == 0 {
		return err
	}
	return &exitError{code: exitPartly, err: fmt.Errorf("rehearse plan %s: %d of its records are not known, so what is done to them was rehearsed on none", plan.Header.ID, unknown),
		hint: "rehearse it with the data folder that it was made from"}
}

// rehearse applies the plan to a Harper that is set up for it, and says how many
// records that lacks.
func (w *workspace) rehearse(c *cli.Context, e *env, plan *revert.Plan, line harpertest.Line) (res *revert.Result, unknown int, err error) {
	const user, password = "recourse-svc", "built-in"
	srv := harpertest.New(harpertest.Options{Line: line, Users: []harpertest.User{{Name: user, Password: password, SuperUser: true}}})
	defer srv.Close()
	if unknown, err = w.stage(c.Context, srv, plan, !c.Bool("no-rest")); err != nil {
		return nil, unknown, err
	}
	o := harper.Options{Target: srv.OpsURL(), Username: user, Password: password}
	if !c.Bool("no-rest") {
		o.REST = srv.RESTURL()
	}
	client, err := harper.New(o)
	if err != nil {
		return nil, unknown, err
	}
	defer client.Close()
	server, err := w.server(c, e, client, o)
	if err != nil {
		return nil, unknown, err
	}
	memory := new(drillMemory)
	a := &revert.Applier{Server: server, Journal: memory, Ledger: memory, Now: server.now}
	res, err = a.Apply(c.Context, plan, revert.ApplyOptions{User: user})
	return res, unknown, err
}

// A staged record is one as the stored log left it.
type staged struct {
	key   audit.Key
	image audit.Image
	at    audit.Time
	user  string
}

// stage puts the records that a plan writes into a server, each in the version that
// the log has of it, and says of how many that is not known.
func (w *workspace) stage(ctx context.Context, srv *harpertest.Server, plan *revert.Plan, exported bool) (unknown int, err error) {
	writes := map[audit.Key]bool{}
	for i := range plan.Actions {
		writes[plan.Actions[i].Key()] = true
	}
	var all []staged
	for rec, err := range w.histories(ctx, plan) {
		if err != nil {
			return 0, err
		}
		if !writes[rec.Key] {
			continue
		}
		for _, c := range slices.Backward(rec.Changes) {
			if c.Op.Kind() != audit.KindMessage {
				all = append(all, staged{rec.Key, c.After, c.Time, c.User})
				break
			}
		}
	}
	unknown = len(writes) - len(all) // those of which nothing is stored
	slices.SortStableFunc(all, func(a, b staged) int { return cmp.Compare(a.at, b.at) })
	for _, t := range plan.Tables() {
		srv.CreateTable(t, harpertest.Schema{Exported: exported, PrimaryKey: primaryKeyIn(plan, t)})
	}
	for i := range all {
		s := &all[i]
		switch s.image.State {
		case audit.Present:
			err = srv.TransactAt(s.at, s.user, func(tx *harpertest.Tx) error { tx.Put(s.key.Table, s.key.ID, s.image.Body); return nil })
		case audit.Absent:
			err = srv.TransactAt(s.at, s.user, func(tx *harpertest.Tx) error { tx.Delete(s.key.Table, s.key.ID); return nil })
		default:
			unknown++
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return unknown, fmt.Errorf("set up %s: %w", s.key, err)
		}
	}
	return unknown, nil
}

// primaryKeyIn is the name of a table's primary key as the plan knows it; empty: it
// does not.
func primaryKeyIn(plan *revert.Plan, t audit.Table) string {
	if s := plan.Header.Schema; s != nil && s.Tables[t.String()] != nil {
		return s.Tables[t.String()].PrimaryKey
	}
	return ""
}

// A drillMemory is the journal and the ledger of a rehearsal, which nothing is left of.
type drillMemory struct {
	mu       sync.Mutex
	receipts []audit.Receipt
}

// AddReceipt implements revert.Journal.
func (m *drillMemory) AddReceipt(_ context.Context, more ...audit.Receipt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.receipts = append(m.receipts, more...)
	return nil
}

// Receipts implements revert.Journal.
func (m *drillMemory) Receipts(context.Context, string) ([]audit.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.receipts), nil
}

// BeginApply implements revert.Ledger.
func (m *drillMemory) BeginApply(context.Context, audit.Apply) error { return nil }

// Enter implements revert.Ledger.
func (m *drillMemory) Enter(context.Context, string, ...audit.Entered) error { return nil }

// EndApply implements revert.Ledger.
func (m *drillMemory) EndApply(context.Context, string, audit.Time) error { return nil }
