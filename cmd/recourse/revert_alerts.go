package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
)

// restOn adds the changes that alerts rest on, those of alerts that are evidence
// themselves included. It notes how many it cannot add: what is not stored, or was
// counted and no more.
func (w *workspace) restOn(c *cli.Context, ids []string, to map[audit.Seq]bool, seen map[string]bool, notes io.Writer) error {
	for _, id := range ids {
		a, err := w.alert(c, id)
		if err != nil {
			return err
		}
		if seen[a.ID] {
			continue
		}
		seen[a.ID] = true
		without := max(0, a.Suppressed-a.Folded.Len())
		for _, ev := range a.Changes {
			if ev.Seq == 0 { // it is not stored
				without++
				continue
			}
			to[ev.Seq] = true
		}
		for seq := range a.Folded.All() {
			to[seq] = true
		}
		if without > 0 {
			fmt.Fprintf(notes, "alert %.12s counts changes that cannot be selected, as the store does not have them or the alert not their numbers: %d\n", a.ID, without)
		}
		parts := a.Alerts
		if a.MergedInto != "" {
			parts = append(slices.Clone(parts), a.MergedInto)
		}
		if err := w.restOn(c, parts, to, seen, notes); err != nil {
			return err
		}
	}
	return nil
}
