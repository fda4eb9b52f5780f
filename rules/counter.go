package rules

// A counter counts values, and forgets those that come to zero. A nil one does
// not count.
type counter map[string]int

func (c counter) add(s string, n int) {
	if c == nil {
		return
	}
	if c[s] += n; c[s] == 0 {
		delete(c, s)
	}
}
