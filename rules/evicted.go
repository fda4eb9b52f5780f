package rules

// An Evicted is what one rule gave up before its time, for want of room: alerts that
// rest on it may lack evidence, or not be there.
type Evicted struct {
	Rule    string `json:"rule"`
	Groups  uint64 `json:"groups"`
	Changes uint64 `json:"changes"` // within their windows
}

// Evicted is what the rules gave up, of those that gave up anything, in the order of
// the set.
func (e *Engine) Evicted() []Evicted {
	var all []Evicted
	for _, r := range e.rules {
		if s := &r.stats; s.GroupsEvicted+s.ChangesEvicted > 0 {
			all = append(all, Evicted{r.ID, s.GroupsEvicted, s.ChangesEvicted})
		}
	}
	return all
}
