package harpertest

import (
	"time"

	"recourse/audit"
)

// readCost is how long RocksDB needs for a group's part of an answer: each patch
// looks through the whole transaction (auditStore.get), so that a transaction
// of n patches costs n².
func (s *Server) readCost(patches int) time.Duration {
	if s.line != RocksDB || patches < 2 {
		return 0
	}
	return time.Duration(patches) * time.Duration(patches) * s.patchCost
}

// patchesAt counts the patches of each transaction among entries.
func patchesAt(entries []*entry) map[audit.Time]int {
	n := map[audit.Time]int{}
	for _, e := range entries {
		if e.Type == "patch" {
			n[e.Version]++
		}
	}
	return n
}
