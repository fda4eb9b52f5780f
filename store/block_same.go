package store

import (
	"bytes"

	"recourse/audit"
)

// sameRow says that two rows are the same in every bit.
func sameRow(a, b *row) bool {
	return a.prev == b.prev && bits(a.prevTime) == bits(b.prevTime) && sameImageBits(&a.was, &b.was) && sameChange(&a.c, &b.c)
}

func sameChange(a, b *audit.Change) bool {
	return a.Seq == b.Seq && a.ID == b.ID && a.Cluster == b.Cluster && a.Node == b.Node &&
		bits(a.Time) == bits(b.Time) && a.User == b.User && a.Op == b.Op && a.Reported == b.Reported &&
		a.Key == b.Key && a.Nth == b.Nth && a.Group == b.Group && bits(a.Observed) == bits(b.Observed) &&
		a.Lossy == b.Lossy && a.Late == b.Late && a.Synthetic == b.Synthetic && a.Note == b.Note &&
		sameBytes(a.Sent, b.Sent) && sameImageBits(&a.Before, &b.Before) && sameImageBits(&a.After, &b.After)
}

// sameImageBits, unlike sameImage, compares all that is kept of an image.
func sameImageBits(a, b *audit.Image) bool {
	return a.State == b.State && a.Source == b.Source && a.Trust == b.Trust && sameBytes(a.Body, b.Body)
}

// sameBytes tells nil, which is no value, from an empty one.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
