package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// BlameOptions say of what and how blame is told. The zero value asks for all
// attributes.
type BlameOptions struct {
	// Attr is the attribute to look at: its name, names joined by dots, or a JSON
	// Pointer. All values that it ever had are then told, too. Empty: all.
	Attr string
	// Strict counts a write of the whole record, an insert or an upsert, as that of
	// all its attributes, and what a patch is known to have sent as written by it,
	// even where the values are as before.
	Strict bool
}

// A Blame says of each attribute of a record where its value comes from.
type Blame struct {
	Database   string           `json:"database"`
	Table      string           `json:"table"`
	Key        audit.ID         `json:"key"`
	Records    []BlamedRecord   `json:"records"` // one for each cluster that has changes of it
	Attributes []BlamedValue    `json:"attributes"`
	History    []AttributeWrite `json:"history,omitempty"` // of the attribute that was asked for, oldest first
	Summary    BlameSummary     `json:"summary"`
}

// A BlameSummary says what a blame rests on.
type BlameSummary struct {
	Changes int `json:"changes"` // of the record, messages left out
	Late    int `json:"late"`    // of those: found by reading again
	Footing
}

// A BlamedRecord is whether a record is there, and since which change.
type BlamedRecord struct {
	Cluster string      `json:"cluster,omitempty"`
	State   audit.State `json:"state"` // after the last change
	Trust   audit.Trust `json:"trust"`
	Origin  Origin      `json:"origin"` // of its being there, or not
	Change  *Ref        `json:"change"`
}

// A BlamedValue is one attribute, and the change that its value comes from.
// Objects are entered; an attribute that was taken away has no value.
type BlamedValue struct {
	Cluster string      `json:"cluster,omitempty"`
	Path    string      `json:"path"` // JSON Pointer
	Value   audit.Value `json:"value,omitzero"`
	Removed bool        `json:"removed,omitempty"` // it is no longer there
	Origin  Origin      `json:"origin"`
	Trust   audit.Trust `json:"trust"` // the least of the images since; below exact, another change may have given the value
	Change  *Ref        `json:"change"`
	Among   []Ref       `json:"among,omitempty"` // of the origin among: all changes that may have given it
}

// An AttributeWrite is one change of an attribute.
type AttributeWrite struct {
	Cluster string `json:"cluster,omitempty"`
	Edit
	Origin Origin `json:"origin"` // seen: it may have been so before
	Change *Ref   `json:"change"`
	Among  []Ref  `json:"among,omitempty"`
}

// Found says that changes of the record are stored.
func (b *Blame) Found() bool { return b.Summary.Changes > 0 }

// Known says that the record, as the last change left it, is known.
func (b *Blame) Known() bool {
	return !slices.ContainsFunc(b.Records, func(r BlamedRecord) bool { return r.State == audit.Unknown })
}

// Blame tells of each attribute of a record which change its value comes from, in
// the order of time, so that a change that was found late stands where it belongs.
// If ctx ends first, what was found is returned beside the error.
func (e *Engine) Blame(ctx context.Context, key audit.Key, o BlameOptions) (*Blame, error) {
	began := time.Now()
	h, err := e.archive()
	if err != nil {
		return nil, fmt.Errorf("blame: %w", err)
	}
	b := &Blame{Database: key.Table.Database, Table: key.Table.Name, Key: key.ID, Records: []BlamedRecord{}, Attributes: []BlamedValue{}}
	lives := map[string]life{}
	var first audit.Image
	for c, failed := range h.History(ctx, key) {
		if failed != nil {
			err = failed
			break
		}
		if c.Op.Kind() == audit.KindMessage {
			continue
		}
		if b.Summary.Changes++; c.Late {
			b.Summary.Late++
		}
		lives[c.Cluster] = lives[c.Cluster].with(c)
		if b.Summary.Changes == 1 {
			first, b.Summary.Coverage.From = lives[c.Cluster][0].Before, c.Time
		}
	}
	if err != nil && !interrupted(ctx, err) {
		return nil, fmt.Errorf("blame: %w", err)
	}
	for _, cluster := range slices.Sorted(maps.Keys(lives)) {
		b.tell(cluster, lives[cluster], o)
	}
	return b, e.foot(ctx, &b.Summary.Footing, began, err, recordScope(key, first, b.Summary.Coverage.From))
}

// tell adds what is known of the record in one cluster.
func (b *Blame) tell(cluster string, l life, o BlameOptions) {
	asked := attrFilter(o.Attr)
	var each func(audit.Edit, origin)
	if o.Attr != "" {
		each = func(e audit.Edit, by origin) {
			if asked(e.Path) {
				b.History = append(b.History, AttributeWrite{cluster, Edit(e), by.of, refPtr(&l[by.change]), l.refs(by.among)})
			}
		}
	}
	all := originsOf(l, o.Strict, each, nil)
	trusts, root := l.trusts(), all.of("")
	r := BlamedRecord{cluster, all.image.State, knownTrust(&l[root.change]), root.of, refPtr(&l[root.change])}
	if r.State == audit.Unknown {
		r.Trust = audit.NoTrust
		b.Records = append(b.Records, r)
		return
	}
	b.Records = append(b.Records, r)
	add := func(path string, v audit.Value) {
		by := all.of(path)
		if asked(path) {
			b.Attributes = append(b.Attributes, BlamedValue{cluster, path, v, v == nil, by.of, trusts[by.change], refPtr(&l[by.change]), l.refs(by.among)})
		}
	}
	if r.State == audit.Present {
		eachLeaf("", all.image.Body, add)
	}
	for path, by := range all.at {
		if path != "" && (by.of == OriginSet || by.of == OriginAmong) && all.image.Body.At(path) == nil {
			add(path, nil)
		}
	}
	slices.SortStableFunc(b.Attributes, func(x, y BlamedValue) int {
		return cmp.Or(cmp.Compare(x.Cluster, y.Cluster), cmp.Compare(x.Path, y.Path))
	})
}

// refs name changes of a life.
func (l life) refs(changes []int) []Ref {
	var out []Ref
	for _, i := range changes {
		out = append(out, RefOf(&l[i]))
	}
	return out
}

// attrFilter says of a path whether it leads to the attribute, into it, or to an
// object or array that it is a part of.
func attrFilter(attr string) func(path string) bool {
	if attr == "" {
		return func(string) bool { return true }
	}
	wanted := []string{attr}
	if !strings.HasPrefix(attr, "/") {
		dotted := ""
		for name := range strings.SplitSeq(attr, ".") {
			dotted = audit.JoinPath(dotted, name)
		}
		wanted = []string{audit.JoinPath("", attr), dotted}
	}
	inside := func(path, of string) bool { return path == of || strings.HasPrefix(path, of+"/") }
	return func(path string) bool {
		return slices.ContainsFunc(wanted, func(w string) bool { return inside(path, w) || inside(w, path) })
	}
}
