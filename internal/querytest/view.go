package querytest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// A view is a Memory at one moment.
type view struct {
	m       *Memory
	changes []audit.Change
	*sums
}

// sums are what a view tells without its changes.
type sums struct {
	chunks []audit.Chunk
	sets   map[setOf]*chunkSet
	values map[audit.Facet][]string
	times  map[int][]audit.Time
	doubt  map[int]*roaring.Bitmap
	words  sync.Map // audit.Seq → []string, sorted: of a change's images
}

type setOf struct {
	chunk int
	facet audit.Facet
}

// A chunkSet is the sums of a facet in a chunk.
type chunkSet struct {
	sets   map[string]*roaring.Bitmap
	codes  []uint32
	values []string
}

// Close implements query.View.
func (v *view) Close() { v.m.Open.Add(-1) }

// Last implements query.View.
func (v *view) Last() audit.Seq { return audit.Seq(len(v.changes)) }

// Chunks implements query.View.
func (v *view) Chunks() []audit.Chunk { return v.chunks }

// facet sums a chunk up.
func (v *view) facet(chunk int, f audit.Facet) *chunkSet {
	if s := v.sets[setOf{chunk, f}]; s != nil {
		return s
	}
	s := &chunkSet{sets: map[string]*roaring.Bitmap{}}
	c := v.chunks[chunk]
	for i := range c.N {
		for _, value := range v.m.facts[int(c.First)-1+i][f] {
			if s.sets[value] == nil {
				s.sets[value] = roaring.New()
			}
			s.sets[value].Add(uint32(i))
		}
	}
	for value := range s.sets {
		s.values = append(s.values, value)
	}
	slices.Sort(s.values)
	if f.Single() {
		s.codes = make([]uint32, c.N)
		for code, value := range s.values {
			for _, o := range s.sets[value].ToArray() {
				s.codes[o] = uint32(code)
			}
		}
	}
	v.sets[setOf{chunk, f}] = s
	return s
}

// Set implements query.View.
func (v *view) Set(_ context.Context, chunk int, f audit.Facet, value string) (*roaring.Bitmap, error) {
	if s := v.facet(chunk, f).sets[value]; s != nil {
		return s, nil
	}
	return roaring.New(), nil
}

// Doubtful implements query.View.
func (v *view) Doubtful(_ context.Context, chunk int) (*roaring.Bitmap, error) {
	if set := v.doubt[chunk]; set != nil {
		return set, nil
	}
	set := roaring.New()
	v.doubt[chunk] = set
	c := v.chunks[chunk]
	for i := range c.N {
		if v.m.doubt[int(c.First)-1+i] {
			set.Add(uint32(i))
		}
	}
	return set, nil
}

// Values implements query.View.
func (v *view) Values(_ context.Context, f audit.Facet) ([]string, error) {
	if out, ok := v.values[f]; ok {
		return out, nil
	}
	all := map[string]bool{}
	for i := range v.changes {
		for _, value := range v.m.facts[i][f] {
			all[value] = true
		}
		for _, value := range factsOf(&v.changes[i], nil)[f] {
			all[value] = true
		}
	}
	out := make([]string, 0, len(all))
	for value := range all {
		out = append(out, value)
	}
	slices.Sort(out)
	v.values[f] = out
	return out, nil
}

// Counts implements query.View.
func (v *view) Counts(_ context.Context, chunk int, f audit.Facet) (map[string]int, error) {
	out := map[string]int{}
	for value, set := range v.facet(chunk, f).sets {
		out[value] = int(set.GetCardinality())
	}
	return out, nil
}

// Column implements query.View.
func (v *view) Column(_ context.Context, chunk int, f audit.Facet) (codes []uint32, values []string, err error) {
	if !f.Single() {
		return nil, nil, fmt.Errorf("no column of %s", f)
	}
	s := v.facet(chunk, f)
	return s.codes, s.values, nil
}

func (v *view) part(chunk int) []audit.Change {
	c := v.chunks[chunk]
	return v.changes[c.First-1 : int(c.First)-1+c.N]
}

// Times implements query.View.
func (v *view) Times(_ context.Context, chunk int) ([]audit.Time, error) {
	if out, ok := v.times[chunk]; ok {
		return out, nil
	}
	part := v.part(chunk)
	out := make([]audit.Time, len(part))
	for i := range part {
		out[i] = part[i].Time
	}
	v.times[chunk] = out
	return out, nil
}

// ByTime implements query.View.
func (v *view) ByTime(_ context.Context, chunk int) ([]uint16, error) {
	part := v.part(chunk)
	if v.chunks[chunk].Ordered {
		return nil, nil
	}
	order := make([]uint16, len(part))
	for i := range order {
		order[i] = uint16(i)
	}
	slices.SortStableFunc(order, func(a, b uint16) int { return cmp.Compare(part[a].Time, part[b].Time) })
	return order, nil
}

// Record implements query.View. As with a store's buckets, there are changes of
// other records among those of the record.
func (v *view) Record(_ context.Context, k audit.Key) ([]audit.Seq, error) {
	var out []audit.Seq
	for i := range v.changes {
		if v.changes[i].Key == k || i%97 == len(k.ID) {
			out = append(out, audit.Seq(i+1))
		}
	}
	return out, nil
}

// Block implements query.View.
func (v *view) Block(ctx context.Context, block int) ([]audit.Change, error) {
	from := block * audit.BlockSize
	if from >= len(v.changes) {
		return nil, fmt.Errorf("no block %d", block)
	}
	v.m.Blocks.Add(1)
	part := v.changes[from:min(from+audit.BlockSize, len(v.changes))]
	v.m.Reads.Add(int64(len(part)))
	return slices.Clone(part), ctx.Err()
}

// Read implements query.View.
func (v *view) Read(ctx context.Context, seqs []audit.Seq) ([]audit.Change, error) {
	v.m.Reads.Add(int64(len(seqs)))
	out := make([]audit.Change, len(seqs))
	for i, s := range seqs {
		if i > 0 && s <= seqs[i-1] || s == 0 || int(s) > len(v.changes) {
			return nil, fmt.Errorf("no change %d after %v", s, seqs[:i])
		}
		out[i] = v.changes[s-1]
	}
	return out, ctx.Err()
}

// Outlines implements query.View.
func (v *view) Outlines(ctx context.Context, seqs []audit.Seq) ([]audit.Change, error) {
	out, err := v.Read(ctx, seqs)
	for i := range out {
		out[i] = Outline(out[i])
	}
	return out, err
}

// Outline is a change as View.Outlines has it.
func Outline(c audit.Change) audit.Change {
	c.ID, c.Before.Body, c.After.Body, c.Sent = audit.ChangeID{}, nil, nil, nil
	return c
}

// Touching implements query.View.
func (v *view) Touching(ctx context.Context, keys []audit.Key) ([]audit.Seq, error) {
	var out []audit.Seq
	for _, k := range keys {
		seqs, err := v.Record(ctx, k)
		if err != nil {
			return nil, err
		}
		out = append(out, seqs...)
	}
	slices.Sort(out)
	return slices.Compact(out), ctx.Err()
}
