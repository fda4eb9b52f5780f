package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"recourse/audit"
)

// AlertHeads are all alerts without their evidence, by the first change that each
// rests on: Changes and Folded are empty.
func (db *DB) AlertHeads(ctx context.Context) ([]audit.Alert, error) {
	var all []audit.Alert
	err := db.view(ctx, func(r *reader) error {
		return scan(r.txn, []byte{byte(kindAlert)}, func(_, payload []byte) error {
			var d alert
			err := decode(payload, &d)
			all = append(all, d.head())
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	sortAlerts(all)
	return all, nil
}

func sortAlerts(all []audit.Alert) {
	slices.SortFunc(all, func(a, b audit.Alert) int {
		return cmp.Or(cmp.Compare(a.FirstSeq, b.FirstSeq), cmp.Compare(a.ID, b.ID))
	})
}

// Tallies is what people made of the alerts of each rule, by the rule's id.
func (db *DB) Tallies(ctx context.Context) (map[string]audit.Tally, error) {
	alerts, err := db.AlertHeads(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string]audit.Tally{}
	for i := range alerts {
		t := by[alerts[i].Rule]
		t.Rule = alerts[i].Rule
		t.Add(&alerts[i])
		by[alerts[i].Rule] = t
	}
	return by, nil
}
