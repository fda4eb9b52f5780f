package audit

import (
	"fmt"
	"maps"
	"slices"
)

// A Silence keeps people from being told of the alerts that it matches, until it
// expires. They are recorded all the same, with the silence as the reason.
type Silence struct {
	ID      string           `json:"id"`
	Match   SilenceMatch     `json:"match"`
	By      string           `json:"by"` // who made it
	Reason  string           `json:"reason"`
	Made    Time             `json:"made"` // by our clock, as Expires
	Expires Time             `json:"expires"`
	Ended   Time             `json:"ended,omitempty"` // when somebody ended it before; 0: nobody did
	Matched int              `json:"matched"`         // alerts that it muted
	Log     []SilenceComment `json:"log,omitempty"`
}

// A SilenceMatch says which alerts a silence is about: those that all the lists
// that are not empty have a pattern for, with * and ?. User and Table are fields
// of an alert's group, as all others are; an alert whose group lacks the field does
// not match.
type SilenceMatch struct {
	Rules      []string            `json:"rules,omitempty"`
	Severities []string            `json:"severities,omitempty"`
	Group      map[string][]string `json:"group,omitempty"` // by field of the group
}

// A SilenceComment is what somebody said of a silence.
type SilenceComment struct {
	At   Time   `json:"at"`
	By   string `json:"by"`
	Text string `json:"text"`
}

// Active is whether it mutes at a time.
func (s *Silence) Active(now Time) bool {
	return now < s.Expires && (s.Ended == 0 || now < s.Ended) && now >= s.Made
}

// Check says what a silence lacks.
func (s *Silence) Check() error {
	m := &s.Match
	switch {
	case len(m.Rules) == 0 && len(m.Severities) == 0 && len(m.Group) == 0:
		return fmt.Errorf("it says of no alert that it is about it")
	case s.Reason == "":
		return fmt.Errorf("it has no reason")
	case !(s.Expires > s.Made):
		return fmt.Errorf("it has no end after its beginning")
	}
	for _, severity := range m.Severities {
		if SeverityRank(severity) < 0 {
			return fmt.Errorf("%q is no severity", severity)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(m.Group)) {
		if len(m.Group[field]) == 0 {
			return fmt.Errorf("it has no pattern for %s", field)
		}
	}
	return nil
}

// Matches is whether a silence is about an alert.
func (m *SilenceMatch) Matches(a *Alert) bool {
	if len(m.Rules) > 0 && !AnyGlob(m.Rules, a.Rule) {
		return false
	}
	if len(m.Severities) > 0 && !slices.Contains(m.Severities, a.Severity) {
		return false
	}
	for field, patterns := range m.Group {
		value, there := a.Group[field]
		if !there || !AnyGlob(patterns, value) {
			return false
		}
	}
	return true
}
