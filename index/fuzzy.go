package index

import "unicode/utf8"

// maxDistance is how many characters may differ at most.
const maxDistance = 2

// fuzzy are the rules for words of which some characters are put in, left out or
// replaced. A state is the last row of the usual table, of which a number is how
// many characters differ between what was read and so much of the word, and then
// the bytes of a character that is not whole yet.
type fuzzy struct {
	word []rune
	most byte
}

func newFuzzy(word string, most int) *machine {
	f := &fuzzy{word: []rune(word), most: byte(most)}
	row := make([]byte, len(f.word)+1)
	for i := range row {
		row[i] = byte(min(i, most+1))
	}
	return newMachine(f, string(row))
}

func (f *fuzzy) ends(state string) bool {
	return len(state) == len(f.word)+1 && state[len(f.word)] <= f.most
}

func (f *fuzzy) after(state string, b byte) string {
	n := len(f.word) + 1
	char := append([]byte(state[n:]), b)
	if !utf8.FullRune(char) {
		return state[:n] + string(char)
	}
	r, _ := utf8.DecodeRune(char)
	row, least := make([]byte, n), f.most+1
	for i := range row {
		d := state[i] + 1
		if i > 0 {
			same := state[i-1]
			if f.word[i-1] != r {
				same++
			}
			d = min(d, same, row[i-1]+1)
		}
		row[i] = min(d, f.most+1)
		least = min(least, row[i])
	}
	if least > f.most {
		return ""
	}
	return string(row)
}
