package main

import (
	"fmt"
	"strings"

	"recourse/revert"
)

// sightings are a sentence for each thing that was seen after an apply.
func sightings(seen []revert.Sighting) []string {
	var out []string
	for _, s := range seen {
		out = append(out, fmt.Sprintf("afterwards: %s: %s: %s", s.Key, s.Class, s.Why))
	}
	return out
}

// watchError says that an attacker is back, or that our own account writes.
func watchError(seen []revert.Sighting) error {
	var bad []string
	for _, s := range seen {
		if s.Class != revert.ClassSupersededAfter {
			bad = append(bad, fmt.Sprintf("%s (%s)", s.Key, s.Class))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	const most = 5
	more := ""
	if n := len(bad) - most; n > 0 {
		bad, more = bad[:most], fmt.Sprintf(" and %d more", n)
	}
	return &exitError{
		code: exitPartly, err: fmt.Errorf("watch records after apply: %s%s", strings.Join(bad, ", "), more),
		hint: "contain the account, fetch the log, and select and plan what it did",
	}
}
