package audit

import (
	"fmt"
)

// An Image is what is known of one record at one moment.
// Its zero value says that nothing is known.
type Image struct {
	State  State
	Source Source
	Trust  Trust
	Body   Value // the record, an object; set only when State is Present
}

// AbsentImage says that there was no such record.
func AbsentImage(s Source, t Trust) Image { return Image{State: Absent, Source: s, Trust: t} }

// PresentImage holds a record.
func PresentImage(body Value, s Source, t Trust) Image {
	return Image{State: Present, Source: s, Trust: t, Body: body}
}

// A State tells a record that was not there from one that nobody saw.
type State uint8

// The states of an image.
const (
	Unknown State = iota // the log does not say
	Absent               // no such record
	Present              // Body is the record
)

var stateNames = [...]string{"unknown", "absent", "present"}

func (s State) String() string { return nameOf(stateNames[:], uint8(s)) }

// MarshalText is the name of the state.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a state.
func (s *State) UnmarshalText(b []byte) error {
	return parseName(stateNames[:], string(b), "state", (*uint8)(s))
}

// A Source is where an image comes from, so a reader can weigh it as evidence.
type Source uint8

// The sources of an image.
const (
	NoSource  Source = iota // nothing is known
	Logged                  // the audit log held it
	Folded                  // carried over from the record's earlier change
	Baselined               // a baseline that we took held it
	Fetched                 // read from the live table
)

var sourceNames = [...]string{"none", "logged", "folded", "baseline", "fetched"}

func (s Source) String() string { return nameOf(sourceNames[:], uint8(s)) }

// MarshalText is the name of the source.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a source.
func (s *Source) UnmarshalText(b []byte) error {
	return parseName(sourceNames[:], string(b), "source", (*uint8)(s))
}

// Trust is how far an image can be relied on. Harper computes the image of a
// patch when the log is read, from the record as it then is, so an image that
// was read after the record had changed again may be wrong.
type Trust uint8

// The degrees of trust, from none to full.
const (
	NoTrust     Trust = iota // nothing is known
	Provisional              // a patch, read when a later change of the record was in the log or may have been
	Prompt                   // a patch, read while it was the record's newest change
	Exact                    // Harper keeps this image whole; reading it again gives the same
)

var trustNames = [...]string{"none", "provisional", "prompt", "exact"}

func (t Trust) String() string { return nameOf(trustNames[:], uint8(t)) }

// MarshalText is the name of the trust.
func (t Trust) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the name of a trust.
func (t *Trust) UnmarshalText(b []byte) error {
	return parseName(trustNames[:], string(b), "trust", (*uint8)(t))
}

func nameOf(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("invalid(%d)", i)
}

func parseName(names []string, s, what string, to *uint8) error {
	for i, n := range names {
		if n == s {
			*to = uint8(i)
			return nil
		}
	}
	return fmt.Errorf("parse %s %q: not one of %v", what, s, names)
}
