package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
)

// restOn adds the changes that alerts rest on, those of alerts that are evidence
// themselves included.
func (w *workspace) restOn(c *cli.Context, ids []string, to map[audit.Seq]bool, seen map[string]bool) error {
	for _, id := range ids {
		a, err := w.alert(c, id)
		if err != nil {
			return err
		}
		if seen[a.ID] {
			continue
		}
		seen[a.ID] = true
		for _, ev := range a.Changes {
			if ev.Seq != 0 { // 0 is one that is not stored
				to[ev.Seq] = true
			}
		}
		for seq := range a.Folded.All() {
			to[seq] = true
		}
		parts := a.Alerts
		if a.MergedInto != "" {
			parts = append(slices.Clone(parts), a.MergedInto)
		}
		if err := w.restOn(c, parts, to, seen); err != nil {
			return err
		}
	}
	return nil
}
