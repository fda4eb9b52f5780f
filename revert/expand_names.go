package revert

import "recourse/audit"

// A moment is what the changes of one transaction share, over all tables.
type moment struct {
	cluster string
	time    audit.Time
	user    string
}

func momentOf(c *audit.Change) moment { return moment{c.Cluster, c.Time, c.User} }

// An account is a user of one cluster. Another may have one by the same name.
type account struct{ cluster, user string }

// A selected is a change of the selection, and when it was made.
type selected struct {
	id audit.ChangeID
	at audit.Time
}

// A target is a record of the selection.
type target struct {
	of   audit.ChangeID
	at   audit.Time
	made bool // by a selected change
}
