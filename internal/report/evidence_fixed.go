package report

import (
	"bytes"
	"encoding/json"

	"recourse/audit"
)

// A fixedChange is what a line says of a change that no later reading alters. The rest
// follows from other changes (the image before, and so the diff), or can become better
// known: who wrote where nobody was named, the image where it was not exact or was read
// as JSON.
type fixedChange struct {
	Seq      json.RawMessage `json:"seq"`
	Time     json.RawMessage `json:"time"`
	Cluster  json.RawMessage `json:"cluster"`
	Node     json.RawMessage `json:"node"`
	Database json.RawMessage `json:"database"`
	Table    json.RawMessage `json:"table"`
	Key      json.RawMessage `json:"key"`
	User     json.RawMessage `json:"user"`
	Reported json.RawMessage `json:"op_reported"`
	Group    json.RawMessage `json:"group"`
	Lossy    bool            `json:"lossy"`
	After    struct {
		State json.RawMessage `json:"state"`
		Trust string          `json:"trust"`
		Body  json.RawMessage `json:"body"`
	} `json:"after"`
}

// AlteredEvidence names what the line of a change says otherwise than the line that the
// store would write of it now, though nothing that is learned later alters it: one of the
// two was altered by hand. An empty name: nothing of the kind. Both lines are compact.
func AlteredEvidence(line, now []byte) (string, error) {
	var was, is fixedChange
	for _, of := range []struct {
		line []byte
		to   *fixedChange
	}{{line, &was}, {now, &is}} {
		if err := json.Unmarshal(of.line, of.to); err != nil {
			return "", err
		}
	}
	// An image that was exact then is read no better, but with its types.
	better := was.After.Trust != audit.Exact.String() || string(was.After.State) == `"unknown"` || was.Lossy != is.Lossy
	for _, f := range []struct {
		name    string
		was, is json.RawMessage
		learned bool // what was not known then is now
	}{
		{"seq", was.Seq, is.Seq, false},
		{"time", was.Time, is.Time, false},
		{"cluster", was.Cluster, is.Cluster, false},
		{"node", was.Node, is.Node, false},
		{"database", was.Database, is.Database, false},
		{"table", was.Table, is.Table, false},
		{"key", was.Key, is.Key, false},
		{"user", was.User, is.User, string(was.User) == "null"},
		{"op_reported", was.Reported, is.Reported, false},
		{"group", was.Group, is.Group, false},
		{"after", was.After.State, is.After.State, better},
		{"after", was.After.Body, is.After.Body, better},
	} {
		if !f.learned && !bytes.Equal(f.was, f.is) {
			return f.name, nil
		}
	}
	return "", nil
}
