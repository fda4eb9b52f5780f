package query

import (
	"context"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// First matches the first change, by its time and then its number, that has the
// values that it has of some fields together. No change knows that by itself: to
// Expr.Match none is the first.
type First struct {
	Fields []FieldName // of firstFields, at least one
}

// firstFields are the fields of which a first is known.
var firstFields = map[FieldName]audit.Facet{
	FieldUser: audit.FacetUser, FieldOp: audit.FacetOp, FieldTable: audit.FacetTable, FieldNode: audit.FacetNode,
}

func (f First) String() string {
	names := make([]string, len(f.Fields))
	for i, name := range f.Fields {
		names[i] = string(name)
	}
	return "first:" + strings.Join(names, "+")
}

func (f First) match(s *subject) bool { return s.run != nil && s.run.isFirst(f, s.c.Seq) }

func (First) might(*audit.Gap) (yes, no bool) { return true, true }

// firsts is the part of a First.
type firsts struct {
	of    First
	found bool
	sets  map[int]*roaring.Bitmap // by chunk
}

func (*firsts) price() int { return priceDictionary }

func (p *firsts) judge(ctx context.Context, r *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	sets, err := r.firsts(ctx, p.of)
	if err != nil {
		return verdict{}, err
	}
	set := sets[s.Index]
	if set == nil {
		set = s.empty
	}
	return settled(set), nil
}

// isFirst says whether a change is the first. What is asked for was found when
// the run was planned.
func (r *run) isFirst(f First, seq audit.Seq) bool {
	s := r.sectionOf(seq)
	if s == nil {
		return false
	}
	set := r.first[f.String()][s.Index]
	return set != nil && set.Contains(uint32(seq-s.First))
}

// firsts goes through the columns of all chunks once.
func (r *run) firsts(ctx context.Context, f First) (map[int]*roaring.Bitmap, error) {
	if sets, found := r.first[f.String()]; found {
		return sets, nil
	}
	best := map[string]Position{}
	for _, s := range r.sections {
		if err := r.firstsOf(ctx, f, s, best); err != nil {
			return nil, err
		}
		if len(best) > maxFirsts {
			return nil, errFirsts
		}
	}
	sets := map[int]*roaring.Bitmap{}
	for _, p := range best {
		s := r.sectionOf(p.Seq)
		if sets[s.Index] == nil {
			sets[s.Index] = roaring.New()
		}
		sets[s.Index].Add(uint32(p.Seq - s.First))
	}
	if r.first == nil {
		r.first = map[string]map[int]*roaring.Bitmap{}
	}
	r.first[f.String()] = sets
	return sets, nil
}

// maxFirsts is how many different values together a first may be asked of.
const maxFirsts = 1_000_000

var errFirsts error = &hinted{"first: finds more than a million different values", "ask for fewer fields at once"}

// firstsOf notes the earliest change of a section with each of the values.
func (r *run) firstsOf(ctx context.Context, f First, s *section, best map[string]Position) error {
	doubt, err := s.doubtful(ctx, r.view)
	if err != nil {
		return err
	}
	times, err := r.view.Times(ctx, s.Index)
	if err != nil {
		return err
	}
	codes, values := make([][]uint32, len(f.Fields)), make([][]string, len(f.Fields))
	for i, name := range f.Fields {
		if codes[i], values[i], err = r.view.Column(ctx, s.Index, firstFields[name]); err != nil {
			return err
		}
	}
	note := func(key string, p Position) {
		if old, seen := best[key]; !seen || p.Compare(old) > 0 {
			best[key] = p
		}
	}
	local := map[[4]uint32]Position{}
	var tuple [4]uint32
	for o := range s.N {
		if doubt.Contains(uint32(o)) {
			continue
		}
		for i := range codes {
			tuple[i] = codes[i][o]
		}
		p := Position{times[o], s.First + audit.Seq(o)}
		if old, seen := local[tuple]; !seen || p.Compare(old) > 0 {
			local[tuple] = p
		}
	}
	parts := make([]string, len(f.Fields))
	for tuple, p := range local {
		for i := range parts {
			parts[i] = values[i][tuple[i]]
		}
		note(tupleKey(parts), p)
	}
	return r.scanInOrder(ctx, s, doubt, func(c *audit.Change) {
		for i, name := range f.Fields {
			parts[i] = valuesOf(c, firstFields[name])[0]
		}
		note(tupleKey(parts), PositionOf(c))
	})
}

// scanInOrder reads changes of a section, one after the other.
func (r *run) scanInOrder(ctx context.Context, s *section, set *roaring.Bitmap, see func(*audit.Change)) error {
	if set.IsEmpty() {
		return nil
	}
	var seqs []audit.Seq
	for _, o := range set.ToArray() {
		seqs = append(seqs, s.First+audit.Seq(o))
	}
	changes, err := r.view.Read(ctx, seqs)
	if err != nil {
		return err
	}
	for i := range changes {
		see(&changes[i])
	}
	return nil
}

// tupleKey makes one text of several, which no others make.
func tupleKey(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.Quote(p)) // whatever bytes there are
	}
	return b.String()
}
