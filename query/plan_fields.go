package query

import (
	"context"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// valued is the changes that have one of some values of a facet.
type valued struct {
	facet audit.Facet
	// value is the only one that counts, unless pick is set, which says whether a
	// value counts, and whether that is sure.
	value string
	pick  func(value string) (may, sure bool)
	// loose says that a change with the value need not match.
	loose bool

	found      bool
	sure, more []string // the values that count; those of more perhaps
}

// planField makes the part of a field that holds text.
func planField(f Field) part {
	text, literal := f.Pattern.Literal()
	match := func(value string) (may, sure bool) {
		ok := f.Pattern.Match(value)
		return ok, ok
	}
	p := &valued{value: text}
	if !literal {
		p.pick = match
	}
	switch f.Name {
	case FieldUser:
		p.facet = audit.FacetUser
	case FieldNode:
		p.facet = audit.FacetNode
	case FieldRule:
		p.facet = audit.FacetRule
	case FieldAttr:
		p.facet = audit.FacetAttribute
	case FieldSet, FieldUnset:
		p.facet, p.loose = audit.FacetAttribute, true
	case FieldOp, FieldKind:
		p.facet = audit.FacetOp
		p.pick = func(value string) (may, sure bool) {
			ok := f.match(&subject{c: &audit.Change{Op: audit.Op(value)}})
			return ok, ok
		}
	case FieldDB, FieldTable:
		p.facet = audit.FacetTable
		if f.Name == FieldDB || !f.Qualified() {
			p.pick = f.tablePart
		}
	default:
		return perhaps{}
	}
	return p
}

// tablePart holds the pattern against a part of DATABASE.TABLE. Harper lets no
// database have a dot in its name; should one have, it may end at any.
func (f Field) tablePart(value string) (may, sure bool) {
	sure = true
	for i := range len(value) {
		if value[i] != '.' {
			continue
		}
		if f.matchTable(audit.Table{Database: value[:i], Name: value[i+1:]}) {
			may = true
		} else {
			sure = false
		}
	}
	return may, may && sure
}

func planFlag(f Flag) part {
	// The names of the marks are those of the flags.
	p := part(&valued{facet: audit.FacetMark, value: string(f.Name)})
	if !f.Want {
		p = contrary{p}
	}
	return p
}

func (p *valued) price() int {
	if p.pick != nil {
		return priceMany
	}
	return priceSums
}

// values finds out which values count.
func (p *valued) values(ctx context.Context, r *run) error {
	if p.found {
		return nil
	}
	p.found = true
	if p.pick == nil {
		p.sure = []string{p.value}
		return nil
	}
	all, err := r.view.Values(ctx, p.facet)
	if err != nil {
		return err
	}
	for _, v := range all {
		switch may, sure := p.pick(v); {
		case sure:
			p.sure = append(p.sure, v)
		case may:
			p.more = append(p.more, v)
		}
	}
	return nil
}

func (p *valued) judge(ctx context.Context, r *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	if err := p.values(ctx, r); err != nil {
		return verdict{}, err
	}
	sure, err := r.union(ctx, s, p.facet, p.sure)
	if err != nil {
		return verdict{}, err
	}
	if p.facet == audit.FacetRule {
		return settled(sure), nil // nothing but the sums knows
	}
	may := sure
	if len(p.more) > 0 {
		more, err := r.union(ctx, s, p.facet, p.more)
		if err != nil {
			return verdict{}, err
		}
		may = roaring.Or(sure, more)
	}
	if p.loose {
		sure = s.empty
	}
	return s.doubted(ctx, r.view, sure, may)
}

// union is the changes of a section that have one of the values.
func (r *run) union(ctx context.Context, s *section, f audit.Facet, values []string) (*roaring.Bitmap, error) {
	const few = 24 // above which going through the column costs less
	switch {
	case len(values) == 0:
		return s.empty, nil
	case len(values) == 1:
		return r.view.Set(ctx, s.Index, f, values[0])
	case len(values) > few && f.Single():
		return r.unionByColumn(ctx, s, f, values)
	}
	sets := make([]*roaring.Bitmap, len(values))
	for i, v := range values {
		var err error
		if sets[i], err = r.view.Set(ctx, s.Index, f, v); err != nil {
			return nil, err
		}
	}
	return roaring.FastOr(sets...), nil
}

// unionByColumn does this by the value of each change; values are sorted.
func (r *run) unionByColumn(ctx context.Context, s *section, f audit.Facet, values []string) (*roaring.Bitmap, error) {
	codes, names, err := r.view.Column(ctx, s.Index, f)
	if err != nil {
		return nil, err
	}
	counts := make([]bool, len(names))
	for i, name := range names {
		_, counts[i] = slices.BinarySearch(values, name)
	}
	dense := make([]uint64, (len(codes)+63)/64)
	for i, code := range codes {
		if counts[code] {
			dense[i/64] |= 1 << (i % 64)
		}
	}
	return roaring.FromDense(dense, false), nil
}

// planID finds an id in every table that there is.
func planID(t Test) part {
	switch t.Op {
	case Exists:
		return everything{}
	case Is:
		id, err := audit.IDOf(t.Low)
		if err != nil {
			return contrary{everything{}}
		}
		return &records{key: audit.Key{ID: id}}
	}
	return perhaps{}
}

// records is the changes of a record, or of the records of one id in all tables.
type records struct {
	key   audit.Key
	one   bool // the key is whole
	found bool
	seqs  []audit.Seq // sorted; there may be those of other records
}

func (*records) price() int { return priceSums }

func (p *records) judge(ctx context.Context, r *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	if !p.found {
		if err := p.find(ctx, r); err != nil {
			return verdict{}, err
		}
	}
	return verdict{s.empty, s.among(p.seqs)}, nil
}

func (p *records) find(ctx context.Context, r *run) error {
	p.found = true
	keys := []audit.Key{p.key}
	if !p.one {
		tables, err := r.view.Values(ctx, audit.FacetTable)
		if err != nil {
			return err
		}
		keys = keys[:0]
		for _, t := range tables {
			for i := strings.IndexByte(t, '.'); i >= 0 && i < len(t); i++ {
				if t[i] == '.' { // more than one in a table's name: see tablePart
					keys = append(keys, audit.Key{Table: audit.Table{Database: t[:i], Name: t[i+1:]}, ID: p.key.ID})
				}
			}
		}
	}
	for _, k := range keys {
		seqs, err := r.view.Record(ctx, k)
		if err != nil {
			return err
		}
		p.seqs = append(p.seqs, seqs...)
	}
	slices.Sort(p.seqs)
	return nil
}

// among is the offsets of those of sorted numbers that are the section's.
func (s *section) among(seqs []audit.Seq) *roaring.Bitmap {
	i, _ := slices.BinarySearch(seqs, s.First)
	set := roaring.New()
	for ; i < len(seqs) && seqs[i] <= s.last(); i++ {
		set.Add(uint32(seqs[i] - s.First))
	}
	return set
}
