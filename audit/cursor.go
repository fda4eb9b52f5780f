package audit

// A Cursor is how far one table's log was read on one node, by the server's
// clock. Reading resumes before Time by an overlap, and a change already stored
// is known by its ChangeID: Harper keeps the log in an order that its answers do
// not show, so no row says exactly where reading stopped.
type Cursor struct {
	Node  string
	Table Table
	Time  Time
}

// A Gap is a stretch of the log that could not be read.
type Gap struct {
	Node     string `json:"node"`
	Table    Table  `json:"table"`
	From     Time   `json:"from"` // inclusive, in the clock that Harper's ranges use
	To       Time   `json:"to"`   // exclusive
	Reason   string `json:"reason"`
	Entries  int    `json:"entries"` // how many entries it hides; 0 is not known
	Observed Time   `json:"observed"`
}

// A Divergence is a later reading of a stored change that says something else.
// The first reading stands.
type Divergence struct {
	Seq      Seq
	Node     string
	Observed Time
	Op       Op
	User     string
	After    Image
}

// A Batch is what one commit of the store writes, all or nothing.
type Batch struct {
	Changes []Change // Seq and Before unset; ID set
	Gaps    []Gap
	Cursors []Cursor
}

// An Appended says what became of a batch.
type Appended struct {
	New         int  // changes stored
	Known       int  // changes that were stored before
	Divergences int  // of the known: those that now read otherwise
	Gaps        int  // gaps stored; a gap within a known one is not stored again
	First, Last Seq  // the new changes' numbers; zero when New is zero
	Newest      Time // the newest change's time in the batch
}
