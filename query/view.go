package query

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// A View is one moment of a store: its changes up to a number, and what is
// summed up of them. It is for one goroutine at a time but for Block, Read and
// Outlines, which may be called by several.
//
// Sums are of changes as they were when they were summed up. Those of which more
// was learned since are named by Doubtful: what the sums say of them is void, and
// they are to be read one by one.
//
// Sets are of offsets within a chunk: the number of the change less the chunk's
// First. They are shared and must not be changed.
type View interface {
	Close()
	// Last is the newest number that belongs to the view.
	Last() audit.Seq
	// Chunks are all chunks of the view, by number and without a gap.
	Chunks() []audit.Chunk
	// Set is the changes of a chunk that have a value of a facet; never nil.
	Set(ctx context.Context, chunk int, f audit.Facet, value string) (*roaring.Bitmap, error)
	// Doubtful is the changes of a chunk that the sums may be wrong about; never nil.
	Doubtful(ctx context.Context, chunk int) (*roaring.Bitmap, error)
	// Values are all values of a facet that any change of the view may have, sorted.
	Values(ctx context.Context, f audit.Facet) ([]string, error)
	// Counts is how many changes of a chunk have each value of a facet, doubtful
	// ones included as they were summed up.
	Counts(ctx context.Context, chunk int, f audit.Facet) (map[string]int, error)
	// Column is, for each change of a chunk, which of the values it has: for a
	// facet that is Single. Both are shared and must not be changed.
	Column(ctx context.Context, chunk int, f audit.Facet) (codes []uint32, values []string, err error)
	// Times are the times of a chunk's changes, by number. Shared.
	Times(ctx context.Context, chunk int) ([]audit.Time, error)
	// ByTime is the offsets of a chunk's changes by time and then by number, the
	// oldest first; nil if that is their order anyway. Shared.
	ByTime(ctx context.Context, chunk int) ([]uint16, error)
	// Record is the numbers of the changes of a record, ascending; there may be
	// some of other records among them.
	Record(ctx context.Context, k audit.Key) ([]audit.Seq, error)
	// Block is all changes of a block, up to Last, with their Before. Theirs is
	// the caller's own memory.
	Block(ctx context.Context, block int) ([]audit.Change, error)
	// Read is the changes of these numbers, ascending, with their Before.
	Read(ctx context.Context, seqs []audit.Seq) ([]audit.Change, error)
	// Outlines is the changes of these numbers, ascending, without IDs, bodies of
	// images and what was sent. It costs a fraction of Read.
	Outlines(ctx context.Context, seqs []audit.Seq) ([]audit.Change, error)
	// Touching is the numbers of the changes of any of these records, ascending;
	// there may be some of other records among them.
	Touching(ctx context.Context, keys []audit.Key) ([]audit.Seq, error)
}

// A Sketcher is a View that can read of each change no more than is wanted of it.
type Sketcher interface {
	// Sketches shows changes of one block by their numbers, which ascend, each as deep
	// as is wanted of it once its outline is known, or whole. A sketch is good until
	// the next. Several may call it at once.
	Sketches(ctx context.Context, seqs []audit.Seq, want func(*audit.Change) audit.Depth, see func(*audit.Sketch) error) error
}

// A Viewer opens views.
type Viewer interface {
	View(context.Context) (View, error)
}

// A WordFinder proposes blocks of changes by the words of their values.
type WordFinder interface {
	// Progress is the number up to which the words of all changes are known.
	Progress() audit.Seq
	// Blocks is the blocks (audit.BlockOf) in which a change up to Progress may
	// have written or removed a value that one of the words matches, or was the
	// first known of its record to carry one. Words may have wildcards, * and ?,
	// anywhere, and with fuzzy above 0 as many characters may differ. ok is false
	// if nothing can be said.
	//
	// Of changes that were read better after they were indexed it may know the
	// earlier reading: see View.Doubtful.
	Blocks(ctx context.Context, word string, fuzzy int) (blocks *roaring.Bitmap, ok bool, err error)
}

// A WordTeller is a WordFinder that can tell which words it found.
type WordTeller interface {
	// Found is Blocks of the words that begin with something, which has no wildcards,
	// and those that each block has; nil where some are not known whole, or where there
	// are more than most in all.
	Found(ctx context.Context, start string, most int) (blocks *roaring.Bitmap, words map[uint32][]string, ok bool, err error)
}

// A WordOpener is a WordFinder that is opened before it is used, and again before
// each further question. What asks for no words leaves it as it is.
type WordOpener interface{ Open() error }
