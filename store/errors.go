package store

// A problem is an error with a hint for the person who meets it.
type problem struct{ text, hint string }

func (p *problem) Error() string { return p.text }

// Hint says what a person can do about it.
func (p *problem) Hint() string { return p.hint }

// A tooMuch is a problem that half of what was given may not have.
type tooMuch struct{ problem }

// TooBig tells those who cannot name the error.
func (*tooMuch) TooBig() bool { return true }

// What callers ask for. Those with a method Hint() string say what to do next.
var (
	// ErrBusy: another process, or another DB of this one, holds the store.
	ErrBusy error = &problem{"the store is in use",
		"another recourse process has this store open; stop it or use another --data"}
	// ErrFormat: the directory holds a store of a newer format, or none.
	ErrFormat error = &problem{"not a store that this program can read",
		"use the recourse that wrote it, or a newer one, or another --data"}
	// ErrCorrupt: what was read is not what was written.
	ErrCorrupt error = &problem{"the store is damaged",
		"run recourse verify to see how much; a copy of the store, or reading the logs again into a new one, repairs it"}
	// ErrNotFound: no such change or alert.
	ErrNotFound error = &problem{"not found", ""}
	// ErrBatchTooBig: what was to be written does not fit one transaction;
	// nothing was. Half of it may fit.
	ErrBatchTooBig error = &tooMuch{problem{"too much for one transaction", ""}}
	// ErrTooLarge: a single thing is larger than the store can keep (128 MiB).
	ErrTooLarge error = &problem{"too large to be stored", ""}
	// ErrDiskFull: too little is free where the store lies, see Options.MinFree;
	// nothing was written. The error that wraps it says in its hint how much.
	ErrDiskFull error = &problem{"the disk is full", ""}
	// ErrClosed: the store was closed.
	ErrClosed error = &problem{"the store is closed", ""}
)
