package revert

import (
	"maps"
	"slices"
)

// containment proposes to deactivate the accounts whose changes are selected, by
// name. Changes for which the log names nobody have no account.
func containment(s *Selection) []Containment {
	if s == nil {
		return nil
	}
	var steps []Containment
	for _, user := range slices.Sorted(maps.Keys(s.Users)) {
		if user != "" {
			steps = append(steps, Containment{Kind: "contain", Do: DoDeactivate, User: user, Events: s.Users[user], First: s.First, Last: s.Last})
		}
	}
	return steps
}
