package main

import (
	"context"
	"errors"
	"time"
)

// A system is one of those that are compared. It is loaded, opened, asked, and
// closed, in rounds.
type system interface {
	Name() string
	// Version says which one it is; an error that is errMissing, that it is not there.
	Version(context.Context) (string, error)
	// Load takes in the data set, into an empty database.
	Load(context.Context, *dataset) (load, error)
	Open(context.Context) error
	Ask(context.Context, question) (answer, error)
	Close() error
}

// errMissing says that a program is not installed.
var errMissing = errors.New("not installed")

// A load is what taking in the data set cost.
type load struct {
	usage
	Bytes  int64 // on disk, when all is done
	Alerts int   // raised by recourse
}

// An answer is how long one took, and what it said.
type answer struct {
	Took  time.Duration
	Count int    // changes that match; how many users or hours there are
	Says  string // what is to be the same in all systems; see kind.byWords
}
