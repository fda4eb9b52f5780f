package revert

import (
	"context"
	"encoding/hex"
	"iter"

	"recourse/audit"
)

// about is the record that a line is about, and what the plan knows of its history;
// false: it is about none.
func (l *PlanLine) about() (audit.Key, known, bool) {
	switch {
	case l.Action != nil:
		return l.Action.Key(), known{l.Action.History, l.Action.Expect.Version}, true
	case l.Conflict != nil:
		return l.Conflict.Key(), known{l.Conflict.History, l.Conflict.Version}, true
	case l.Kept != nil:
		return l.Kept.Key(), known{l.Kept.History, l.Kept.Version}, true
	}
	return audit.Key{}, known{}, false
}

// Histories are those of the records that the plan says something of, as Records
// yields them.
func (p *OpenedPlan) Histories(ctx context.Context, src Source, temp func() (TempFile, error)) iter.Seq2[Record, error] {
	return recordsBy(ctx, src, temp, func(keys *keySort) error {
		var one [1]audit.Key
		for l, err := range p.Lines() {
			if err != nil {
				return err
			}
			k, _, is := l.about()
			if !is {
				continue
			}
			one[0] = k
			if err := keys.add(one[:]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// A briefKnown is what a plan knows of a record's history, in few bytes.
type briefKnown struct {
	history [16]byte
	other   bool // the history is named by what is no digest
	version audit.Time
}

func (k known) brief() briefKnown {
	b := briefKnown{version: k.version}
	digest, err := hex.DecodeString(k.history)
	if b.other = err != nil || len(digest) != len(b.history) || hex.EncodeToString(digest) != k.history; !b.other {
		b.history = [16]byte(digest)
	}
	return b
}

func (b *briefKnown) known() known {
	if b.other {
		return known{version: b.version}
	}
	return known{hex.EncodeToString(b.history[:]), b.version}
}

// MovedSince is Plan.MovedSince. Of a record it keeps some hashes.
func (p *OpenedPlan) MovedSince(ctx context.Context, own map[audit.ChangeID]string, records iter.Seq2[Record, error]) ([]Move, error) {
	all := make(map[[16]byte]briefKnown, p.Records)
	for l, err := range p.Lines() {
		if err != nil {
			return nil, err
		}
		if k, knows, is := l.about(); is {
			all[recordSum(k)] = knows.brief()
		}
	}
	moves, err := p.Outline.movedOf(ctx, own, records, func(k audit.Key) (known, bool) {
		sum := recordSum(k)
		was, mine := all[sum]
		delete(all, sum)
		return was.known(), mine
	})
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		for l, err := range p.Lines() {
			if err != nil {
				return nil, err
			}
			k, _, is := l.about()
			if _, left := all[recordSum(k)]; is && left {
				delete(all, recordSum(k))
				moves = append(moves, notStored(k))
			}
		}
	}
	sortMoves(moves)
	return moves, nil
}
