package audit

// A Baseline is a snapshot of one table's records, taken by us so that records
// older than the log have images.
type Baseline struct {
	ID      string         `json:"id"`
	Cluster string         `json:"cluster,omitempty"`
	Node    string         `json:"node"`
	Table   Table          `json:"table"`
	Begun   Time           `json:"begun"` // by the server's clock
	Ended   Time           `json:"ended"` // 0 while it is not complete
	Source  BaselineSource `json:"source"`
	Records int            `json:"records"`
	Lossy   bool           `json:"lossy"` // read as JSON or CSV, which lose types
}

// A BaselineSource is where a baseline was read.
type BaselineSource string

// The sources of baselines.
const (
	FromSearch BaselineSource = "search" // the live table, page by page
	FromEvents BaselineSource = "events" // the first burst of a table's server-sent events
	FromFile   BaselineSource = "file"   // an export
	FromBackup BaselineSource = "backup" // get_backup
)

// A BaseRecord is one record of a baseline.
type BaseRecord struct {
	Baseline string // its ID
	Cluster  string
	Key      Key
	// Version is the time of the write that made the record what it is: that of a
	// change in the log, if the log reaches so far back. 0: not known.
	Version Time
	// Seen is a moment of the server's clock not after that at which the record
	// was read, Until one not before it.
	Seen, Until Time
	Body        Value
	Lossy       bool
}
