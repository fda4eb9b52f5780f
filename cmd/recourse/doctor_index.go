package main

import (
	"errors"
	"io/fs"

	"recourse/audit"
	"recourse/index"
)

// checkIndex reads all of the index, as every command does that asks it. Nothing
// is lost with it: it is made from the store.
func (d *doctor) checkIndex() {
	if d.w == nil {
		return
	}
	fix := "recourse reindex --data " + shellQuote(d.dir)
	var progress audit.Seq
	var err error
	if d.w.index != nil { // the daemon's
		progress = d.w.index.Progress()
	} else {
		progress, err = index.Check(d.w.indexDir(), index.Options{Memory: d.w.cfg.Memory.index()})
	}
	last := d.w.store.Last() // after the progress: a daemon stores and indexes meanwhile
	whole := last - last%audit.BlockSize
	switch {
	case errors.Is(err, fs.ErrNotExist) && whole == 0:
		d.ok("index", "there is none yet, and no whole block of %d changes to index", audit.BlockSize)
	case errors.Is(err, fs.ErrNotExist):
		d.warn("index", fix, "there is none: a word is looked for in all %d changes", last)
	case errors.Is(err, index.ErrBusy):
		d.unknown("index", "wait until it has ended, and run this again", "another process has it open")
	case errors.Is(err, index.ErrEarlier):
		d.warn("index", fix, "it is of an earlier format; the next command that asks it empties it")
	case err != nil:
		d.fail("index", fix, "%s; what asks it ends with code %d", err, exitIntegrity)
	case progress > whole:
		d.fail("index", fix, "it goes to change %d, and the store to %d: it is of another store", progress, last)
	case progress < whole:
		d.warn("index", fix, "it goes to change %d and is %d behind, which are read to find a word", progress, whole-progress)
	default:
		d.ok("index", "it opens, every page matches its checksum, and it goes to change %d of %d", progress, last)
	}
}
