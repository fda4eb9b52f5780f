package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/internal/report"
	"recourse/rules"
)

// rulesLog is the name of the note that keeps how the rules at work changed.
const rulesLog = "rules-log"

// mostSwaps is how many changes of the rules are kept.
const mostSwaps = 1000

// A ruleHistory is what the rules at work are, and how they came to be.
type ruleHistory struct {
	Now   rules.Parts `json:"now"`
	Swaps []swap      `json:"swaps"` // the oldest first
	Cut   int         `json:"cut"`   // swaps that are no longer kept
}

// A swap is one change of the rules at work.
type swap struct {
	At    time.Time        `json:"at"`
	Why   string           `json:"why"` // start, reload
	Rules int              `json:"rules"`
	Diff  []rules.RuleDiff `json:"diff"`
}

func (s swap) text() string {
	if len(s.Diff) == 0 {
		return "none"
	}
	var parts []string
	for _, d := range s.Diff {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, ", ")
}

func (w *workspace) ruleHistory(ctx context.Context) (ruleHistory, bool, error) {
	var h ruleHistory
	text, found, err := w.store.Note(ctx, rulesLog)
	if err != nil || !found {
		return h, false, err
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, false, fmt.Errorf("read note %s: %w", rulesLog, err)
	}
	return h, true, nil
}

// noteRules keeps which rules are at work from now on, and how they differ from
// those before. The first time there are none before.
func (w *workspace) noteRules(ctx context.Context, set *rules.Set, why string) (swap, error) {
	h, known, err := w.ruleHistory(ctx)
	if err != nil {
		return swap{}, err
	}
	s := swap{At: time.Now().UTC(), Why: why, Rules: len(set.Rules())}
	parts := set.Parts()
	if known {
		if s.Diff = parts.Diff(h.Now); len(s.Diff) == 0 {
			return s, nil
		}
	}
	h.Now = parts
	h.Swaps = append(h.Swaps, s)
	if more := len(h.Swaps) - mostSwaps; more > 0 {
		h.Swaps, h.Cut = h.Swaps[more:], h.Cut+more
	}
	text, err := json.Marshal(h)
	if err != nil {
		return s, fmt.Errorf("note rules: %w", err)
	}
	return s, w.store.SetNote(ctx, rulesLog, text)
}

func rulesLogCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "log", Usage: "print how the rules at work changed",
		Description: "Whenever watch begins with other rules than before, or takes over rule files that have changed, what is new (+),\n" +
			"gone (-) and other (~) is kept, the last 1,000 times. Newest first.\n\n" +
			"Exit codes: 0; 2 watch has not run on this folder yet; 9 busy.\n\nExample:\n   recourse rules log",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runRulesLog(c, e)
		},
	}
}

func runRulesLog(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	dir, err := dataFolder(e, c.String("data"))
	if err != nil {
		return err
	}
	const none = "watch has not run on this data folder yet, so no rules were at work"
	if _, err := e.stat(filepath.Join(dir, "store")); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(e.stderr, none)
		return exit(exitNothing)
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	h, _, err := w.ruleHistory(c.Context)
	if err != nil {
		return err
	}
	list := report.Listing{Name: "swaps", Columns: []string{"at", "why", "rules", "changes"}, Document: h}
	for i := len(h.Swaps) - 1; i >= 0; i-- {
		s := h.Swaps[i]
		var changes []string
		for _, d := range s.Diff {
			changes = append(changes, d.String())
		}
		list.Rows = append(list.Rows, []any{s.At.Format(time.RFC3339), s.Why, s.Rules, changes})
	}
	if err := p.List(list); err != nil {
		return err
	}
	if len(list.Rows) == 0 {
		fmt.Fprintln(e.stderr, none)
	}
	return exit(foundAny(len(list.Rows)))
}
