package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// pieceSize is how many changes of an alert's evidence are kept together. Whole
// pieces are parts, and so are not written again when an alert grows; the rest is
// kept with the alert.
const pieceSize = 256

// A piece says where evidence is.
type piece struct {
	_    struct{} `cbor:",toarray"`
	Part uint64
	Sum  uint32 // of what the evidence says, to know it by
}

type evidence struct {
	_                    struct{} `cbor:",toarray"`
	Seq                  uint64
	Database, Table, Key string
	Time                 uint64
}

// evidenceSum is no checksum of anything on disk.
func evidenceSum(all []audit.Evidence) uint32 {
	var b []byte
	sum := uint32(0)
	for i := range all {
		e := &all[i]
		b = binary.BigEndian.AppendUint64(b[:0], uint64(e.Seq))
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(float64(e.Time)))
		for _, s := range []string{e.Database, e.Table, string(e.Key)} {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
		sum = crc32.Update(sum, castagnoli, b)
	}
	return sum
}

func encodeEvidence(all []audit.Evidence) ([]byte, error) {
	out := make([]evidence, 0, len(all))
	for _, e := range all {
		out = append(out, evidence{Seq: uint64(e.Seq), Database: e.Database, Table: e.Table, Key: string(e.Key), Time: bits(e.Time)})
	}
	b, err := encode(out)
	return squeeze(b), err
}

func decodeEvidence(payload []byte) ([]audit.Evidence, error) {
	b, err := unsqueeze(payload)
	if err != nil {
		return nil, err
	}
	var in []evidence
	if err := decode(b, &in); err != nil {
		return nil, err
	}
	return evidenceIn(in), nil
}

func evidenceIn(in []evidence) []audit.Evidence {
	var out []audit.Evidence
	for _, e := range in {
		out = append(out, audit.Evidence{Seq: audit.Seq(e.Seq), Database: e.Database, Table: e.Table, Key: audit.ID(e.Key), Time: timeOf(e.Time)})
	}
	return out
}

// evidenceFrom is the evidence of a stored alert but for its first pieces.
func (d *alert) evidenceFrom(txn *badger.Txn, pieces int) ([]audit.Evidence, error) {
	var all []audit.Evidence
	for _, p := range d.Pieces[pieces:] {
		payload, err := readPart(txn, p.Part)
		if err != nil {
			return nil, fmt.Errorf("evidence: %w", err)
		}
		some, err := decodeEvidence(payload)
		if err != nil {
			return nil, fmt.Errorf("evidence: part %d: %w", p.Part, err)
		}
		all = append(all, some...)
	}
	all = append(all, evidenceIn(d.Changes)...)
	if d.Rest != nil {
		some, err := decodeEvidence(d.Rest)
		if err != nil {
			return nil, fmt.Errorf("evidence: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// A grown is an alert to be stored in place of the one that is.
type grown struct {
	Alert alert    `cbor:"1,keyasint"`
	Hits  []uint64 `cbor:"2,keyasint,omitempty"` // changes that were no evidence for it before
	Gone  []uint64 `cbor:"3,keyasint,omitempty"` // parts of the former
}

// grow writes what is new of an alert's evidence. old is the stored alert, without
// an ID if there is none.
func grow(txn *badger.Txn, p *parting, a *audit.Alert, old *alert) (grown, error) {
	g := grown{Alert: alertOut(a)}
	same, kept := 0, map[uint64]bool{}
	whole := len(a.Changes) / pieceSize
	for i := range whole {
		some := a.Changes[i*pieceSize : (i+1)*pieceSize]
		next := piece{Sum: evidenceSum(some)}
		if i < len(old.Pieces) && old.Pieces[i].Sum == next.Sum {
			next = old.Pieces[i]
			kept[next.Part] = true
			if same == i {
				same++
			}
		} else {
			b, err := encodeEvidence(some)
			if err != nil {
				return g, err
			}
			if next.Part, err = p.put(b); err != nil {
				return g, err
			}
		}
		g.Alert.Pieces = append(g.Alert.Pieces, next)
	}
	if rest := a.Changes[whole*pieceSize:]; len(rest) > 0 {
		var err error
		if g.Alert.Rest, err = encodeEvidence(rest); err != nil {
			return g, err
		}
	}
	for _, o := range old.Pieces {
		if !kept[o.Part] {
			g.Gone = append(g.Gone, o.Part)
		}
	}
	before, err := old.evidenceFrom(txn, same)
	if err != nil {
		return g, err
	}
	g.Hits = newHits(before, a.Changes[same*pieceSize:])
	return g, g.fold(txn, p, a.Folded, old)
}

// newHits are the numbers in after that are not in before, each once; evidence
// without a number is of no change that is stored.
func newHits(before, after []audit.Evidence) []uint64 {
	known := map[audit.Seq]bool{0: true}
	for _, e := range before {
		known[e.Seq] = true
	}
	var hits []uint64
	for _, e := range after {
		if !known[e.Seq] {
			known[e.Seq] = true
			hits = append(hits, uint64(e.Seq))
		}
	}
	return hits
}

// write stores the alert; its pieces are written.
func (g *grown) write(txn *badger.Txn, l layout) error {
	var seqs []audit.Seq
	for _, s := range g.Hits {
		seqs = append(seqs, audit.Seq(s))
	}
	err := addHits(txn, l, g.Alert.Rule, seqs)
	for _, number := range g.Gone {
		if err == nil {
			err = txn.Delete(partKey(number))
		}
	}
	if err == nil {
		err = setEncoded(txn, nameKey(kindAlert, g.Alert.ID), g.Alert)
	}
	if err != nil {
		return fmt.Errorf("alert %s: %w", g.Alert.ID, err)
	}
	return nil
}

// putAlert stores an alert whose new evidence is little enough for the transaction.
func (t *teller) putAlert(txn *badger.Txn, a *audit.Alert, old *alert) error {
	p, err := partingIn(txn)
	if err != nil {
		return err
	}
	g, err := grow(txn, p, a, old)
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		return fmt.Errorf("alert %s: %w", a.ID, err)
	}
	return t.save(txn, &g, old)
}
