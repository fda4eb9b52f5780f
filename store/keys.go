package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"recourse/audit"
)

// formatVersion is the layout below. A store of a higher one is refused; one of
// a lower is converted when it is opened. Format 2 added the kinds from kindSpan
// on, and fields to changes, gaps and cursors; format 3 keeps changes in blocks; format
// 4 keeps these before all else; in format 5 one that is not full may stand in pieces; format 6
// has last images without their names.
const formatVersion = 6

// A keyKind is the first byte of a key. Numbers are big-endian, so that the
// order of keys is the order of what they stand for; see appendTime and
// appendText for the other parts. Every value is sealed by seal.
type keyKind byte

// Every key on disk. docs/storage.md says more.
const (
	kindFormat     keyKind = 'F' // → version
	kindHead       keyKind = 'H' // → seq of the newest change
	kindDivergence keyKind = 'd' // seq hash-of-reading → divergence
	kindGap        keyKind = 'g' // database table node from to → gap
	kindCursor     keyKind = 'u' // node database table → cursor
	kindProgress   keyKind = 'p' // follower → seq
	kindAlert      keyKind = 'a' // alert id → alert
	kindWindow     keyKind = 'w' // name → rule state
	kindReceipt    keyKind = 'j' // plan number → receipt
	kindJournal    keyKind = 'J' // plan → number and hash of its last receipt
	kindReverted   keyKind = 'v' // change id, plan → entry; change id alone → plan, as it was once written
	kindOwn        keyKind = 'o' // change id → plan
	kindApply      keyKind = 'A' // plan → apply
	kindChosen     keyKind = 'E' // change id → what of one of our own writes a person had chosen

	kindSpan        keyKind = 's' // node database table from → span
	kindOutbox      keyKind = 'Q' // → number of the newest delivery; sink number → delivery
	kindDead        keyKind = 'Z' // sink number → delivery that was given up
	kindEvent       keyKind = 'U' // alert id, number → line of the alert's history
	kindSilence     keyKind = 'P' // silence id → silence
	kindInhibit     keyKind = '1' // rule, alert id → alert that inhibits those of the rule
	kindLatest      keyKind = '2' // rule, group → alert that others repeat
	kindSlow        keyKind = 'q' // node database table from to → slow window
	kindObservation keyKind = 'b' // seq node → observation
	kindAmendment   keyKind = 'x' // seq → amendment
	kindAmended     keyKind = 'X' // amendment number → seq
	kindNote        keyKind = 'N' // name → note of a loop
	kindBaseline    keyKind = 'l' // baseline id → baseline
	kindSaving      keyKind = 'S' // → what the rules concluded and is not yet written as a whole
	kindPart        keyKind = 'W' // number → part of what is too large for one value
	kindBaseRecord  keyKind = 'L' // database table id cluster version baseline-id → base record

	// Sums. A level is levelChunk or levelShelf, a number that of a chunk or a
	// shelf; both numbers and generations have 4 bytes here, see sum_keys.go.
	kindSums       keyKind = 'K' // → how many chunks and shelves are summed up
	kindChunk      keyKind = 'C' // chunk → what is known of it, and which generation counts
	kindShelf      keyKind = 'G' // shelf → which generations were merged into it
	kindTimes      keyKind = 'T' // chunk → times of its changes
	kindColumn     keyKind = 'O' // facet chunk generation → the value that each change has
	kindCounts     keyKind = 'M' // facet level number generation page → values and how many changes have each
	kindSet        keyKind = 'B' // facet value level number generation → changes that have it
	kindRecordHash keyKind = 'R' // level group number → changes by the hash of their record
	kindIDHash     keyKind = 'I' // level group number → changes by the begin of their id
	kindHits       keyKind = 'h' // rule chunk lowest-offset → changes that are evidence for the rule
	kindDoubtful   keyKind = 'D' // chunk → changes that its sums may be wrong about

	kindBlock  keyKind = '0' // number → link of the chain, block; the lowest of all kinds, see kindOldBlock
	kindPiece  keyKind = '3' // number piece → piece of a block that is not full and too large for one value
	kindBody   keyKind = 'y' // seq part → a body too large for a block
	kindImage  keyKind = 'f' // record's hash → its last image
	kindShape  keyKind = '4' // number → names of the attributes of last images
	kindImaged keyKind = 'k' // → seq up to which the last images are those on disk
	kindStale  keyKind = 'z' // chunk → changes that are not as their blocks have them

	kindConvert keyKind = 'V' // → how many changes of an earlier format there are to be converted
)

// Texts are written with a tag, so that a hash is never mistaken for a text.
const (
	tagText byte = 1 // the text, 0x00 written as 0x00 0xff, ended by 0x00 0x01
	tagHash byte = 2 // SHA-256 of a text longer than maxKeyText
	// maxKeyText keeps the longest key, four texts of escaped zeros, far below
	// Badger's limit of 65,000 bytes.
	maxKeyText = 1024
)

// appendText writes a text such that no other text's writing begins with it,
// and that short texts sort as they do in Go.
func appendText(dst []byte, s string) []byte {
	if len(s) > maxKeyText {
		sum := sha256.Sum256([]byte(s))
		return append(append(dst, tagHash), sum[:]...)
	}
	dst = append(dst, tagText)
	for i := range len(s) {
		if dst = append(dst, s[i]); s[i] == 0 {
			dst = append(dst, 0xff)
		}
	}
	return append(dst, 0, 1)
}

// cutText reads what appendText wrote: the text, or its hash if it was long.
func cutText(b []byte) (text string, hashed bool, rest []byte, ok bool) {
	if len(b) == 0 {
		return "", false, nil, false
	}
	tag, b := b[0], b[1:]
	switch {
	case tag == tagHash && len(b) >= sha256.Size:
		return string(b[:sha256.Size]), true, b[sha256.Size:], true
	case tag != tagText:
		return "", false, nil, false
	}
	var s []byte
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 || i+1 == len(b) {
			return "", false, nil, false
		}
		s = append(s, b[:i]...)
		end := b[i+1] == 1
		if !end && b[i+1] != 0xff {
			return "", false, nil, false
		}
		b = b[i+2:]
		if end {
			return string(s), false, b, len(s) <= maxKeyText
		}
		s = append(s, 0)
	}
}

// sortable maps a time to an integer of the same order, bit for bit back: the
// sign bit is flipped, and below zero all the others. -0 comes just before 0,
// and NaNs at the ends (IEEE 754's totalOrder).
func sortable(t audit.Time) uint64 {
	b := math.Float64bits(float64(t))
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

func unsortable(u uint64) audit.Time {
	if u>>63 == 1 {
		return audit.Time(math.Float64frombits(u &^ (1 << 63)))
	}
	return audit.Time(math.Float64frombits(^u))
}

func appendUint(dst []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(dst, n) }

func appendTime(dst []byte, t audit.Time) []byte { return appendUint(dst, sortable(t)) }

// A place is where a change stands among those of its record, or of all.
type place struct {
	time uint64 // sortable
	seq  audit.Seq
}

func placeOf(c *audit.Change) place { return place{sortable(c.Time), c.Seq} }

func (p place) compare(q place) int {
	switch {
	case p == q:
		return 0
	case p.time < q.time || p.time == q.time && p.seq < q.seq:
		return -1
	}
	return 1
}

func appendPlace(dst []byte, p place) []byte {
	return appendUint(appendUint(dst, p.time), uint64(p.seq))
}

// cutPlace reads the place that a key ends with.
func cutPlace(key []byte) (place, bool) {
	if len(key) < 17 {
		return place{}, false
	}
	b := key[len(key)-16:]
	return place{binary.BigEndian.Uint64(b), audit.Seq(binary.BigEndian.Uint64(b[8:]))}, true
}

func formatKey() []byte { return []byte{byte(kindFormat)} }
func headKey() []byte   { return []byte{byte(kindHead)} }

func idKey(kind keyKind, id audit.ChangeID) []byte { return append([]byte{byte(kind)}, id[:]...) }

func divergencePrefix(s audit.Seq) []byte {
	return appendUint([]byte{byte(kindDivergence)}, uint64(s))
}

// gapKey has the kind of a gap that may share its limits with another.
func gapKey(g *audit.Gap) []byte {
	dst := appendText(tableKey(kindGap, g.Table), g.Node)
	dst = appendTime(appendTime(dst, g.From), g.To)
	if grows(g.Kind) {
		dst = appendText(dst, string(g.Kind))
	}
	return dst
}

// nodeKey begins the keys of what belongs to one table's log on one node.
func nodeKey(kind keyKind, node string, t audit.Table) []byte {
	dst := appendText([]byte{byte(kind)}, node)
	return appendText(appendText(dst, t.Database), t.Name)
}

func cursorKey(node string, t audit.Table) []byte { return nodeKey(kindCursor, node, t) }

func spanKey(s *audit.Span) []byte { return appendTime(nodeKey(kindSpan, s.Node, s.Table), s.From) }

func slowKey(w *audit.SlowWindow) []byte {
	return appendTime(appendTime(nodeKey(kindSlow, w.Node, w.Table), w.From), w.To)
}

func observationPrefix(s audit.Seq) []byte {
	return appendUint([]byte{byte(kindObservation)}, uint64(s))
}

func observationKey(s audit.Seq, node string) []byte { return appendText(observationPrefix(s), node) }

func amendmentKey(s audit.Seq) []byte { return appendUint([]byte{byte(kindAmendment)}, uint64(s)) }

func amendedKey(number uint64) []byte { return appendUint([]byte{byte(kindAmended)}, number) }

// basePrefix begins the keys of one record's base records, in all clusters.
func basePrefix(k audit.Key) []byte {
	return appendText(tableKey(kindBaseRecord, k.Table), string(k.ID))
}

// baseKey keeps the records of different baselines apart, though they be of one
// version: what a baseline lacks is evidence too.
func baseKey(r *audit.BaseRecord) []byte {
	dst := appendText(basePrefix(r.Key), r.Cluster)
	return appendText(appendTime(dst, r.Version), r.Baseline)
}

func tableKey(kind keyKind, t audit.Table) []byte {
	return appendText(appendText([]byte{byte(kind)}, t.Database), t.Name)
}

func nameKey(kind keyKind, name string) []byte { return appendText([]byte{byte(kind)}, name) }

func entryKey(id audit.ChangeID, plan string) []byte {
	return appendText(idKey(kindReverted, id), plan)
}

func eventKey(alert string, number int) []byte {
	return appendUint(nameKey(kindEvent, alert), uint64(number))
}

func deliveryKey(kind keyKind, sink string, number uint64) []byte {
	return appendUint(nameKey(kind, sink), number)
}

func receiptKey(plan string, number uint64) []byte {
	return appendUint(nameKey(kindReceipt, plan), number)
}
