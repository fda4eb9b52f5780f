package query

import (
	"maps"
	"slices"

	"recourse/audit"
)

// A sighter follows one record and what is looked for in it.
type sighter struct {
	key     audit.Key
	cluster string
	life    life
	in      func(audit.Value) bool
	open    map[string]*Sighting // by path
	hazy    map[string]bool      // attributes that late images show as they may not have been
	done    []Sighting
}

// sightings are the times in which a record had a value, or several that are looked
// for, by attribute.
func sightings(key audit.Key, cluster string, l life, in func(audit.Value) bool) []Sighting {
	s := &sighter{key: key, cluster: cluster, life: l, in: in, open: map[string]*Sighting{}, hazy: map[string]bool{}}
	for i := range l {
		s.add(i)
	}
	for _, path := range slices.Sorted(maps.Keys(s.open)) {
		s.done = append(s.done, *s.open[path])
	}
	return s.done
}

// add takes the next change.
func (s *sighter) add(i int) {
	c := &s.life[i]
	of := OriginSet
	switch {
	case c.Before.State == audit.Unknown:
		s.close(c, SightingUnknown, nil)
		clear(s.hazy)
		of = OriginSeen
	case len(s.hazy) > 0 && c.Before.Source == audit.Folded: // it is the late image before
	default:
		before := s.found(c.Before.Body)
		s.close(c, SightingUnknown, before) // somebody of whom nothing is stored took it away
		s.begin(c, OriginBefore, before)
	}
	if c.After.State == audit.Unknown {
		s.close(c, SightingUnknown, nil)
		return
	}
	if c.After.Late() && i+1 < len(s.life) {
		s.weigh(i)
		return
	}
	after := s.found(c.After.Body)
	s.close(c, SightingVanished, after)
	s.begin(c, of, after)
	clear(s.hazy)
}

// weigh takes a late image: of an attribute of which it cannot be believed, nothing
// is made until the next image tells.
func (s *sighter) weigh(i int) {
	c := &s.life[i]
	for _, name := range s.life.doubtful(i, c.Before.Body) {
		s.hazy[name] = true
	}
	after := s.found(c.After.Body)
	for path := range after {
		if s.isHazy(path) && s.open[path] == nil {
			delete(after, path)
		}
	}
	for path := range s.open {
		if s.isHazy(path) && after[path] == nil {
			after[path] = audit.Null() // it stays as it was
		}
	}
	s.close(c, SightingVanished, after)
	for path := range s.open {
		delete(after, path)
	}
	s.begin(c, OriginSet, after)
}

func (s *sighter) isHazy(path string) bool {
	names := audit.SplitPath(path)
	return len(names) > 0 && s.hazy[names[0]]
}

// found is where in a record the value is.
func (s *sighter) found(body audit.Value) map[string]audit.Value {
	out := map[string]audit.Value{}
	eachLeaf("", body, func(path string, v audit.Value) {
		if anyLeaf(v, s.in) {
			out[path] = v
		}
	})
	return out
}

// close ends the sightings that are not among those of an image.
func (s *sighter) close(c *audit.Change, state SightingState, still map[string]audit.Value) {
	for _, path := range slices.Sorted(maps.Keys(s.open)) {
		if _, there := still[path]; there {
			continue
		}
		one := s.open[path]
		one.State, one.Vanished = state, refPtr(c)
		one.Unsure = s.isHazy(path) && c.After.State == audit.Present
		s.done = append(s.done, *one)
		delete(s.open, path)
	}
}

// begin opens sightings that are not open.
func (s *sighter) begin(c *audit.Change, of Origin, found map[string]audit.Value) {
	for path, v := range found {
		if s.open[path] != nil {
			continue
		}
		one := &Sighting{RecordRef: recordRef(s.key, s.cluster), Path: path, Found: v, State: SightingThere, Origin: of, Appeared: refPtr(c)}
		if s.isHazy(path) {
			one.Origin = OriginSeen
		}
		s.open[path] = one
	}
}
