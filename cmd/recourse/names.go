package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"recourse/audit"
	"recourse/query"
	"recourse/store"
)

// names tell queries of the data folder's lists, alerts, changes and saved queries,
// and of the labels that the rules of the configuration give tables.
func (w *workspace) names() *query.Names {
	return &query.Names{
		List: func(_ context.Context, name string) ([]string, error) {
			l, err := w.lists().read(name)
			return l.Items, err
		},
		Alerts: func(ctx context.Context) iter.Seq2[audit.Alert, error] {
			return func(yield func(audit.Alert, error) bool) {
				alerts, err := w.store.Alerts(ctx)
				if err != nil {
					yield(audit.Alert{}, err)
					return
				}
				for _, a := range alerts {
					if !yield(a, nil) {
						return
					}
				}
			}
		},
		Label: func(_ context.Context, label string) ([]string, error) {
			source := ruleSource{env: w.env, paths: w.cfg.Rules, builtin: true}
			set, err := source.read()
			if err != nil {
				return nil, ruleError(err)
			}
			tables := set.Labelled(label)
			if tables == nil {
				return nil, fmt.Errorf("%w: no rule file gives tables the label %q", query.ErrUnknownName, label)
			}
			return tables, nil
		},
		Change: func(ctx context.Context, seq audit.Seq) (audit.Change, error) {
			c, err := w.store.Get(ctx, seq)
			if errors.Is(err, store.ErrNotFound) {
				err = fmt.Errorf("%w: no change has the number %d", query.ErrUnknownName, seq)
			}
			return c, err
		},
		Saved: func(_ context.Context, name string) (string, error) {
			q, err := w.queries().read(name)
			return q.Query, err
		},
	}
}
