package rules

// absence decides entry i, after which something was expected: nothing came
// until its time was over.
func (g *group) absence(i int, w *windowing) {
	n := &g.entries[i]
	const expected = 1 << 1
	for k := i + 1; k < len(g.entries); k++ {
		other := &g.entries[k]
		if other.time > n.time+w.size {
			break
		}
		if other.steps&expected != 0 && other.time > n.time {
			return
		}
	}
	g.alert(i, i, nil, n, w)
}
