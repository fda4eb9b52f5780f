package store

import (
	"crypto/sha256"
	"math"

	"recourse/audit"
)

func bits(t audit.Time) uint64 { return math.Float64bits(float64(t)) }

func timeOf(b uint64) audit.Time { return audit.Time(math.Float64frombits(b)) }

// divergence is an audit.Divergence on disk.
type divergence struct {
	Seq      uint64 `cbor:"1,keyasint"`
	Node     string `cbor:"2,keyasint,omitempty"`
	Observed uint64 `cbor:"3,keyasint"`
	Op       string `cbor:"4,keyasint,omitempty"`
	User     string `cbor:"5,keyasint,omitempty"`
	After    *image `cbor:"6,keyasint,omitempty"`
}

func encodeDivergence(v *audit.Divergence) ([]byte, error) {
	return encode(divergence{Seq: uint64(v.Seq), Node: v.Node, Observed: bits(v.Observed),
		Op: string(v.Op), User: v.User, After: imageOut(v.After)})
}

func decodeDivergence(payload []byte) (audit.Divergence, error) {
	var d divergence
	if err := decode(payload, &d); err != nil {
		return audit.Divergence{}, err
	}
	return audit.Divergence{Seq: audit.Seq(d.Seq), Node: d.Node, Observed: timeOf(d.Observed),
		Op: audit.Op(d.Op), User: d.User, After: imageIn(d.After)}, nil
}

// readingHash is the hash of what a reading says.
func readingHash(c *audit.Change) [sha256.Size]byte {
	key := appendText(appendText(nil, string(c.Op)), c.User)
	return sha256.Sum256(append(append(key, byte(c.After.State)), c.After.Body...))
}

// divergenceKey has one place for every distinct reading of a change.
func divergenceKey(seq audit.Seq, c *audit.Change) []byte {
	hash := readingHash(c)
	return append(divergencePrefix(seq), hash[:]...)
}
