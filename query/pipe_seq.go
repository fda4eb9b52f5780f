package query

import (
	"context"
	"strconv"
	"time"

	"recourse/audit"
)

// sequences finds sequences of changes that come newest first. Of the steps that a
// change may follow, it takes the nearest: a sequence is a change that matches the
// last step, the latest before it that matches the one before, and so on. No change
// is in two of them.
type sequences struct {
	sink
	x      *execution
	pipe   PipeSeq
	within audit.Time
	groups map[string]*partial
}

// A partial is what is known of a group: of each step but the first, the best chain
// from it to the last step, latest change first. Nil is none.
type partial struct{ chains [][]*audit.Change }

// bound is the pipe with what the names in its steps stand for.
func (p PipeSeq) bound(ctx context.Context, names *Names) (PipeSeq, error) {
	steps := make([]Expr, len(p.Steps))
	var err error
	for i, e := range p.Steps {
		if steps[i], err = names.Bind(ctx, e); err != nil {
			return p, err
		}
	}
	p.Steps = steps
	p.Not, err = names.Bind(ctx, p.Not)
	return p, err
}

func newSequences(x *execution, p PipeSeq, to sink) sink {
	return &sequences{sink: to, x: x, pipe: p, within: audit.Time(p.Within / time.Millisecond), groups: map[string]*partial{}}
}

func (s *sequences) put(f flow) error {
	c := f.change
	var matched [maxSteps]bool
	any := false
	for i, e := range s.pipe.Steps {
		matched[i] = e.Match(c)
		any = any || matched[i]
	}
	but := s.pipe.But && s.pipe.Not.Match(c)
	if !any && !but {
		return nil
	}
	key := groupKey(f, s.pipe.By, make([]int, len(s.pipe.By)))
	g := s.groups[key]
	if g == nil {
		if !matched[len(s.pipe.Steps)-1] {
			return nil
		}
		g = &partial{make([][]*audit.Change, len(s.pipe.Steps))}
		s.groups[key] = g
		if err := s.x.keep(200 + int64(len(key))); err != nil {
			return err
		}
	}
	bare := &audit.Change{Seq: c.Seq, Time: c.Time, Key: c.Key} // images are not kept
	found := s.advance(g, bare, matched[:len(s.pipe.Steps)])
	if found != nil || but {
		clear(g.chains)
		if found == nil && matched[len(s.pipe.Steps)-1] {
			g.chains[len(s.pipe.Steps)-1] = []*audit.Change{bare}
		}
	}
	if found == nil {
		return nil
	}
	return s.sink.put(flow{row: s.row(f, found)})
}

// advance takes a change into the chains of its group, and gives the sequence that
// is whole with it; nil: none is.
func (s *sequences) advance(g *partial, c *audit.Change, matched []bool) []*audit.Change {
	last := len(matched) - 1
	// From the first step on, so that a change is not in a chain twice.
	for i := range matched {
		if !matched[i] {
			continue
		}
		if i == last {
			g.chains[last] = []*audit.Change{c}
			break
		}
		chain := g.chains[i+1]
		if chain == nil || chain[0].Time-c.Time > s.within {
			continue
		}
		longer := append(chain[:len(chain):len(chain)], c)
		if i == 0 {
			return longer
		}
		g.chains[i] = longer
	}
	return nil
}

// row tells of a sequence, whose changes are latest first.
func (s *sequences) row(f flow, found []*audit.Change) []any {
	row := make([]any, 0, len(s.pipe.By)+4)
	for _, field := range s.pipe.By {
		row = append(row, f.of(field, 0))
	}
	var seqs, records []string
	for i := len(found) - 1; i >= 0; i-- {
		seqs = append(seqs, strconv.FormatUint(uint64(found[i].Seq), 10))
		if key := found[i].Key.String(); len(records) == 0 || records[len(records)-1] != key {
			records = append(records, key)
		}
	}
	return append(row, found[len(found)-1].Time, found[0].Time, seqs, records)
}
