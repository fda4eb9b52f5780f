package query

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// Alerted matches the changes that alerts have as evidence: alerts of an id, or
// of a risk.
type Alerted struct {
	ID   Pattern // of the alert; not looked at if Risk is a test
	Risk Test    // of the alert's risk, if ByRisk
	// ByRisk says that it is the risk that is asked for.
	ByRisk bool

	at    place
	bound bool
	seqs  []audit.Seq // of the evidence, sorted
}

func (a Alerted) String() string {
	if a.ByRisk {
		return "risk" + a.Risk.String()
	}
	return "alert:" + a.ID.String()
}

func (a Alerted) match(s *subject) bool {
	if !a.bound {
		return s.unbound()
	}
	_, found := slices.BinarySearch(a.seqs, s.c.Seq)
	return found
}

// What a gap hides is no evidence yet, and may become it.
func (Alerted) might(*audit.Gap) (yes, no bool) { return true, true }

func (a Alerted) bind(ctx context.Context, b *binding) (Node, error) {
	if b.Alerts == nil {
		return nil, a.at.fail(errors.New("there are no alerts here"), "")
	}
	known := false
	for alert, err := range b.Alerts(ctx) {
		if err != nil {
			return nil, err
		}
		if a.ByRisk && !a.Risk.holds(audit.Int(int64(alert.Risk))) || !a.ByRisk && !a.ID.Match(alert.ID) {
			continue
		}
		known = true
		for _, e := range alert.Changes {
			if e.Seq != 0 {
				a.seqs = append(a.seqs, e.Seq)
			}
		}
		a.seqs = slices.AppendSeq(a.seqs, alert.Folded.All())
	}
	if id, one := a.ID.Literal(); one && !a.ByRisk && !known {
		return nil, a.at.fail(fmt.Errorf("%w: there is no alert %q", ErrUnknownName, id), "recourse alerts list shows them; alert:a1* is all whose ids begin so")
	}
	slices.Sort(a.seqs)
	a.seqs = slices.Compact(a.seqs)
	a.bound = true
	return a, nil
}

// seqSet is a known set of changes.
type seqSet struct{ seqs []audit.Seq }

func (seqSet) price() int { return priceFree }

func (p seqSet) judge(_ context.Context, _ *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	return settled(s.among(p.seqs)), nil
}

// Labelled matches the changes of tables that have a label, as rule files give
// them.
type Labelled struct {
	Label string
	at    place
}

func (l Labelled) String() string { return "label:" + literal(l.Label) }

func (l Labelled) match(s *subject) bool { return s.unbound() }

func (Labelled) might(*audit.Gap) (yes, no bool) { return true, true }

func (l Labelled) bind(ctx context.Context, b *binding) (Node, error) {
	if b.Label == nil {
		return nil, l.at.fail(errors.New("no tables have labels here"), "")
	}
	patterns, err := b.Label(ctx, l.Label)
	if errors.Is(err, ErrUnknownName) {
		return nil, l.at.fail(err, "the tables of a rule file give labels")
	}
	if err != nil {
		return nil, err
	}
	tables := Or{}
	for _, p := range patterns {
		tables = append(tables, Field{FieldTable, globPattern(canonicalGlob(p))})
	}
	return tables, nil
}

// Near matches changes by their time: around that of an alert.
type Near struct {
	Alert  string
	Around audit.Time // milliseconds before the first of its changes and after the last
	at     place
}

func (n Near) String() string {
	around := "±" + durationString(n.Around)
	if isSafe(n.Alert) {
		return "@alert:" + n.Alert + around
	}
	return "@alert:" + quote(n.Alert+around) // nothing may follow quotes
}

func (n Near) match(s *subject) bool {
	return s.unbound()
}

func (Near) might(*audit.Gap) (yes, no bool) { return true, true }

func (n Near) bind(ctx context.Context, b *binding) (Node, error) {
	if b.Alerts == nil {
		return nil, n.at.fail(errors.New("there are no alerts here"), "")
	}
	for alert, err := range b.Alerts(ctx) {
		if err != nil {
			return nil, err
		}
		if alert.ID == n.Alert {
			return And{When{AtLeast, alert.FirstTime - n.Around}, When{AtMost, alert.LastTime + n.Around}}, nil
		}
	}
	return nil, n.at.fail(fmt.Errorf("%w: there is no alert %q", ErrUnknownName, n.Alert), "recourse alerts list shows them")
}
