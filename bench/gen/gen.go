// Package gen makes a deterministic, realistic stream of Harper's audit groups.
//
// The same [Config] gives the same bytes. Ids are never used again; updates
// prefer records that were written a short time ago, and a few hot ones; users
// follow Zipf's law. A seeded incident, one user who sets prices to zero in a
// burst, is a needle whose place is known.
package gen

import (
	"bufio"
	"io"
	"math/rand/v2"
	"strconv"
)

// A Config fixes a stream. The zero value of a field selects its default; with
// Multi, Nested and Large at zero the stream has the bytes that every measured
// figure rests on.
type Config struct {
	Seed     uint64
	Groups   int     // lines to write
	Users    int     // different users, default 500
	StartMS  float64 // the time before the first group, default 1795392000000 (2026-11-23T00:00:00Z)
	MeanGap  float64 // milliseconds between groups, default 86.4 (a million in 24 h)
	Incident int     // groups of the incident, default 200

	Multi  float64 // share of groups with several records, 2 to 20; 0 to 1
	Nested float64 // share of new records that carry objects and arrays
	Large  float64 // share of new records that carry a text of 1 KiB to 1 MiB
	// Versions is how many groups, spread over the stream, change the one record
	// WornTable/WornID, which nothing else does; 0: there is none.
	Versions int
}

// The record that Versions is about.
const (
	WornTable = "shop.customers"
	WornID    = "c-900000000"
)

// The incident's user, and a word that stands in nothing but its records.
const (
	IncidentUser  = "u137"
	IncidentToken = "pwned-7f3a"
)

// A Summary says what a stream holds, for checking answers.
type Summary struct {
	Groups, Changes                    int // a change is a record of a group
	Inserts, Updates, Deletes, Upserts int // changes
	Distinct                           int // records
	FirstMS, LastMS                    float64
	IncidentUser, IncidentToken        string
	Bytes                              int64
}

// Write emits the stream to w and returns its summary.
func Write(w io.Writer, c Config) (Summary, error) {
	s := newStream(c)
	bw := bufio.NewWriterSize(w, 1<<20)
	var buf []byte
	for n := range c.Groups {
		buf = s.group(buf[:0], n)
		if _, err := bw.Write(buf); err != nil {
			return s.sum, err
		}
		s.sum.Bytes += int64(len(buf))
		if n == 0 {
			s.sum.FirstMS = s.ts
		}
	}
	s.sum.LastMS = s.ts
	for _, n := range s.next {
		s.sum.Distinct += n
	}
	return s.sum, bw.Flush()
}

// A record is one that lives or lived.
type record struct {
	id    int
	vals  []string // in JSON, in the order of the table's attributes
	extra []extra  // what Nested and Large added
}

// A stream is the state of the world between two groups.
type stream struct {
	Config
	r      *rand.Rand // of the groups as they always were
	more   *rand.Rand // of what Multi, Nested and Large add
	users  *rand.Zipf
	hot    *rand.Zipf
	wheel  []int       // tables, each as often as its weight
	live   [][]*record // by table
	next   []int       // by table: the next id
	ts     float64
	played int // groups of the incident so far
	worn   *record
	wear   *rand.Rand // of what happens to it
	sum    Summary
}

func newStream(c Config) *stream {
	if c.Users == 0 {
		c.Users = 500
	}
	if c.StartMS == 0 {
		c.StartMS = 1795392000000
	}
	if c.MeanGap == 0 {
		c.MeanGap = 86.4
	}
	if c.Incident == 0 {
		c.Incident = 200
	}
	r := rand.New(rand.NewPCG(c.Seed, 0x9e3779b97f4a7c15))
	s := &stream{
		Config: c, r: r, ts: c.StartMS,
		more:  rand.New(rand.NewPCG(c.Seed, 0xd1342543de82ef95)),
		users: rand.NewZipf(r, 1.1, 4, uint64(c.Users-1)),
		hot:   rand.NewZipf(r, 1.05, 50, 1<<20),
		live:  make([][]*record, len(tables)),
		next:  make([]int, len(tables)),
		sum:   Summary{Groups: c.Groups, IncidentUser: IncidentUser, IncidentToken: IncidentToken},
	}
	if c.Versions > 0 {
		s.wear = rand.New(rand.NewPCG(c.Seed, 0xa0761d6478bd642f))
	}
	for i, t := range tables {
		for range t.weight {
			s.wheel = append(s.wheel, i)
		}
	}
	return s
}

// group appends group n. What is drawn from s.r, and in which order, decides
// every byte that follows.
func (s *stream) group(b []byte, n int) []byte {
	begun := n >= int(float64(s.Groups)*0.61) && s.played < s.Incident
	gap := s.r.ExpFloat64() * s.MeanGap
	if begun {
		gap = 3 + s.r.Float64()
	}
	s.ts += gap
	if s.Versions > 0 && n*s.Versions/s.Groups < (n+1)*s.Versions/s.Groups {
		return s.version(b)
	}
	user := "u" + strconv.Itoa(int(s.users.Uint64()))
	ti := s.wheel[s.r.IntN(len(s.wheel))]
	op := opOf(s.r.IntN(100))
	incident := begun && len(s.live[products]) > 0
	if incident {
		s.played++
		user, ti, op = IncidentUser, products, "update"
	}
	if len(s.live[ti]) == 0 {
		op = "insert"
	}
	recs := []*record{s.play(s.r, ti, op)}
	if incident {
		recs[0].vals[2] = "0"
		recs[0].vals[0] = `"clearance ` + IncidentToken + ` everything must go"`
	} else {
		recs = s.company(recs, ti, op)
	}
	s.count(op, len(recs))
	return appendGroup(b, &tables[ti], recs, op, user, s.ts)
}

// version appends a group that changes the record of Versions.
func (s *stream) version(b []byte) []byte {
	const customers = 0
	attrs, op := tables[customers].attrs, "update"
	if s.worn == nil {
		op = "insert"
		s.worn = &record{id: 900_000_000, vals: make([]string, len(attrs))}
		for i, a := range attrs {
			s.worn.vals[i] = value(s.wear, a.k, s.ts)
		}
		s.sum.Distinct++
	}
	for range 1 + s.wear.IntN(3) {
		i := s.wear.IntN(len(attrs))
		s.worn.vals[i] = value(s.wear, attrs[i].k, s.ts)
	}
	s.count(op, 1)
	return appendGroup(b, &tables[customers], []*record{s.worn}, op, "u"+strconv.Itoa(s.wear.IntN(s.Users)), s.ts)
}

// opOf is the operation of a group, p being one of a hundred.
func opOf(p int) string {
	switch {
	case p < 20:
		return "insert"
	case p < 25:
		return "delete"
	case p < 30:
		return "upsert"
	}
	return "update"
}

// play does one record's part of a group.
func (s *stream) play(r *rand.Rand, ti int, op string) *record {
	switch op {
	case "insert":
		return s.insert(r, ti)
	case "delete":
		return s.remove(ti, r.IntN(len(s.live[ti])))
	}
	l := s.live[ti]
	var i int
	if r.IntN(2) == 0 { // recent and hot
		i = max(len(l)-1-int(s.hot.Uint64()%uint64(len(l))), 0)
	} else {
		i = r.IntN(len(l))
	}
	s.edit(r, ti, l[i])
	return l[i]
}

func (s *stream) insert(r *rand.Rand, ti int) *record {
	t := &tables[ti]
	rec := &record{id: s.next[ti], vals: make([]string, len(t.attrs))}
	s.next[ti]++
	for i, a := range t.attrs {
		rec.vals[i] = value(r, a.k, s.ts)
	}
	s.enrich(rec)
	s.live[ti] = append(s.live[ti], rec)
	return rec
}

func (s *stream) remove(ti, i int) *record {
	l := s.live[ti]
	rec := l[i]
	l[i] = l[len(l)-1]
	s.live[ti] = l[:len(l)-1]
	return rec
}

func (s *stream) edit(r *rand.Rand, ti int, rec *record) {
	attrs := tables[ti].attrs
	for range 1 + r.IntN(3) {
		j := r.IntN(len(attrs))
		rec.vals[j] = value(r, attrs[j].k, s.ts)
	}
	s.rework(rec)
}

func (s *stream) count(op string, n int) {
	s.sum.Changes += n
	switch op {
	case "insert":
		s.sum.Inserts += n
	case "delete":
		s.sum.Deletes += n
	case "upsert":
		s.sum.Upserts += n
	default:
		s.sum.Updates += n
	}
}
