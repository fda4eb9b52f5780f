package query

import (
	"slices"
	"sync"
	"time"
)

// An Explanation says how an answer was found and what that cost.
type Explanation struct{ Steps []Step }

// A Step is one kind of work that was done for an answer.
type Step struct {
	What   StepKind
	Detail string // such as the word that was looked up; may be empty
	// What the work was about: of which N was a part, where N says how many.
	Chunks, Blocks, Changes int
	Calls                   int // how often the store or the index was asked
	Matched                 int // how many of the changes match
	// Took is the time of the work; of what several did at once, all of theirs.
	Took time.Duration
}

// A StepKind is a kind of work.
type StepKind string

// The kinds of work, in the order in which they are done.
const (
	StepView    StepKind = "view"    // all chunks and changes that there are
	StepLimits  StepKind = "limits"  // chunks outside of the numbers and times that are asked for
	StepSums    StepKind = "sums"    // sets, columns and counts of chunks
	StepTimes   StepKind = "times"   // the times of a chunk's changes
	StepWords   StepKind = "words"   // a word, looked up in the index: the blocks that may have it
	StepRecords StepKind = "records" // the changes of a record
	StepCarried StepKind = "carried" // changes that were read for the records that carry a word
	StepPlan    StepKind = "plan"    // the changes that match by sums alone, and those that may
	StepRead    StepKind = "read"    // changes that were read because they match
	StepScan    StepKind = "scan"    // changes that were read to see whether they match
	StepPipe    StepKind = "pipe"    // changes or rows that went into a pipe
)

var stepOrder = []StepKind{StepView, StepLimits, StepWords, StepCarried, StepRecords, StepSums, StepTimes, StepPlan, StepScan, StepRead, StepPipe}

// notes gathers the steps of one run; several may write to it.
type notes struct {
	mu    sync.Mutex
	steps []Step
}

// add adds to the step of that kind and detail.
func (n *notes) add(s Step) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.steps {
		if old := &n.steps[i]; old.What == s.What && old.Detail == s.Detail {
			old.Chunks += s.Chunks
			old.Blocks += s.Blocks
			old.Changes += s.Changes
			old.Calls += s.Calls
			old.Matched += s.Matched
			old.Took += s.Took
			return
		}
	}
	n.steps = append(n.steps, s)
}

func (n *notes) explanation() Explanation {
	n.mu.Lock()
	defer n.mu.Unlock()
	steps := slices.Clone(n.steps)
	slices.SortStableFunc(steps, func(a, b Step) int {
		return slices.Index(stepOrder, a.What) - slices.Index(stepOrder, b.What)
	})
	return Explanation{Steps: steps}
}
