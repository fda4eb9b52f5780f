package main

import (
	"context"
	"strings"

	"recourse/revert"
)

// schema compares the tables with what they were when the plan was made, if the plan
// was made with a schema: a write that fitted then may not fit now.
func (p *preflight) schema(ctx context.Context) error {
	was := p.plan.Outline.Header.Schema
	if was == nil {
		return nil
	}
	now, err := liveSchema(ctx, p.server.client)
	if err != nil {
		return err
	}
	moved := was.Differs(now)
	if len(moved) == 0 {
		return nil
	}
	const shown = 5
	words := []string{}
	for _, m := range moved[:min(shown, len(moved))] {
		words = append(words, oneLine(m))
	}
	if more := len(moved) - shown; more > 0 {
		words = append(words, "and more")
	}
	p.say("schema", revert.CheckRefused, "plan again with --schema live; or --allow schema, if what has changed does not matter to what is written",
		"the tables are no longer what the plan was made with: %s", strings.Join(words, "; "))
	return nil
}
