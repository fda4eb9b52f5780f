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
	in      func(audit.Value) bool
	open    map[string]*Sighting // by path
	done    []Sighting
}

// sightings are the times in which a record had a value, or several that are looked
// for, by attribute.
func sightings(key audit.Key, cluster string, l life, in func(audit.Value) bool) []Sighting {
	s := &sighter{key: key, cluster: cluster, in: in, open: map[string]*Sighting{}}
	for i := range l {
		s.add(&l[i])
	}
	for _, path := range slices.Sorted(maps.Keys(s.open)) {
		s.done = append(s.done, *s.open[path])
	}
	return s.done
}

// add takes the next change.
func (s *sighter) add(c *audit.Change) {
	of := OriginSet
	if c.Before.State == audit.Unknown {
		s.close(c, SightingUnknown, nil)
		if of = OriginSeen; c.After.State == audit.Absent {
			of = OriginSet
		}
	} else {
		before := s.found(c.Before.Body)
		s.close(c, SightingUnknown, before) // somebody of whom nothing is stored took it away
		s.begin(c, OriginBefore, before)
	}
	if c.After.State == audit.Unknown {
		s.close(c, SightingUnknown, nil)
		return
	}
	after := s.found(c.After.Body)
	s.close(c, SightingVanished, after)
	s.begin(c, of, after)
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
		s.done = append(s.done, *one)
		delete(s.open, path)
	}
}

// begin opens sightings that are not open.
func (s *sighter) begin(c *audit.Change, of Origin, found map[string]audit.Value) {
	for path, v := range found {
		if s.open[path] == nil {
			s.open[path] = &Sighting{
				RecordRef: recordRef(s.key, s.cluster), Path: path, Found: v, State: SightingThere, Origin: of, Appeared: refPtr(c),
			}
		}
	}
}
