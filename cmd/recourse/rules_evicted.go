package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"recourse/rules"
)

// evictedNote is under which name the store keeps what the rules gave up for want of
// room, for status: the engine's own state has the same and much more.
const evictedNote = "rules-evicted"

// evictedEvery is how often at most that is kept anew while it is only growing.
const evictedEvery = time.Minute

// An evictedRules is what rules gave up for want of room, as it was known at a time.
type evictedRules struct {
	At    time.Time       `json:"at"`
	Rules []rules.Evicted `json:"rules"`
}

// noteEvicted keeps what the rules gave up for want of room.
func (w *workspace) noteEvicted(ctx context.Context, all []rules.Evicted, now time.Time) error {
	if slices.Equal(all, w.evicted.Rules) && w.evictedNoted {
		return nil
	}
	if w.evictedNoted && len(all) == len(w.evicted.Rules) && now.Sub(w.evicted.At) < evictedEvery {
		return nil
	}
	was, err := w.evictedRules(ctx)
	if err != nil {
		return err
	}
	w.evicted, w.evictedNoted = evictedRules{now.UTC(), all}, true
	if slices.Equal(all, was.Rules) {
		return nil
	}
	text, err := json.Marshal(w.evicted)
	if err != nil {
		return fmt.Errorf("note what rules gave up: %w", err)
	}
	return w.store.SetNote(ctx, evictedNote, text)
}

func (w *workspace) evictedRules(ctx context.Context) (out evictedRules, err error) {
	text, found, err := w.store.Note(ctx, evictedNote)
	if err != nil || !found {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, fmt.Errorf("read note %s: %w", evictedNote, err)
	}
	return out, nil
}

// sayEvicted logs which rules gave up more than was said of them last: when they
// begin to, and when it has doubled.
func (d *daemon) sayEvicted() {
	if d.evicted == nil {
		d.evicted = map[string]uint64{}
	}
	for _, r := range d.w.evicted.Rules {
		if n := r.Groups + r.Changes; n >= max(2*d.evicted[r.Rule], 1) {
			d.evicted[r.Rule] = n
			d.log.Warn("a rule gives up what it knows before its time, for want of room: alerts may lack evidence, or not be there", "rule", r.Rule,
				"groups", r.Groups, "changes", r.Changes, "hint", "give more with --memory, or make it match less, or its window shorter; recourse rules list --state")
		}
	}
}

// evictedWords is that on the screen of status.
func evictedWords(all []rules.Evicted) string {
	var parts []string
	for _, r := range all {
		parts = append(parts, fmt.Sprintf("%s (%d groups, %d changes)", printable(r.Rule), r.Groups, r.Changes))
	}
	return few(parts)
}
