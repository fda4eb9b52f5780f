package main

import (
	"context"
	"iter"
	"math"

	"recourse/audit"
	"recourse/query"
	"recourse/revert"
	"recourse/store"
)

// storedOthers are the records of the store besides those that a plan is about, and
// how far the logs were read.
type storedOthers struct {
	*store.DB
	reading *query.Reading
}

var _ revert.Others = storedOthers{}

// Now implements revert.Others.
func (s storedOthers) Now(ctx context.Context, cluster string, k audit.Key) (revert.Sight, error) {
	sight := revert.Sight{Key: k}
	last, known, err := s.Newest(ctx, cluster, k)
	if err != nil {
		return sight, err
	}
	if known {
		sight.Last = revert.Evidence{ID: last.Identify(), Time: last.Time, User: last.User, Op: last.Op}
	}
	for _, g := range s.reading.Gaps {
		sight.Hidden = sight.Hidden || g.Table == k.Table && g.Healed == 0 && g.End() > sight.Last.Time && (known || g.Kind != audit.GapBefore)
	}
	sight.Image, err = s.AsOf(ctx, cluster, k, audit.Time(math.Inf(1)))
	return sight, err
}

// doubt says why there may be records of a table of which nothing is stored: empty if
// there can be none. A baseline that came to its end knows of every record that was
// there, and the log of those that came later, if it was read whole from then to
// about where the newest of the logs was.
func (s storedOthers) doubt(ctx context.Context, cluster string, t audit.Table) (string, error) {
	baselines, err := s.Baselines(ctx)
	if err != nil {
		return "", err
	}
	const about = 60_000 // milliseconds
	to := s.reading.ReadTo(t)
	for _, other := range s.reading.Tables {
		to = max(to, s.reading.ReadTo(other)-about)
	}
	why := "there is no baseline of " + t.String() + ": records of it that did not change since the log began"
	for _, b := range baselines {
		if b.Table != t || b.Cluster != cluster || b.Ended == 0 {
			continue
		}
		if s.reading.Of([]audit.Table{t}, b.Begun, to).Complete {
			return "", nil
		}
		why = "the log of " + t.String() + " was not read whole since its baseline: records of it that are not known"
	}
	return why, nil
}

// Table implements revert.Others.
func (s storedOthers) Table(ctx context.Context, cluster string, t audit.Table) (iter.Seq2[revert.Sight, error], string, error) {
	doubt, err := s.doubt(ctx, cluster, t)
	if err != nil {
		return nil, "", err
	}
	return func(yield func(revert.Sight, error) bool) {
		for r, err := range s.TableBase(ctx, t) {
			if err != nil || r.Cluster == cluster {
				if !yield(revert.Sight{Key: r.Key, Image: audit.PresentImage(r.Body, audit.Baselined, audit.Exact)}, err) || err != nil {
					return
				}
			}
		}
		for c, err := range s.TableChanges(ctx, t, audit.Time(math.Inf(-1)), audit.Time(math.Inf(1))) {
			if err != nil || c.Cluster == cluster && c.Op.Kind() != audit.KindMessage {
				if !yield(revert.Sight{Key: c.Key, Image: c.After}, err) || err != nil {
					return
				}
			}
		}
	}, doubt, nil
}
