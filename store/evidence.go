package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/klauspost/compress/zstd"

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

func encodeEvidence(all []audit.Evidence, by func() (*zstd.Encoder, error)) ([]byte, error) {
	out := make([]evidence, 0, len(all))
	for _, e := range all {
		out = append(out, evidence{Seq: uint64(e.Seq), Database: e.Database, Table: e.Table, Key: string(e.Key), Time: bits(e.Time)})
	}
	b, err := encode(out)
	return squeezeBy(by, b), err
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
	kept := map[uint64]bool{}
	begin, before, changes, err := old.continued(txn, a)
	if err != nil {
		return g, err
	}
	same := begin
	for _, p := range old.Pieces[:same] {
		kept[p.Part] = true
		g.Alert.Pieces = append(g.Alert.Pieces, p)
	}
	whole := same + len(changes)/pieceSize
	at := func(piece int) int { return (piece - begin) * pieceSize }
	for i := begin; i < whole; i++ {
		next, again, err := old.piece(p, i, changes[at(i):at(i+1)])
		if err != nil {
			return g, err
		}
		if again {
			kept[next.Part] = true
		}
		if again && same == i {
			same++
		}
		g.Alert.Pieces = append(g.Alert.Pieces, next)
	}
	if rest := changes[at(whole):]; len(rest) > 0 {
		if g.Alert.Rest, err = encodeEvidence(rest, windowSqueezer); err != nil { // it is soon written anew
			return g, err
		}
	}
	for _, o := range old.Pieces {
		if !kept[o.Part] {
			g.Gone = append(g.Gone, o.Part)
		}
	}
	if a.Stored == 0 {
		if before, err = old.evidenceFrom(txn, same); err != nil {
			return g, err
		}
	}
	g.Hits = newHits(before, changes[at(same):])
	return g, g.fold(txn, p, a.Folded, old)
}

// piece is a piece of evidence, which is written unless it is that of the stored alert
// in its place.
func (d *alert) piece(p *parting, i int, some []audit.Evidence) (out piece, again bool, err error) {
	out.Sum = evidenceSum(some)
	if i < len(d.Pieces) && d.Pieces[i].Sum == out.Sum {
		return d.Pieces[i], true, nil
	}
	b, err := encodeEvidence(some, squeezer)
	if err == nil {
		out.Part, err = p.put(b)
	}
	return out, false, err
}

// continued is what an alert lists now but for its first pieces, which are those of
// the stored one, and what that lists but for these, if there are any.
func (d *alert) continued(txn *badger.Txn, a *audit.Alert) (pieces int, before, changes []audit.Evidence, err error) {
	if a.Stored == 0 {
		return 0, nil, a.Changes, nil
	}
	pieces = min(a.Stored/pieceSize, len(d.Pieces))
	before, err = d.evidenceFrom(txn, pieces)
	n := a.Stored - pieces*pieceSize
	if err == nil && n > len(before) {
		err = fmt.Errorf("%w: it is to go on after %d changes, and has %d", ErrCorrupt, a.Stored, pieces*pieceSize+len(before))
	}
	if err != nil {
		return 0, nil, nil, err
	}
	return pieces, before, slices.Concat(before[:n], a.Changes), nil
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
