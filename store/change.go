package store

import (
	"crypto/sha256"
	"fmt"
	"math"

	"recourse/audit"
)

// change is an audit.Change on disk. Times are the bits of their float64, which
// CBOR's floats would not keep of a NaN. The numbers are never used again for
// something else.
type change struct {
	ID       []byte `cbor:"1,keyasint"`
	Cluster  string `cbor:"2,keyasint,omitempty"`
	Node     string `cbor:"3,keyasint,omitempty"`
	Time     uint64 `cbor:"4,keyasint"`
	User     string `cbor:"5,keyasint,omitempty"`
	Op       string `cbor:"6,keyasint,omitempty"`
	Reported string `cbor:"7,keyasint,omitempty"`
	Database string `cbor:"8,keyasint,omitempty"`
	Table    string `cbor:"9,keyasint,omitempty"`
	Key      string `cbor:"10,keyasint,omitempty"`
	Nth      int    `cbor:"11,keyasint,omitempty"`
	Before   *image `cbor:"12,keyasint,omitempty"` // only if the log held it
	After    *image `cbor:"13,keyasint,omitempty"`
	Size     int    `cbor:"14,keyasint,omitempty"`
	Index    int    `cbor:"15,keyasint,omitempty"`
	Observed uint64 `cbor:"16,keyasint"`
	Lossy    bool   `cbor:"17,keyasint,omitempty"`
	Late     bool   `cbor:"18,keyasint,omitempty"`
	Note     string `cbor:"19,keyasint,omitempty"`
	// Format 2.
	Sent      []byte `cbor:"20,keyasint,omitempty"`
	Synthetic bool   `cbor:"21,keyasint,omitempty"`
}

func bits(t audit.Time) uint64 { return math.Float64bits(float64(t)) }

func timeOf(b uint64) audit.Time { return audit.Time(math.Float64frombits(b)) }

// encodeChange leaves out Seq, which the key says, and a Before that can be
// derived.
func encodeChange(c *audit.Change) ([]byte, error) {
	d := change{
		ID: c.ID[:], Cluster: c.Cluster, Node: c.Node, Time: bits(c.Time), User: c.User,
		Op: string(c.Op), Reported: string(c.Reported),
		Database: c.Key.Table.Database, Table: c.Key.Table.Name, Key: string(c.Key.ID),
		Nth: c.Nth, After: imageOut(c.After), Size: c.Group.Size, Index: c.Group.Index,
		Observed: bits(c.Observed), Lossy: c.Lossy, Late: c.Late, Note: c.Note,
		Sent: c.Sent, Synthetic: c.Synthetic,
	}
	if c.Before.Source == audit.Logged {
		d.Before = imageOut(c.Before)
	}
	return encode(d)
}

func decodeChange(seq audit.Seq, payload []byte) (audit.Change, error) {
	var d change
	if err := decode(payload, &d); err != nil {
		return audit.Change{}, err
	}
	c := audit.Change{
		Seq: seq, Cluster: d.Cluster, Node: d.Node, Time: timeOf(d.Time), User: d.User,
		Op: audit.Op(d.Op), Reported: audit.Op(d.Reported),
		Key: audit.Key{Table: audit.Table{Database: d.Database, Name: d.Table}, ID: audit.ID(d.Key)},
		Nth: d.Nth, Before: imageIn(d.Before), After: imageIn(d.After),
		Group: audit.Group{Size: d.Size, Index: d.Index}, Observed: timeOf(d.Observed),
		Lossy: d.Lossy, Late: d.Late, Note: d.Note, Sent: d.Sent, Synthetic: d.Synthetic,
	}
	if len(d.ID) != len(c.ID) {
		return audit.Change{}, fmt.Errorf("%w: an id of %d bytes", ErrCorrupt, len(d.ID))
	}
	copy(c.ID[:], d.ID)
	return c, nil
}

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
