package main

import (
	"context"
	"fmt"
	"regexp"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
)

// An askedAgain is what the query of evidence finds when it is asked again.
type askedAgain struct {
	whyNot  string // it was not asked; empty: it was
	left    int    // changes that it finds, that were stored then, and are not in the file
	learned int    // of the kind, but it may find them only by what was learned since
}

// nowOnly matches a query whose answer depends on what people and rules did since, or
// on what names mean now.
var nowOnly = regexp.MustCompile(`\b(rule|alert|list|label):|\brisk[:<>]|@q:`)

// askAgain looks for what the query finds and the file does not have, among the
// changes that were stored then, or at least up to the newest in the file.
func (h *evidenceHeld) askAgain(ctx context.Context, check *report.EvidenceCheck) error {
	then := check.Head
	if then.Made == nil || nowOnly.MatchString(then.Query) {
		h.again.whyNot = "what it finds depends on rules, alerts, lists or saved queries as they are now"
		return nil
	}
	expr, err := query.Parse(then.Query, then.Made.Go())
	if err != nil || expr.String() != then.Query {
		h.again.whyNot = "it cannot be asked again as it is written"
		return nil
	}
	last := max(then.Store.Changes, then.Store.Last)
	if !h.seen.IsEmpty() {
		last = max(last, audit.Seq(h.seen.Maximum()))
	}
	_, err = h.engine.Stream(ctx, query.Query{Expr: expr}, func(changes []audit.Change) error {
		for i := range changes {
			c := &changes[i]
			if c.Seq > last || h.seen.Contains(uint64(c.Seq)) {
				continue
			}
			if h.learnedSince(c) {
				h.again.learned++
				continue
			}
			h.again.left++
			h.problem("change %d is not in the file, and the query finds it", c.Seq)
		}
		return nil
	})
	return err
}

// learnedSince says that more may be known of a change than when it was stored: by
// another reading of it or of the change before it, a baseline, or a change that came
// late before it. That a further node's log has the change, too, tells nothing of it.
func (h *evidenceHeld) learnedSince(c *audit.Change) bool {
	return c.Before.Source == audit.Baselined || c.After.Source == audit.Baselined || h.store.Relearned(c.Seq)
}

// covered is how many of the changes in the file the checkpoint is of.
func (h *evidenceHeld) covered(check *report.EvidenceCheck) int {
	return int(h.seen.Rank(uint64(check.Head.Store.Changes)))
}

func (h *evidenceHeld) document(check *report.EvidenceCheck) map[string]any {
	doc := map[string]any{
		"same": h.same, "differ": h.differ, "altered": h.altered, "missing": h.missing,
		"covered": h.covered(check), "left_out": h.again.left, "learned": h.again.learned,
	}
	if h.again.whyNot != "" {
		doc["left_out"], doc["learned"] = nil, nil
	}
	return doc
}

func (h *evidenceHeld) words(check *report.EvidenceCheck) (lines []string) {
	if h.altered > 0 {
		lines = append(lines, fmt.Sprintf("%s altered, there or in the store", changesWord(h.altered)))
	}
	lines = append(lines, fmt.Sprintf("in the store: %d are the same, %d are known otherwise now, %d are not there", h.same, h.differ-h.altered, h.missing))
	switch again := h.again; {
	case again.whyNot != "":
		lines = append(lines, "not in the file: the query was not asked again, "+again.whyNot)
	default:
		lines = append(lines, fmt.Sprintf("not in the file: %d", again.left))
		if again.learned > 0 {
			lines = append(lines, fmt.Sprintf("%d more are found by what may have been learned since", again.learned))
		}
	}
	switch n := h.covered(check); n {
	case 0:
		lines = append(lines, "the checkpoint covers none of them: they stood in no block that was full then")
	default:
		lines = append(lines, fmt.Sprintf("the checkpoint covers %d of them", n))
	}
	return lines
}
