package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"recourse/audit"
	"recourse/query"
)

// An Index is an open index. It is safe for concurrent use.
type Index struct {
	bleve  *scorch.Scorch
	queue  *bleveindex.AnalysisQueue
	dir    string
	memory int
	write  sync.Mutex // one writer at a time
	words  *words     // of the writer
	// stopped says that bleve does no more; the writer's.
	stopped  bool
	patience time.Duration
	head     atomic.Pointer[head]
}

var _ query.WordFinder = (*Index)(nil)

// Options are how to open an index. The zero value is what most want.
type Options struct {
	// Wait is how long to wait for another process to close the index; 0 is a
	// second.
	Wait time.Duration
	// SkipCheck opens without reading all files. By default Open fails with
	// ErrRebuild if one does not have its checksums. What is read later is held
	// against them in any case.
	SkipCheck bool
	// Memory is about how many bytes the words of one batch may take, besides
	// those of its last block; 0 is 64 MiB. Usual changes need an eighth of it.
	Memory int
}

// Open opens the index in dir; one that is not there is made, empty. It fails
// with ErrRebuild if what is there is no whole index of this version, and with
// ErrBusy if another process has it open.
func Open(dir string, o Options) (*Index, error) {
	if o.Wait <= 0 {
		o.Wait = time.Second
	}
	if o.Memory <= 0 {
		o.Memory = 64 << 20
	}
	x, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open index %s: %w", dir, err)
	}
	return x, nil
}

func open(dir string, o Options) (x *Index, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	// bleve and what it rests on panic on some damage, or read beyond a file.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err)
	if len(entries) == 0 {
		return create(dir, o)
	}
	if has(entries, unfinished) {
		if err := Reset(dir); err != nil {
			return nil, err
		}
		return create(dir, o)
	}
	if has(entries, earlierFile) {
		return nil, ErrEarlier
	}
	if !has(entries, storeDir) || slices.ContainsFunc(entries, foreign) {
		return nil, fmt.Errorf("%w: it has another format, or is none", ErrRebuild)
	}
	newest, err := newestHead(dir, o.Wait)
	if err != nil {
		return nil, openError(err)
	}
	if x, err = openBleve(dir, o); err != nil {
		return nil, err
	}
	err = x.load(newest)
	if err == nil && !o.SkipCheck {
		err = x.check()
	}
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

// earlierFile is in an index of bleve's own making, which those of this format
// are not.
const earlierFile = "index_meta.json"

// foreign is what a folder with an index of this format does not have.
func foreign(e os.DirEntry) bool { return e.Name() != storeDir && e.Name() != sealFile }

func has(entries []os.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name })
}

// openBleve opens what bleve keeps of the index.
func openBleve(dir string, o Options) (*Index, error) {
	register()
	config := map[string]any{
		"path":                   filepath.Join(dir, storeDir),
		"bolt_timeout":           o.Wait.String(),
		"forceSegmentType":       segmentKind,
		"forceSegmentVersion":    segmentVersion,
		"scorchMergePlanOptions": mergePlan,
	}
	queue := bleveindex.NewAnalysisQueue(1)
	b, err := scorch.NewScorch(scorch.Name, config, queue)
	if err == nil {
		err = b.Open()
	}
	if err != nil {
		queue.Close()
		return nil, openError(err)
	}
	return &Index{bleve: b.(*scorch.Scorch), queue: queue, dir: dir, memory: o.Memory, words: newWords(), patience: patience}, nil
}

// guard turns a panic over damaged files into ErrRebuild.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: it is damaged: %v at %s", ErrRebuild, r, panicked(string(debug.Stack())))
	}
}

// panicked is the function that a stack says panicked.
func panicked(stack string) string {
	_, after, _ := strings.Cut(stack, "panic(")
	lines := strings.SplitN(after, "\n", 4)
	if len(lines) < 3 {
		return "an unknown place"
	}
	return strings.TrimSpace(lines[2])
}

// openError tells a held index from a damaged one. bbolt's error for the one
// is not exported by bleve.
func openError(err error) error {
	switch {
	case strings.Contains(err.Error(), "timeout"):
		return ErrBusy
	case errors.Is(err, os.ErrPermission):
		return err
	}
	return fmt.Errorf("%w: %w", ErrRebuild, err)
}

// snapshot is the index as it is now. It must be closed.
func (x *Index) snapshot() (*scorch.IndexSnapshot, error) {
	r, err := x.bleve.Reader()
	if err != nil {
		return nil, err
	}
	s, ok := r.(*scorch.IndexSnapshot)
	if !ok || s == nil {
		return nil, errors.New("the index is closed")
	}
	return s, nil
}

// Close closes the index. Nothing is lost by not closing it.
func (x *Index) Close() error {
	x.write.Lock()
	defer x.write.Unlock()
	err := x.attempt(x.bleve.Close)
	x.queue.Close()
	if err == nil && x.head.Load() != nil {
		err = seal(x.dir)
	}
	return err
}

// Progress is the number up to which the words of every change are indexed, and
// on the disk: a multiple of audit.BlockSize.
func (x *Index) Progress() audit.Seq { return x.head.Load().progress }

// Behind is how many changes [Index.Follow] would index of a store whose newest
// change is last. Those of a block that is not whole yet do not count.
func (x *Index) Behind(last audit.Seq) audit.Seq {
	whole := last - last%audit.BlockSize
	return whole - min(x.Progress(), whole)
}
