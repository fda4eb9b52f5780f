package main

import (
	"context"
	"errors"
	"fmt"

	"recourse/audit"
	"recourse/revert"
)

// How many records of each table the preflight looks up in Harper's log.
const preflightSample = 20

// errOtherLog says that a server's log has nothing of what a plan is about.
var errOtherLog = errors.New("harper's audit log has none of the changes that the plan is about")

// preflight finds out before the first write what would stop an apply in the
// middle or make it wrong: a table that is gone, a REST address that does not
// answer, an audit log that this user may not read, and a server which is not
// the one that the plan was made for.
func (s *harperServer) preflight(ctx context.Context, p *revert.Plan, otherLog bool) error {
	looked, known := 0, 0
	for _, table := range p.Tables() {
		if _, err := s.primaryKey(ctx, table); err != nil {
			return fmt.Errorf("look at table %s before writing: %w", table, err)
		}
		if _, err := s.restFor(ctx, table); err != nil {
			return fmt.Errorf("look at table %s before writing: %w", table, err)
		}
		versions := map[audit.Key]audit.Time{}
		var keys []audit.Key
		for i := range p.Actions {
			if a := &p.Actions[i]; a.K.Table == table && len(keys) < preflightSample {
				keys = append(keys, a.Key())
				versions[a.Key()] = a.Expect.Version
			}
		}
		trails, err := s.History(ctx, keys, 0)
		if err != nil {
			return fmt.Errorf("look at the log of %s before writing: %w", table, err)
		}
		for key, trail := range trails {
			if trail.Err != nil {
				known++ // an entry that cannot be read is one
			}
			for _, c := range trail.Changes {
				if c.Time == versions[key] {
					known++
					break
				}
			}
		}
		looked += len(trails)
	}
	if looked > 0 && known == 0 && !otherLog {
		return &exitError{
			code: exitPreflight, err: fmt.Errorf("apply plan %s: %w; nothing was written", p.Header.ID, errOtherLog),
			hint: "is this the server that the plan was made for? If it is, and its log was cut since, say --other-log",
		}
	}
	return nil
}
