package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// quarantineNote is the name of the note that keeps which rules are in quarantine,
// for those who do not load the rules.
const quarantineNote = "rules-quarantined"

// noteQuarantine keeps which rules are in quarantine, if these are others than before.
func (w *workspace) noteQuarantine(ctx context.Context, now []string) error {
	if w.quarantineNoted && slices.Equal(now, w.quarantined) {
		return nil
	}
	was, err := w.quarantinedRules(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(now, was) {
		text, err := json.Marshal(now)
		if err != nil {
			return fmt.Errorf("note quarantine: %w", err)
		}
		if err := w.store.SetNote(ctx, quarantineNote, text); err != nil {
			return err
		}
	}
	w.quarantined, w.quarantineNoted = now, true
	return nil
}

// quarantinedRules are the rules that are in quarantine.
func (w *workspace) quarantinedRules(ctx context.Context) ([]string, error) {
	text, found, err := w.store.Note(ctx, quarantineNote)
	if err != nil || !found {
		return nil, err
	}
	var ids []string
	if err := json.Unmarshal(text, &ids); err != nil {
		return nil, fmt.Errorf("read note %s: %w", quarantineNote, err)
	}
	return ids, nil
}
