package query

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// A verdict is what is known of a chunk's changes before any is read: those
// that surely match, and those that may, of which the former are a part. Where
// both are one set, all is known. The sets are not changed once they are made.
type verdict struct{ sure, may *roaring.Bitmap }

func settled(set *roaring.Bitmap) verdict { return verdict{set, set} }

func (v verdict) exact() bool {
	return v.sure == v.may || v.sure.GetCardinality() == v.may.GetCardinality()
}

func (v verdict) and(w verdict) verdict {
	may := roaring.And(v.may, w.may)
	if v.sure == v.may && w.sure == w.may {
		return verdict{may, may}
	}
	return verdict{roaring.And(v.sure, w.sure), may}
}

func (v verdict) or(w verdict) verdict {
	may := roaring.Or(v.may, w.may)
	if v.sure == v.may && w.sure == w.may {
		return verdict{may, may}
	}
	return verdict{roaring.Or(v.sure, w.sure), may}
}

// not is the verdict on the contrary.
func (v verdict) not(full *roaring.Bitmap) verdict {
	sure := roaring.AndNot(full, v.may)
	if v.sure == v.may {
		return verdict{sure, sure}
	}
	return verdict{sure, roaring.AndNot(full, v.sure)}
}

// A section is one chunk of a view, in the course of a run.
type section struct {
	audit.Chunk
	full  *roaring.Bitmap // all of its offsets
	empty *roaring.Bitmap
	doubt *roaring.Bitmap // nil until somebody asks
}

func newSection(c audit.Chunk) *section {
	s := &section{Chunk: c, full: roaring.New(), empty: roaring.New()}
	s.full.AddRange(0, uint64(c.N))
	return s
}

// last is the number of the chunk's last change.
func (s *section) last() audit.Seq { return s.First + audit.Seq(s.N) - 1 }

// span is the offsets of the numbers from one to another, both included.
func (s *section) span(from, to audit.Seq) *roaring.Bitmap {
	set := roaring.New()
	s.addSpan(set, from, to)
	return set
}

func (s *section) addSpan(set *roaring.Bitmap, from, to audit.Seq) {
	from, to = max(from, s.First), min(to, s.last())
	if from <= to {
		set.AddRange(uint64(from-s.First), uint64(to-s.First)+1)
	}
}

// doubtful is the changes that the sums may be wrong about.
func (s *section) doubtful(ctx context.Context, v View) (*roaring.Bitmap, error) {
	if s.doubt == nil {
		d, err := v.Doubtful(ctx, s.Index)
		if err != nil {
			return nil, err
		}
		s.doubt = d
	}
	return s.doubt, nil
}

// doubted is a verdict by sums: sure of what they say of changes that they are
// not wrong about.
func (s *section) doubted(ctx context.Context, v View, sure, may *roaring.Bitmap) (verdict, error) {
	d, err := s.doubtful(ctx, v)
	if err != nil {
		return verdict{}, err
	}
	if d.IsEmpty() {
		return verdict{sure, may}, nil
	}
	return verdict{roaring.AndNot(sure, d), roaring.Or(may, d)}, nil
}
