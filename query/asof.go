package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"recourse/audit"
)

// An AsOf is a record as it was at a time, once all changes up to that time, and at
// it, had happened.
type AsOf struct {
	At      *audit.Time  `json:"at"`
	AtISO   *string      `json:"at_iso"`
	Records []RecordAsOf `json:"records"` // one for each cluster that knows of it; one at least
	Summary Footing      `json:"summary"`
}

// A RecordAsOf is what is known of one record at one time.
type RecordAsOf struct {
	RecordRef
	State  audit.State  `json:"state"`
	Source audit.Source `json:"source"`
	Trust  audit.Trust  `json:"trust"`
	Body   audit.Value  `json:"body,omitzero"` // only of one that is present
	Change *Ref         `json:"change"`        // the last one up to the time; nil: none is stored
	Next   *Ref         `json:"next"`          // the first one after it; nil: none is stored
	Why    string       `json:"why,omitempty"` // why it is unknown, or how it is known without a change before
}

// State is that of the record, over all clusters: present if it is in one of them,
// and unknown if it may be.
func (a *AsOf) State() audit.State {
	state := audit.Absent
	for _, r := range a.Records {
		switch r.State {
		case audit.Present:
			return audit.Present
		case audit.Unknown:
			state = audit.Unknown
		}
	}
	return state
}

// AsOf is what is known of a record as it was at a time. Where no change up to
// then is stored, and no baseline knows it, it is what the next change found, if
// the log was read whole between. If ctx ends first, the error comes alone.
func (e *Engine) AsOf(ctx context.Context, key audit.Key, t audit.Time) (*AsOf, error) {
	began := time.Now()
	a := &AsOf{At: Number(t), AtISO: ISO(t)}
	view, err := e.past(ctx)
	if err != nil {
		return nil, fmt.Errorf("as of: %w", err)
	}
	lives, err := view.livesOf(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("as of: %w", err)
	}
	from := t
	for _, cluster := range slices.Sorted(maps.Keys(lives)) {
		r, since, err := view.at(ctx, key, cluster, lives[cluster], t)
		if err != nil {
			return nil, fmt.Errorf("as of: %w", err)
		}
		a.Records, from = append(a.Records, r), min(from, since)
	}
	return a, e.foot(ctx, &a.Summary, began, nil, timeScope(key.Table, from, t))
}

// A past looks at records as they were.
type past struct {
	archive Archive
	reading *Reading
	times   map[audit.Table]*coveredTimes
	based   map[audit.Table]bool // of which baselines hold records, as far as that was looked up
}

func (e *Engine) past(ctx context.Context) (*past, error) {
	archive, err := e.archive()
	if err != nil {
		return nil, err
	}
	reading, err := e.reading(ctx)
	if err != nil {
		return nil, err
	}
	return &past{archive: archive, reading: reading, times: map[audit.Table]*coveredTimes{}, based: map[audit.Table]bool{}}, nil
}

// A life is a record's changes in one cluster, oldest first, messages left out.
type life []audit.Change

// livesOf reads a record's life in each cluster. A record of which no change is
// stored has an empty one in each cluster in which a baseline holds it, or in the
// only one.
func (p *past) livesOf(ctx context.Context, key audit.Key) (map[string]life, error) {
	lives := map[string]life{}
	for c, err := range p.archive.History(ctx, key) {
		if err != nil {
			return nil, err
		}
		if c.Op.Kind() != audit.KindMessage {
			lives[c.Cluster] = lives[c.Cluster].with(c)
		}
	}
	records, err := p.archive.BaseRecords(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if lives[r.Cluster] == nil {
			lives[r.Cluster] = life{}
		}
	}
	if len(lives) == 0 {
		lives[""] = life{}
	}
	return lives, nil
}

// around are the last change up to a time, and the first after it; nil for none.
func (l life) around(t audit.Time) (last, next *audit.Change) {
	i, _ := slices.BinarySearchFunc(l, t, func(c audit.Change, t audit.Time) int {
		if c.Time <= t {
			return -1
		}
		return 1
	})
	if i > 0 {
		last = &l[i-1]
	}
	if i < len(l) {
		next = &l[i]
	}
	return last, next
}

// at is a record as it was at a time, and since when the log must have been read
// whole for that to be so.
func (p *past) at(ctx context.Context, key audit.Key, cluster string, l life, t audit.Time) (RecordAsOf, audit.Time, error) {
	r := RecordAsOf{RecordRef: recordRef(key, cluster)}
	last, next := l.around(t)
	r.Change, r.Next = refPtr(last), refPtr(next)
	image, err := p.image(ctx, key, cluster, last, t)
	if err != nil {
		return r, 0, err
	}
	since := audit.Time(0)
	switch {
	case image.State != audit.Unknown && last != nil:
		since = last.Time
	case image.State != audit.Unknown:
		r.Why, since = "a baseline holds it so", t
	case next != nil && next.Before.State != audit.Unknown && p.covered(key.Table).whole(t, next.Time):
		image = next.Before
		r.Why, since = "so the next change found it, and the log was read whole between", t
	default:
		r.Why = p.whyUnknown(last, next)
	}
	r.fill(image)
	return r, since, nil
}

// image is what is known of a record at a time from what was before: the last
// change up to then, and the baselines.
func (p *past) image(ctx context.Context, key audit.Key, cluster string, last *audit.Change, t audit.Time) (audit.Image, error) {
	based, err := p.hasBase(ctx, key.Table)
	switch {
	case err != nil:
		return audit.Image{}, err
	case based:
		return p.archive.AsOf(ctx, cluster, key, after(t))
	case last == nil:
		return audit.Image{}, nil
	}
	return p.carried(last, t), nil
}

// carried is a record at a time, as the last change up to then left it.
func (p *past) carried(last *audit.Change, t audit.Time) audit.Image {
	image := last.After
	if image.State != audit.Unknown {
		image.Source = audit.Folded
		if p.covered(last.Key.Table).hides(last.Time, after(t)) {
			image.Trust = min(image.Trust, audit.Provisional)
		}
	}
	return image
}

// hasBase says that a baseline holds records of a table.
func (p *past) hasBase(ctx context.Context, t audit.Table) (bool, error) {
	based, known := p.based[t]
	if known {
		return based, nil
	}
	for _, err := range p.archive.BaseKeys(ctx, t) {
		if err != nil {
			return false, err
		}
		based = true
		break
	}
	p.based[t] = based
	return based, nil
}

func (r *RecordAsOf) fill(image audit.Image) {
	r.State, r.Source, r.Trust, r.Body = image.State, image.Source, image.Trust, image.Body
}

func (r *RecordAsOf) image() audit.Image {
	return audit.Image{State: r.State, Source: r.Source, Trust: r.Trust, Body: r.Body}
}

func (p *past) whyUnknown(last, next *audit.Change) string {
	switch {
	case last != nil:
		return "the log does not say what the last change left"
	case next == nil:
		return "no change of it is stored"
	case next.Before.State == audit.Unknown:
		return "the first change that is stored came later, and does not say what was before it"
	}
	return "the first change that is stored came later, and the log was not read whole between"
}

// covered is where the log of a table was read whole.
func (p *past) covered(t audit.Table) *coveredTimes {
	c := p.times[t]
	if c == nil {
		times := p.reading.covered(t)
		c, p.times[t] = &times, &times
	}
	return c
}
