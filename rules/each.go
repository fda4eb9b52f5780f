package rules

import (
	"slices"

	"recourse/audit"
)

// eachOf is the groups that a change counts in.
func (e *Engine) eachOf(r *ruleState, c *audit.Change) []string {
	if q := r.each.each; q != nil && !e.opts.slow {
		if texts, ok := q.texts(e.facts); ok {
			slices.Sort(texts)
			return slices.Compact(texts)
		}
	}
	out, ok := e.evaluate(r, r.each, c)
	items, isList := elements(out)
	if !ok || !isList {
		return nil
	}
	var texts []string
	for _, x := range items {
		switch s := textOf(x).(type) {
		case string:
			texts = append(texts, bounded(s))
		default:
			if x != nil {
				texts = append(texts, fingerprint(x))
			}
		}
		if len(texts) > maxEach {
			break
		}
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if len(texts) > maxEach {
		r.stats.EachCut++
		texts = texts[:maxEach]
	}
	return texts
}
