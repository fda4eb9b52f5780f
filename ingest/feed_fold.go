package ingest

import (
	"context"

	"recourse/audit"
)

// A folding is what the changes that a feed has shown of one table lead to: what
// the next patch of each record is applied to. The zero value is empty.
type folding struct {
	held map[audit.ID]heldImage
	// doubts counts the entries that were met of which not even the key is known.
	doubts int
}

// A heldImage is the image after the newest change of a record that was shown.
type heldImage struct {
	image audit.Image
	time  audit.Time
	// stored says that the store has the change, and image.Body is not kept.
	stored bool
	doubts int // as many as there were then
}

// mostHeld is of how many records it is known that the feed has shown all of
// their newest changes. The images of others are provisional when a patch comes
// long after what it is applied to.
const mostHeld = 200_000

// add takes note of a change. One that is dated before the record's newest does
// not change what later ones are applied to by their times; what Harper made of
// it is not told, so the images that follow are not sure.
func (f *folding) add(c *audit.Change) {
	if f.held == nil {
		f.held = map[audit.ID]heldImage{}
	}
	if h, there := f.held[c.Key.ID]; there && h.time > c.Time {
		if h.image.Source == audit.Folded {
			h.image.Trust = min(h.image.Trust, audit.Provisional)
			f.held[c.Key.ID] = h
		}
		return
	}
	f.held[c.Key.ID] = heldImage{image: c.After, time: c.Time, doubts: f.doubts}
}

// doubt says that any record may have changed in a way that nobody can tell.
func (f *folding) doubt() { f.doubts++ }

// trusted is an image from when there were so many doubts, as far as it can be
// trusted now.
func (f *folding) trusted(image audit.Image, doubts int) audit.Image {
	if doubts < f.doubts {
		image.Trust = min(image.Trust, audit.Provisional)
	}
	return image
}

// stored says that the store has all changes now. The bodies of images are read
// from there, but for those of the transaction that is going on: what is stored
// of that is not before what is still to come of it.
func (f *folding) stored(now audit.Time) {
	if len(f.held) > mostHeld {
		clear(f.held)
	}
	for id, h := range f.held {
		if h.time != now {
			h.image.Body, h.stored = nil, true
			f.held[id] = h
		}
	}
}

// before is the image before a change that the feed tells. Where the feed has
// shown the record's changes since, or its log is known up to where the feed
// begins, the image is as trustworthy as the change that led to it: what the
// store does not know yet is that nothing came in between.
func (f *feeding) before(ctx context.Context, d *fed, c *audit.Change) (audit.Image, error) {
	h, shown := d.fold.held[c.Key.ID]
	if shown && h.time > c.Time {
		// It is dated back: what was before it stands in the store.
		if err := f.flush(ctx); err != nil {
			return audit.Image{}, err
		}
		return f.t.o.Store.AsOf(ctx, c.Cluster, c.Key, c.Time)
	}
	if shown && !h.stored {
		return d.fold.trusted(h.image, h.doubts), nil
	}
	image, err := f.t.o.Store.AsOf(ctx, c.Cluster, c.Key, c.Time)
	switch {
	case err != nil:
		return image, err
	case shown && h.image.State == image.State:
		image.Trust = h.image.Trust
		return d.fold.trusted(image, h.doubts), nil
	case shown:
		return audit.Image{}, nil
	case image.State == audit.Unknown || image.Trust > audit.Provisional || f.from <= 0 || c.Time < f.from:
		return d.fold.trusted(image, 0), nil
	}
	// Whatever came since the feed's begin it has shown, and that is nothing.
	known, err := f.t.o.Store.AsOf(ctx, c.Cluster, c.Key, f.from)
	if err == nil && known.State == image.State && known.Body.Equal(image.Body) {
		image = known
	}
	return d.fold.trusted(image, 0), err
}
