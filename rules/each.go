package rules

import (
	"bytes"
	"slices"

	"recourse/audit"
)

// eachOf is the groups that a change counts in.
func (e *Engine) eachOf(r *ruleState, c *audit.Change) [][]byte {
	if q := r.each.each; q != nil && !e.opts.slow {
		if texts, ok := q.texts(e.facts, e.eachs[:0]); ok {
			e.eachs = texts
			return sorted(texts)
		}
	}
	out, ok := e.evaluate(r, r.each, c)
	items, isList := elements(out)
	if !ok || !isList {
		return nil
	}
	texts := e.eachs[:0]
	for _, x := range items {
		switch s := textOf(x).(type) {
		case string:
			texts = append(texts, []byte(bounded(s)))
		default:
			if x != nil {
				texts = append(texts, []byte(fingerprint(x)))
			}
		}
		if len(texts) > maxEach {
			break
		}
	}
	e.eachs = texts
	texts = sorted(texts)
	if len(texts) > maxEach {
		r.stats.EachCut++
		texts = texts[:maxEach]
	}
	return texts
}

// sorted is the texts in their order, each once.
func sorted(texts [][]byte) [][]byte {
	if len(texts) < 2 {
		return texts
	}
	slices.SortFunc(texts, bytes.Compare)
	return slices.CompactFunc(texts, bytes.Equal)
}
