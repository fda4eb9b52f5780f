package revert

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"recourse/audit"
)

// ErrClusters says that a record's history holds changes of several clusters. Each
// cluster has a record of its own by that key, and a plan is about one.
var ErrClusters = errors.New("changes of several clusters")

// A ClusterError names them. It wraps ErrClusters.
type ClusterError struct {
	Key      audit.Key
	Clusters []string // sorted; empty text is the cluster without a name
}

func (e *ClusterError) Error() string {
	names := make([]string, len(e.Clusters))
	for i, c := range e.Clusters {
		names[i] = fmt.Sprintf("%q", short(c))
	}
	return fmt.Sprintf("record %s has %v: %s", e.Key, ErrClusters, strings.Join(names, ", "))
}

func (e *ClusterError) Unwrap() error { return ErrClusters }

// Hint says what a person can do about it.
func (e *ClusterError) Hint() string {
	return "plan for each cluster by itself: --cluster NAME, and --cluster '' for the one without a name"
}

// OfCluster leaves of records the changes of one cluster; nil leaves them all.
func OfCluster(records iter.Seq2[Record, error], cluster *string) iter.Seq2[Record, error] {
	if cluster == nil {
		return records
	}
	return func(yield func(Record, error) bool) {
		for rec, err := range records {
			rec, _ = rec.split(cluster)
			if !yield(rec, err) {
				return
			}
		}
	}
}

// split parts the changes of one cluster from those of others. Nil: all are of it.
func (r Record) split(cluster *string) (rec Record, others []audit.Change) {
	if cluster == nil {
		return r, nil
	}
	rec = Record{Key: r.Key, Whole: r.Whole, Unsure: r.Unsure}
	for i := range r.Changes {
		if r.Changes[i].Cluster != *cluster {
			others = append(others, r.Changes[i])
			continue
		}
		rec.Changes = append(rec.Changes, r.Changes[i])
		if i < r.From {
			rec.From++
		}
	}
	return rec, others
}

// pass counts the selected changes of other clusters, which the plan leaves alone.
func (p *planner) pass(others []audit.Change) {
	for i := range others {
		id := others[i].Identify()
		if n, selected := p.wanted.find(&id); selected {
			p.find(n)
			p.elsewhere++
		}
	}
}

// one makes sure that a record is of one cluster.
func (r *Record) one() error {
	several := false
	for i := range r.Changes {
		c := &r.Changes[i]
		if c.Key != r.Key {
			return fmt.Errorf("history of %s holds changes of another record", r.Key)
		}
		several = several || c.Cluster != r.Changes[0].Cluster
	}
	if !several {
		return nil
	}
	return &ClusterError{Key: r.Key, Clusters: r.clusters()}
}

// clusters are those of the record's changes, sorted.
func (r *Record) clusters() []string {
	var names []string
	for i := range r.Changes {
		if c := r.Changes[i].Cluster; i == 0 || c != r.Changes[i-1].Cluster {
			names = append(names, c)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
