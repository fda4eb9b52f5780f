package index

import (
	"encoding/binary"
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

// keyHead is bleve's internal key for what the index knows of itself.
var keyHead = []byte("recourse.head")

// An Index is an open index. It is safe for concurrent use.
type Index struct {
	bleve  *scorch.Scorch
	queue  *bleveindex.AnalysisQueue
	dir    string
	memory int
	write  sync.Mutex // one writer at a time
	words  *words     // of the writer
	head   atomic.Pointer[head]
}

var _ query.WordFinder = (*Index)(nil)

// A head is what an index knows of itself. It is written in the same batch as
// the documents that it speaks of.
type head struct {
	version  uint64
	progress audit.Seq // every change up to it is indexed; a multiple of audit.BlockSize
}

func (h head) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, h.version)
	return binary.BigEndian.AppendUint64(b, uint64(h.progress))
}

func decodeHead(b []byte) (head, bool) {
	if len(b) != 16 {
		return head{}, false
	}
	h := head{binary.BigEndian.Uint64(b), audit.Seq(binary.BigEndian.Uint64(b[8:]))}
	return h, h.progress%audit.BlockSize == 0
}

// blocks is how many blocks are indexed, each as one document.
func (h head) blocks() int { return int(h.progress / audit.BlockSize) }

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
	// bleve and what it rests on panic on some damage.
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
	if len(entries) != 1 || !has(entries, storeDir) {
		return nil, fmt.Errorf("%w: it has another format, or is none", ErrRebuild)
	}
	// bleve would make an index where there is none.
	if _, err := os.Stat(filepath.Join(dir, storeDir, "root.bolt")); err != nil {
		return nil, openError(err)
	}
	if x, err = openBleve(dir, o); err != nil {
		return nil, err
	}
	err = x.load()
	if err == nil && !o.SkipCheck {
		err = x.check()
	}
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

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
	return &Index{bleve: b.(*scorch.Scorch), queue: queue, dir: dir, memory: o.Memory, words: newWords()}, nil
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

// load reads the head and checks that it speaks of what is there.
func (x *Index) load() (err error) {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	raw, err := s.GetInternal(keyHead)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRebuild, err)
	}
	h, ok := decodeHead(raw)
	switch {
	case !ok:
		return fmt.Errorf("%w: its making was not finished", ErrRebuild)
	case h.version != segmentVersion:
		return fmt.Errorf("%w: it has format %d and not %d", ErrRebuild, h.version, segmentVersion)
	}
	if err := checkBlocks(s, h.blocks()); err != nil {
		return fmt.Errorf("%w: %w", ErrRebuild, err)
	}
	x.head.Store(&h)
	return nil
}

// Close closes the index. Nothing is lost by not closing it.
func (x *Index) Close() error {
	err := x.bleve.Close()
	x.queue.Close()
	return err
}

// Progress is the number up to which the words of every change are indexed, and
// on the disk: a multiple of audit.BlockSize.
func (x *Index) Progress() audit.Seq { return x.head.Load().progress }
