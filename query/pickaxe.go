package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"recourse/audit"
)

// A PickaxeMode is how a value is looked for.
type PickaxeMode string

// The modes.
const (
	PickaxeWords PickaxeMode = "words" // its words stand side by side in a value, in any case
	PickaxeExact PickaxeMode = "exact" // a value is this one: JSON for null, booleans and numbers, else text
	PickaxeRegex PickaxeMode = "regex" // a value's text matches the RE2 expression
)

// PickaxeOptions say how a value is looked for, and where. The zero value looks for
// its words everywhere.
type PickaxeOptions struct {
	Mode   PickaxeMode // empty is PickaxeWords
	Within Expr        // only records of which a change is asked for by it that carries the value
}

// A Pickaxe is where a value appeared and vanished.
type Pickaxe struct {
	Value     string         `json:"value"`
	Mode      PickaxeMode    `json:"mode"`
	Sightings []Sighting     `json:"sightings"` // by when they began
	Summary   PickaxeSummary `json:"summary"`
}

// A SightingState is whether a value is still where it was.
type SightingState string

// The states of a sighting.
const (
	SightingThere    SightingState = "there"    // after the record's last change
	SightingVanished SightingState = "vanished" // a change took it away
	SightingUnknown  SightingState = "unknown"  // how the record was after or before some change is not known
)

// A Sighting is a time in which an attribute of a record had the value, or held it
// within an array.
type Sighting struct {
	RecordRef
	Path  string        `json:"path"` // JSON Pointer
	Found audit.Value   `json:"found"`
	State SightingState `json:"state"`
	// Origin is that of the value: set by the change that it Appeared with; there
	// before that change; or first seen in it.
	Origin   Origin `json:"origin"`
	Appeared *Ref   `json:"appeared"`
	// Vanished is the change that took it away; where the state is unknown, the one
	// at which it was lost from sight. Nil: it is there.
	Vanished *Ref `json:"vanished"`
	// Unsure says that a change before that one may have taken it away: images
	// between were read too late.
	Unsure bool `json:"unsure,omitempty"`
}

// A PickaxeSummary is of all sightings together.
type PickaxeSummary struct {
	Sightings int       `json:"sightings"`
	Records   int       `json:"records"` // with a sighting
	There     int       `json:"there"`   // sightings by state
	Vanished  int       `json:"vanished"`
	Unknown   int       `json:"unknown"`
	Tables    []Counted `json:"tables"`   // sightings by table
	Messages  int       `json:"messages"` // published messages with the value; they change no record
	First     *Ref      `json:"first"`    // of the sightings' begins
	LastGone  *Ref      `json:"last_vanished"`
	Footing
}

// ErrNeedle says that what a pickaxe is to look for is nothing that can be.
var ErrNeedle = errors.New("it cannot be looked for")

// badNeedle says why.
type badNeedle struct{ hinted }

func (*badNeedle) Unwrap() error { return ErrNeedle }

// A needle is what is looked for.
type needle struct {
	expr Node // finds the changes of records that carry it, and perhaps others
	in   func(audit.Value) bool
}

func needleOf(value string, mode PickaxeMode) (needle, error) {
	switch mode {
	case PickaxeWords, "":
		w := Words{Carries: true, Tokens: Tokens(value)}
		if len(w.Tokens) == 0 {
			return needle{}, &badNeedle{hinted{"no word is in it", "look for the whole value with --exact, or for an expression with --regex"}}
		}
		return needle{w, w.finder().in}, nil
	case PickaxeRegex:
		p, err := regexPattern(value)
		if err != nil {
			return needle{}, &badNeedle{hinted{err.Error(), "the syntax is RE2's"}}
		}
		g := Grep{Carries: true, Pattern: p}
		return needle{g, g.in}, nil
	case PickaxeExact:
		lit, ok := bareValue(value)
		if !ok {
			lit = audit.Text(value)
		}
		n := needle{in: func(v audit.Value) bool { return equal(v, lit) }}
		n.expr = Where{Text: "pickaxe", Holds: func(c *audit.Change) (bool, error) {
			return anyLeaf(c.After.Body, n.in) || anyLeaf(c.Before.Body, n.in), nil
		}}
		if words := sureWords(lit); len(words) > 0 {
			n.expr = Words{Carries: true, Tokens: words}
		}
		return n, nil
	}
	return needle{}, fmt.Errorf("mode %q: want words, exact or regex", string(mode))
}

// Pickaxe finds when and where a value appeared and vanished, in each attribute of
// each record. If ctx ends first, what was found is returned beside the error.
func (e *Engine) Pickaxe(ctx context.Context, value string, o PickaxeOptions) (*Pickaxe, error) {
	began := time.Now()
	out := &Pickaxe{Value: value, Mode: cmp.Or(o.Mode, PickaxeWords), Sightings: []Sighting{}}
	n, err := needleOf(value, o.Mode)
	if err != nil {
		return nil, fmt.Errorf("pickaxe: %w", err)
	}
	expr, err := e.Names.Bind(ctx, Conjunction(Of(n.expr), o.Within))
	if err != nil {
		return nil, fmt.Errorf("pickaxe: %w", err)
	}
	set := map[audit.Key]bool{}
	_, err = e.Stream(ctx, Query{Expr: expr}, func(changes []audit.Change) error {
		for i := range changes {
			if c := &changes[i]; c.Op.Kind() != audit.KindMessage {
				set[c.Key] = true
			} else if anyLeaf(c.After.Body, n.in) {
				out.Summary.Messages++
			}
		}
		return nil
	})
	if err == nil {
		err = e.eachLife(ctx, sortedKeys(set), func(key audit.Key, cluster string, l life) error {
			out.Sightings = append(out.Sightings, sightings(key, cluster, l, n.in)...)
			return nil
		})
	}
	if err != nil && !interrupted(ctx, err) {
		return nil, fmt.Errorf("pickaxe: %w", err)
	}
	out.sum()
	return out, e.foot(ctx, &out.Summary.Footing, began, err, exprScope(expr))
}

// sum puts the sightings in order and counts them.
func (p *Pickaxe) sum() {
	slices.SortStableFunc(p.Sightings, func(a, b Sighting) int {
		return cmp.Or(cmp.Compare(a.Appeared.at, b.Appeared.at), cmp.Compare(a.Appeared.Seq, b.Appeared.Seq), cmp.Compare(a.Path, b.Path))
	})
	s := &p.Summary
	tables, records := map[string]int{}, map[RecordRef]bool{}
	for i := range p.Sightings {
		x := &p.Sightings[i]
		tables[x.Record().Table.String()]++
		records[x.RecordRef] = true
		switch x.State {
		case SightingThere:
			s.There++
		case SightingVanished:
			s.Vanished++
			if s.LastGone == nil || x.Vanished.at >= s.LastGone.at {
				s.LastGone = x.Vanished
			}
		default:
			s.Unknown++
		}
	}
	s.Sightings, s.Records, s.Tables = len(p.Sightings), len(records), counted(tables)
	if len(p.Sightings) > 0 {
		s.First = p.Sightings[0].Appeared
	}
}
