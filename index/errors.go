package index

import (
	"errors"
	"fmt"
)

// ErrRebuild says that the index is damaged, unfinished, or of another format,
// and has to be built again: [Reset], then [Open] and [Index.Follow].
var ErrRebuild error = &hinted{"the index must be built again", "run recourse reindex; nothing is lost, the store has everything"}

// ErrEarlier says that the index is of an earlier format. It is an [ErrRebuild].
var ErrEarlier = fmt.Errorf("%w: it has an earlier format", ErrRebuild)

// ErrBusy says that another process has the index open.
var ErrBusy error = &hinted{"another process has the index open", "stop it, or ask it"}

// ErrSkipped says that the store did not yield the changes that come next.
var ErrSkipped = errors.New("changes are missing before it")

// errStopped says that bleve gave up, for a cause that it does not tell. Until
// this process ends, nobody else can open the index.
var errStopped = fmt.Errorf("%w: bleve does not go on with it", ErrRebuild)

type hinted struct{ text, hint string }

func (e *hinted) Error() string { return e.text }

// Hint says what to do.
func (e *hinted) Hint() string { return e.hint }
