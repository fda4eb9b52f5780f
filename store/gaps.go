package store

import (
	"context"
	"errors"
	"fmt"

	"recourse/audit"
)

// gap is an audit.Gap on disk.
type gap struct {
	Node     string `cbor:"1,keyasint,omitempty"`
	Database string `cbor:"2,keyasint,omitempty"`
	Table    string `cbor:"3,keyasint,omitempty"`
	From     uint64 `cbor:"4,keyasint"`
	To       uint64 `cbor:"5,keyasint"`
	Reason   string `cbor:"6,keyasint,omitempty"`
	Entries  int    `cbor:"7,keyasint,omitempty"`
	Observed uint64 `cbor:"8,keyasint"`
	// Format 2.
	Kind   string `cbor:"9,keyasint,omitempty"`
	Healed uint64 `cbor:"10,keyasint,omitempty"`
}

func gapOut(g audit.Gap) gap {
	return gap{Node: g.Node, Database: g.Table.Database, Table: g.Table.Name, From: bits(g.From), To: bits(g.To),
		Reason: g.Reason, Entries: g.Entries, Observed: bits(g.Observed), Kind: string(g.Kind), Healed: bits(g.Healed)}
}

func decodeGap(payload []byte) (audit.Gap, error) {
	var d gap
	if err := decode(payload, &d); err != nil {
		return audit.Gap{}, fmt.Errorf("read gap: %w", err)
	}
	return audit.Gap{Node: d.Node, Table: audit.Table{Database: d.Database, Name: d.Table},
		From: timeOf(d.From), To: timeOf(d.To), Reason: d.Reason, Entries: d.Entries, Observed: timeOf(d.Observed),
		Kind: audit.GapKind(d.Kind), Healed: timeOf(d.Healed)}, nil
}

// Gaps are the stretches that could not be read, by table, node and time. One
// that was read after all is among them, Healed.
func (db *DB) Gaps(ctx context.Context) ([]audit.Gap, error) {
	return listAll(ctx, db, kindGap, "gaps", decodeGap)
}

// grows says that a gap of that kind describes a state that lasts, so that the
// gaps found of it are one.
func grows(k audit.GapKind) bool { return k == audit.GapBefore || k == audit.GapUnaudited }

// gap stores a gap unless it lies within a known one of that table and node. A
// log that was not kept says nothing of what was deleted from it, so a gap that
// grows takes in only those of its own kind.
func (a *appender) gap(g audit.Gap) error {
	if grows(g.Kind) {
		return a.grow(g)
	}
	for _, k := range a.known.gaps[g.Table] {
		if k.Node == g.Node && k.Healed == 0 && !grows(k.Kind) && contains(&k, &g) {
			return nil
		}
	}
	a.out.Gaps++
	return a.setGap(g, nil)
}

// grow joins a gap with those of its kind, table and node that it meets. The
// newer reason stands, and the earlier time of being observed.
func (a *appender) grow(g audit.Gap) error {
	var met []audit.Gap
	for _, k := range a.known.gaps[g.Table] {
		if k.Node != g.Node || k.Kind != g.Kind || k.Healed != 0 || k.To < g.From || g.To < k.From {
			continue
		}
		if contains(&k, &g) && k.Reason == g.Reason && k.Entries >= g.Entries && k.Observed <= g.Observed {
			return nil
		}
		met = append(met, k)
	}
	for _, k := range met {
		g.From, g.To = min(g.From, k.From), max(g.To, k.To)
		g.Entries = max(g.Entries, k.Entries)
		if k.Observed < g.Observed {
			g.Observed = k.Observed
		}
		if err := a.txn.Delete(gapKey(&k)); err != nil {
			return err
		}
	}
	if len(met) == 0 {
		a.out.Gaps++
	}
	return a.setGap(g, met)
}

// heal marks the stored gaps with the limits of g as read after all.
func (a *appender) heal(g audit.Gap) error {
	if g.Healed == 0 {
		return errors.New("it is not said when it was healed")
	}
	for _, k := range a.known.gaps[g.Table] {
		if k.Node != g.Node || k.From != g.From || k.To != g.To || k.Healed != 0 {
			continue
		}
		k.Healed = g.Healed
		if err := a.setGap(k, nil); err != nil {
			return err
		}
	}
	return nil
}

// setGap writes a gap in place of some others and of the one under its key.
func (a *appender) setGap(g audit.Gap, instead []audit.Gap) error {
	var all []audit.Gap
	for _, k := range a.known.gaps[g.Table] {
		replaced := sameKey(&k, &g)
		for i := range instead {
			replaced = replaced || sameKey(&k, &instead[i])
		}
		if !replaced {
			all = append(all, k)
		}
	}
	k := a.edit()
	k.gaps = with(k.gaps, g.Table, append(all, g))
	a.touched[g.Table] = true
	return setEncoded(a.txn, gapKey(&g), gapOut(g))
}

func contains(outer, inner *audit.Gap) bool {
	return sortable(outer.From) <= sortable(inner.From) && sortable(inner.To) <= sortable(outer.To)
}

// sameKey says that two gaps of one table have one place on disk.
func sameKey(a, b *audit.Gap) bool {
	return a.Node == b.Node && bits(a.From) == bits(b.From) && bits(a.To) == bits(b.To) &&
		(a.Kind == b.Kind || !grows(a.Kind) && !grows(b.Kind))
}
