package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
	"recourse/revert"
)

func revertSelectCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "select",
		Usage: "freeze which changes are to be taken back",
		Description: "The conditions are joined by and. What is selected are these very changes, by their ids: a\n" +
			"change that comes later and would match is not among them. --changes reads NDJSON lines with\n" +
			"\"seq\", or with \"database\", \"table\", \"key\" and \"time\".\n\n" +
			"Exit codes: 0 done; 2 nothing matches; 64 usage; 65 a line of --changes matches no change or several.\n\n" +
			"Example:\n   recourse revert select --user eve --from 2026-11-23T20:00:00Z --table 'shop.*' -o sel.json",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "user", Usage: "changes of this user; may be repeated"},
			&cli.StringFlag{Name: "from", Usage: "changes at or after `TIME`"},
			&cli.StringFlag{Name: "to", Usage: "changes before `TIME`"},
			&cli.StringSliceFlag{Name: "table", Usage: "changes in DATABASE.TABLE, wildcards allowed; may be repeated"},
			&cli.StringFlag{Name: "query", Usage: "changes that `QUERY` finds"},
			&cli.StringSliceFlag{Name: "alert", Usage: "the changes that alert `ID` rests on; may be repeated"},
			&cli.StringFlag{Name: "changes", Usage: "the changes that `FILE` lists; - is standard input"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the selection to `FILE`; without it to standard output"},
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runRevertSelect(c, e)
		},
	}
}

func runRevertSelect(c *cli.Context, e *env) (err error) {
	criteria := revert.Criteria{
		User: c.StringSlice("user"), From: c.String("from"), To: c.String("to"), Table: c.StringSlice("table"),
		Query: c.String("query"), Alert: c.StringSlice("alert"), File: c.String("changes"),
	}
	expr, err := criteriaExpr(e, criteria)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	only, err := w.listed(c, e, criteria)
	if err != nil {
		return err
	}
	sel, err := revert.Select(criteria, w.selected(c.Context, expr, only))
	if err != nil {
		return err
	}
	if err := writeFile(e, c.String("output"), sel.Write); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%d changes of %d records selected\n", sel.Events, sel.Records)
	if sel.Events == 0 {
		return exit(exitNothing)
	}
	return nil
}

// criteriaExpr is the flags as one query.
func criteriaExpr(e *env, cr revert.Criteria) (query.Expr, error) {
	var parts []string
	anyOf := func(field string, values []string) {
		var alternatives []string
		for _, v := range values {
			if strings.ContainsAny(v, "*?") {
				v = wildcard(v)
			} else {
				v = quote(v)
			}
			alternatives = append(alternatives, field+":"+v)
		}
		if len(alternatives) > 0 {
			parts = append(parts, "("+strings.Join(alternatives, " or ")+")")
		}
	}
	anyOf("user", cr.User)
	anyOf("table", cr.Table)
	for _, bound := range []struct{ flag, op, text string }{{"from", ">=", cr.From}, {"to", "<", cr.To}} {
		if bound.text == "" {
			continue
		}
		at, err := query.ParseTime(bound.text, e.now())
		if err != nil {
			return query.Expr{}, usagef("--%s: %v", bound.flag, err)
		}
		parts = append(parts, "time"+bound.op+exactTime(at))
	}
	if cr.Query != "" {
		if _, err := parseQuery(e, cr.Query); err != nil {
			return query.Expr{}, err // within the parentheses it might mean something else
		}
		parts = append(parts, "("+cr.Query+")")
	}
	if len(parts) == 0 {
		if len(cr.Alert) == 0 && cr.File == "" {
			return query.Expr{}, usagef("revert select: no condition is given, and everything would be selected: say --query '*' if that is meant")
		}
		parts = []string{"*"}
	}
	return parseQuery(e, strings.Join(parts, " "))
}

// exactTime is a time as the query language takes it: with a fraction it is
// milliseconds whatever their size.
func exactTime(t audit.Time) string {
	s := t.String()
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// wildcard is a pattern as the query language takes it: one word, in which only
// the wildcards, and a backslash before one, keep their meaning.
func wildcard(s string) string {
	var b strings.Builder
	escaped := false
	for _, r := range s {
		if !escaped && !strings.ContainsRune(`*?\`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		escaped = !escaped && r == '\\'
	}
	return b.String()
}

// listed are the changes that --alert and --changes name; nil when neither is
// given.
func (w *workspace) listed(c *cli.Context, e *env, cr revert.Criteria) (map[audit.Seq]bool, error) {
	var only map[audit.Seq]bool
	if len(cr.Alert) > 0 {
		only = map[audit.Seq]bool{}
		if err := w.restOn(c, cr.Alert, only, map[string]bool{}, e.stderr); err != nil {
			return nil, err
		}
	}
	if cr.File == "" {
		return only, nil
	}
	r, err := e.input(cr.File)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read changes: %w", err))
	}
	defer r.Close()
	named, err := w.readChanges(c.Context, r, e.stderr)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read changes: %s: %w", cr.File, err))
	}
	if only != nil {
		for seq := range named {
			if !only[seq] {
				delete(named, seq)
			}
		}
	}
	return named, nil
}

// A changeLine names a change: by its number, or by what it is of and when.
type changeLine struct {
	Seq      audit.Seq   `json:"seq"`
	ID       string      `json:"id"` // as search prints it: names the change in every store
	Database string      `json:"database"`
	Table    string      `json:"table"`
	Key      audit.ID    `json:"key"`
	Time     *audit.Time `json:"time"`
	Op       audit.Op    `json:"op"` // optional: tells a write from a delete of the same moment
	Summary  *struct {   // the last line of a search
		Count int    `json:"count"`
		Total int    `json:"total"`
		Next  string `json:"next"`
	} `json:"summary"`
}

// readChanges reads a list of changes, and notes if it is of a search that was
// cut off.
func (w *workspace) readChanges(ctx context.Context, r io.Reader, notes io.Writer) (map[audit.Seq]bool, error) {
	seqs := map[audit.Seq]bool{}
	err := eachLine(ctx, r, func(line []byte) error {
		seq, err := w.findChange(ctx, line, notes)
		if seq != 0 && err == nil {
			seqs[seq] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return seqs, nil
}

func (w *workspace) findChange(ctx context.Context, line []byte, notes io.Writer) (audit.Seq, error) {
	var l changeLine
	if err := json.Unmarshal(line, &l); err != nil {
		return 0, err
	}
	if l.Summary != nil && l.Seq == 0 && l.Key == "" {
		if l.Summary.Next != "" {
			fmt.Fprintf(notes, "the list is of a search that printed %d of %d changes: the others are not selected; search with --limit 0 prints all\n",
				l.Summary.Count, l.Summary.Total)
		}
		return 0, nil
	}
	if l.Seq != 0 {
		return l.Seq, w.isChange(ctx, l)
	}
	if l.Database == "" || l.Table == "" || l.Key == "" || l.Time == nil {
		return 0, errors.New("want seq, or database, table, key and time")
	}
	key := audit.Key{Table: audit.Table{Database: l.Database, Name: l.Table}, ID: l.Key}
	var found []audit.Seq
	for c, err := range w.store.History(ctx, key) {
		if err != nil {
			return 0, err
		}
		if c.Time == *l.Time && (l.Op == "" || l.Op.Kind() == c.Op.Kind()) {
			found = append(found, c.Seq)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d stored changes are of %s at %s, want one", len(found), key, *l.Time)
	}
	return found[0], nil
}

// isChange makes sure that a number means here what it means in the list: in
// another data folder it is another change.
func (w *workspace) isChange(ctx context.Context, l changeLine) error {
	c, err := w.store.Get(ctx, l.Seq)
	if err != nil {
		return err
	}
	if l.ID != "" && l.ID != c.Identify().String() || l.Key != "" && l.Key != c.Key.ID || l.Time != nil && *l.Time != c.Time ||
		l.Database != "" && l.Database != c.Key.Table.Database || l.Table != "" && l.Table != c.Key.Table.Name {
		return fmt.Errorf("change %d is another one in this data folder: it is of %s at %s", l.Seq, c.Key, c.Time)
	}
	return nil
}

// selected are the changes that match, and are listed if there is a list.
func (w *workspace) selected(ctx context.Context, expr query.Expr, only map[audit.Seq]bool) iter.Seq2[audit.Change, error] {
	if only == nil {
		return w.engine().All(ctx, expr)
	}
	return func(yield func(audit.Change, error) bool) {
		expr, err := w.names().Bind(ctx, expr)
		if err != nil {
			yield(audit.Change{}, err)
			return
		}
		for seq := range only {
			c, err := w.store.Get(ctx, seq)
			if err != nil {
				yield(c, err)
				return
			}
			if expr.Match(&c) && !yield(c, nil) {
				return
			}
		}
	}
}
