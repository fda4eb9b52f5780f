package main

import (
	"math/rand/v2"
	"regexp"
	"strings"
)

// A kind is one of the questions that every system is asked.
type kind string

// The questions. A window is six hours, or a quarter of the time of all changes
// if that is less.
const (
	newestOfUser  kind = "q1"  // a user's changes of a table in a window: the newest 50, and how many
	recordHistory kind = "q2"  // all changes of one record, oldest first
	rareWord      kind = "q3"  // all changes with a word that few have
	topUsers      kind = "q4"  // the ten users with the most changes in a window
	topDeleters   kind = "q4d" // the same of the deletes from one table
	hourly        kind = "q5"  // one user's changes, hour by hour
	wordPrefix    kind = "q6"  // changes with a word that begins so: the newest 50, and how many
)

var kinds = []struct {
	kind kind
	what string
	six  bool // one of the six of which a target is set
}{
	{newestOfUser, "a user's changes of a table in 6 h: newest 50, and how many", true},
	{recordHistory, "history of a record", true},
	{rareWord, "a rare word, all hits", true},
	{topUsers, "top ten users of 6 h", true},
	{topDeleters, "top ten users among the deletes of a table in 6 h", false},
	{hourly, "one user's changes by the hour", true},
	{wordPrefix, "a prefix of a word: newest 50, and how many", true},
}

// byWords says that the answer depends on what it means that a change has a
// word: of SQLite and PostgreSQL, that the record has it after the change; of
// recourse, that the change wrote or removed it.
func (k kind) byWords() bool { return k == rareWord || k == wordPrefix }

// A question is a kind with all that it asks for; what it does not is empty.
type question struct {
	Kind     kind
	User     string
	Table    string // DATABASE.TABLE
	ID       string
	Word     string  // without the * of a prefix
	From, To float64 // milliseconds since 1970; To does not belong to it
}

// page is how many changes the questions for the newest ones want.
const page = 50

// prefixLen is how much of a word's six characters a prefix has.
const prefixLen = 4

// codeWord is the second word of a code such as XQ-b06f1e, if it begins with a
// letter: the parser of PostgreSQL would take others for numbers.
var codeWord = regexp.MustCompile(`"[A-Z]{2}-([a-f][0-9a-f]{5})"`)

// questions are n of each kind, drawn from the data set by a seed.
func questions(d *dataset, n int, seed uint64) []question {
	r := rand.New(rand.NewPCG(seed, 2))
	next := 0
	draw := func() row {
		next++
		return d.Sample[(next-1)%len(d.Sample)]
	}
	var out []question
	for _, k := range kinds {
		for range n {
			q := question{Kind: k.kind}
			switch of := draw(); k.kind {
			case newestOfUser:
				q.User, q.Table = of.User, of.Table
				q.From, q.To = window(r, d)
			case recordHistory:
				q.Table, q.ID = of.Table, of.ID
			case rareWord, wordPrefix:
				for q.Word = codeIn(of, r); q.Word == ""; q.Word = codeIn(draw(), r) {
				}
				if k.kind == wordPrefix {
					q.Word = q.Word[:prefixLen]
				}
			case topUsers:
				q.From, q.To = window(r, d)
			case topDeleters:
				q.Table = of.Table
				q.From, q.To = window(r, d)
			case hourly:
				q.User = of.User
			}
			out = append(out, q)
		}
	}
	return out
}

// window is a stretch of time within that of the data set.
func window(r *rand.Rand, d *dataset) (from, to float64) {
	const sixHours = 6 * 3600 * 1000
	length := min(sixHours, float64(int64(d.LastMS-d.FirstMS)/4))
	from = float64(int64(d.FirstMS + r.Float64()*(d.LastMS-d.FirstMS-length)))
	return from, from + length
}

// codeIn is a word of a change that few others have; empty if it has none.
func codeIn(ch row, r *rand.Rand) string {
	found := codeWord.FindAllStringSubmatch(ch.Body, -1)
	if len(found) == 0 {
		return ""
	}
	return strings.Clone(found[r.IntN(len(found))][1])
}
