package query

// maxFuzzy is the largest number of characters that may differ.
const maxFuzzy = 2

// near says whether so few characters have to be put in, taken out or
// replaced to make one word of the other (Levenshtein), at most maxFuzzy.
func near(a, b string, most int) bool {
	if a == b {
		return true
	}
	// A band around the diagonal of the usual table, wide enough for maxFuzzy:
	// row[d] is the distance of the first i characters of a from the first i+d-most of b.
	const width = 2*maxFuzzy + 1
	var space [64]rune
	bs := appendRunes(space[:0], b)
	var row, next [width]int
	const far = maxFuzzy + 1
	for d := range width {
		row[d] = far
		if j := d - most; j >= 0 && d <= 2*most {
			row[d] = j
		}
	}
	i := 0
	for _, r := range a {
		i++
		least := far
		for d := range 2*most + 1 {
			j := i + d - most
			next[d] = far
			if j < 0 || j > len(bs) {
				continue
			}
			best := far
			if d < 2*most { // r is not in b
				best = row[d+1] + 1
			}
			if j > 0 {
				cost := 1
				if bs[j-1] == r {
					cost = 0
				}
				best = min(best, row[d]+cost)
				if d > 0 { // bs[j-1] is not in a
					best = min(best, next[d-1]+1)
				}
			}
			next[d] = min(best, far)
			least = min(least, next[d])
		}
		if least > most {
			return false
		}
		row = next
	}
	d := len(bs) - i + most
	return d >= 0 && d <= 2*most && row[d] <= most
}

func appendRunes(dst []rune, s string) []rune {
	for _, r := range s {
		dst = append(dst, r)
	}
	return dst
}
