package audit

// A Cursor is how far one table's log was read on one node, by the server's
// clock. Reading resumes before Time by an overlap, and a change already stored
// is known by its ChangeID: Harper keeps the log in an order that its answers do
// not show, so no row says exactly where reading stopped.
type Cursor struct {
	Node  string
	Table Table
	Time  Time
	// Reread says when, by the server's clock, each tier of re-scans was last
	// done; a tier is named by the time it reaches back ("1h0m0s"). Nil: none was.
	Reread map[string]Time
}

// A Span is a stretch of one table's log on one node that was read: whatever
// Harper had there is stored, but for the gaps in it.
type Span struct {
	Node  string `json:"node"`
	Table Table  `json:"table"`
	From  Time   `json:"from"` // inclusive, in the clock that Harper's ranges use
	To    Time   `json:"to"`   // exclusive
}

// A Gap is a stretch of the log that could not be read, or of which nobody can
// know whether it was whole.
type Gap struct {
	Node     string  `json:"node"`
	Table    Table   `json:"table"`
	From     Time    `json:"from"` // inclusive, in the clock that Harper's ranges use; 0: since ever
	To       Time    `json:"to"`   // exclusive
	Kind     GapKind `json:"kind"` // empty in stores of before there were kinds: unreadable
	Reason   string  `json:"reason"`
	Entries  int     `json:"entries"` // how many entries it hides; 0 is not known
	Observed Time    `json:"observed"`
	// Healed is when the stretch was read after all, by our clock; 0: it was not.
	// A healed gap hides nothing any more and is kept as evidence.
	Healed Time `json:"healed,omitempty"`
}

// A GapKind is why a stretch of a log is not known.
type GapKind string

// The kinds of gap.
const (
	GapUnreadable GapKind = "unreadable" // Harper could not read an entry
	GapOutage     GapKind = "outage"     // nobody read it for longer than Harper keeps its log
	GapPurged     GapKind = "purged"     // it was deleted from the log before it was read, or may have been
	GapBefore     GapKind = "before"     // before the log began: the node joined later, or the log was not kept so long
	GapUnaudited  GapKind = "unaudited"  // Harper kept no log of the table
)

// A SlowWindow is a stretch of a log that took Harper very long to answer, as
// the windows of bulk updates do on RocksDB, whose reading costs the square of
// their size. It was read; re-scans leave it out.
type SlowWindow struct {
	Node     string `json:"node"`
	Table    Table  `json:"table"`
	From     Time   `json:"from"`
	To       Time   `json:"to"`
	Took     int64  `json:"took_ms"`
	Entries  int    `json:"entries"` // how many it brought; 0: it was given up
	Observed Time   `json:"observed"`
}

// A Divergence is a reading of a stored change that says something else than
// the stored one: a later one, or, if a later one could be trusted further, the
// earlier one that it took the place of.
type Divergence struct {
	Seq      Seq
	Node     string
	Observed Time
	Op       Op
	User     string
	After    Image
}

// An Observation is that a change was read from the log of a further node than
// the one it was first read from.
type Observation struct {
	Seq      Seq    `json:"seq"`
	Node     string `json:"node"`
	Op       Op     `json:"op"` // as that node names it; a replica knows only upsert, patch and delete
	Observed Time   `json:"observed"`
}

// A Batch is what one commit of the store writes, all or nothing.
type Batch struct {
	Changes []Change // Seq and Before unset; ID set
	Gaps    []Gap
	Healed  []Gap // stored gaps, by node, table and limits, that were read after all
	Cursors []Cursor
	Spans   []Span // joined with those stored
	Slow    []SlowWindow
	// Alerts are of what the ingestor itself noticed, such as a purge of the log.
	// One that is stored already keeps its state and its begin.
	Alerts    []Alert
	Baselines []Baseline
	Records   []BaseRecord
}

// An Appended says what became of a batch.
type Appended struct {
	New         int  // changes stored
	Known       int  // changes that were stored before
	Divergences int  // of the known: those that now read otherwise
	Amended     int  // of the known: those of which this reading knows more
	Gaps        int  // gaps stored; a gap within a known one is not stored again
	First, Last Seq  // the new changes' numbers; zero when New is zero
	Newest      Time // the newest change's time in the batch
	Late        int  // of the new: those marked late
}
