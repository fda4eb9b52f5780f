package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2"

	"recourse/audit"
	"recourse/query"
)

// formatVersion is of all that a document holds: the facts, the words and how
// they are cut. An index of another version is of no use.
const formatVersion = 1

// keyHead is bleve's internal key for what the index knows of itself.
var keyHead = []byte("recourse.head")

// An Index is an open index. It is safe for concurrent use.
type Index struct {
	bleve bleve.Index
	dir   string
	write sync.Mutex // one writer at a time
	head  atomic.Pointer[head]
}

var _ query.Finder = (*Index)(nil)

// A head is what an index knows of itself. It is written in the same batch as
// the documents that it speaks of.
type head struct {
	version  uint64
	progress audit.Seq // every change up to it is indexed
	docs     uint64    // how many documents there are
}

func (h head) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, h.version)
	b = binary.BigEndian.AppendUint64(b, uint64(h.progress))
	return binary.BigEndian.AppendUint64(b, h.docs)
}

func decodeHead(b []byte) (head, bool) {
	if len(b) != 24 {
		return head{}, false
	}
	return head{
		version:  binary.BigEndian.Uint64(b),
		progress: audit.Seq(binary.BigEndian.Uint64(b[8:])),
		docs:     binary.BigEndian.Uint64(b[16:]),
	}, true
}

// Options are how to open an index. The zero value is what most want.
type Options struct {
	// Wait is how long to wait for another process to close the index; 0 is a
	// second.
	Wait time.Duration
	// SkipCheck opens without reading all files. By default Open fails with
	// ErrRebuild if one does not have its checksum.
	SkipCheck bool
}

// Open opens the index in dir; one that is not there is made, empty. It fails
// with ErrRebuild if what is there is no whole index of this version, and with
// ErrBusy if another process has it open.
func Open(dir string, o Options) (*Index, error) {
	if o.Wait <= 0 {
		o.Wait = time.Second
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
	config := map[string]any{"bolt_timeout": o.Wait.String()}
	// bleve and what it rests on panic on some damage.
	defer guard(&err)
	if len(entries) == 0 {
		return create(dir, config)
	}
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == unfinished }) {
		if err := Reset(dir); err != nil {
			return nil, err
		}
		return create(dir, config)
	}
	b, err := bleve.OpenUsing(dir, config)
	if err != nil {
		return nil, openError(err)
	}
	x = &Index{bleve: b, dir: dir}
	err = x.load()
	if err == nil && !o.SkipCheck {
		err = x.check()
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return x, nil
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

// load reads the head and checks that it speaks of what is there.
func (x *Index) load() error {
	raw, err := x.bleve.GetInternal(keyHead)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRebuild, err)
	}
	h, ok := decodeHead(raw)
	switch {
	case !ok:
		return fmt.Errorf("%w: its making was not finished", ErrRebuild)
	case h.version != formatVersion:
		return fmt.Errorf("%w: it has format %d and not %d", ErrRebuild, h.version, formatVersion)
	}
	docs, err := x.bleve.DocCount()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRebuild, err)
	}
	if docs != h.docs {
		return fmt.Errorf("%w: it holds %d changes and not %d", ErrRebuild, docs, h.docs)
	}
	x.head.Store(&h)
	return nil
}

// Close closes the index. Nothing is lost by not closing it.
func (x *Index) Close() error { return x.bleve.Close() }

// Progress is the number up to which every change is indexed.
func (x *Index) Progress() audit.Seq { return x.head.Load().progress }

// Add indexes changes, as one batch: all or, with an error, none. They must
// follow on Progress without a gap, in any order; a change up to Progress is
// indexed anew.
func (x *Index) Add(ctx context.Context, changes []audit.Change) error {
	x.write.Lock()
	defer x.write.Unlock()
	seqs := make([]audit.Seq, len(changes))
	for i := range changes {
		seqs[i] = changes[i].Seq
	}
	slices.Sort(seqs)
	progress := x.Progress()
	for _, s := range slices.Compact(seqs) {
		if s == 0 || s > progress+1 {
			return fmt.Errorf("index change %d: %w", s, ErrSkipped)
		}
		progress = max(progress, s)
	}
	return x.add(ctx, changes, progress)
}

// add indexes changes and moves progress. The caller holds write.
func (x *Index) add(ctx context.Context, changes []audit.Change, progress audit.Seq) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("index changes: %w", err)
	}
	defer guard(&err)
	h := *x.head.Load()
	b := x.bleve.NewBatch()
	fresh := map[audit.Seq]bool{}
	for i := range changes {
		if err := b.IndexAdvanced(documentOf(&changes[i])); err != nil {
			return fmt.Errorf("index change %d: %w", changes[i].Seq, err)
		}
		if changes[i].Seq > h.progress {
			fresh[changes[i].Seq] = true
		}
	}
	h.progress = max(h.progress, progress)
	h.docs += uint64(len(fresh))
	b.SetInternal(keyHead, h.encode())
	if err := x.bleve.Batch(b); err != nil {
		return fmt.Errorf("index %d changes: %w", len(changes), err)
	}
	x.head.Store(&h)
	return nil
}
