package query_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

const (
	minute audit.Time = 60_000
	hour              = 60 * minute
)

var (
	orders    = audit.Table{Database: "shop", Name: "orders"}
	customers = audit.Table{Database: "shop", Name: "customers"}
)

// read is a store that holds no change and knows what was read, and an engine
// whose clock stands at a time.
func read(now audit.Time, s *querytest.Memory) *query.Engine {
	return &query.Engine{Store: s, Now: func() time.Time { return now.Go() }}
}

// stretchWords are a coverage in short: each stretch with its limits in hours.
func stretchWords(c query.Coverage) string {
	var out []string
	for _, s := range c.Stretches {
		out = append(out, fmt.Sprintf("%s %.6g-%.6g %s", s.Table.Name, float64(s.From/hour), float64(s.To/hour), s.Cover))
	}
	if c.Complete {
		out = append(out, "complete")
	}
	return strings.Join(out, ", ")
}

// TestCoverageOfAnswer: an answer is complete only when every table that it is
// about was read in all of the time that it is about.
func TestCoverageOfAnswer(t *testing.T) {
	spans := []audit.Span{{Node: "n1", Table: orders, From: 100 * hour, To: 110 * hour}, {Node: "n1", Table: customers, From: 102 * hour, To: 110 * hour}}
	engine := read(110*hour+minute/2, &querytest.Memory{Spanned: spans})
	for q, want := range map[string]string{
		// Nothing is known of before; that the last half minute was not read yet does not count.
		"*":                                   "customers 0-102 unread, customers 102-110 covered, orders 0-100 unread, orders 100-110 covered",
		"table:shop.orders":                   "orders 0-100 unread, orders 100-110 covered",
		"time>=374400000.0":                   "customers 104-110 covered, orders 104-110 covered, complete",                 // from 104 h
		"time>=363600000.0":                   "customers 101-102 unread, customers 102-110 covered, orders 101-110 covered", // from 101 h
		"time>=363600000.0 table:shop.orders": "orders 101-110 covered, complete",                                            // of one
		"time:[374400000.0..378000000.0]":     "customers 104-105 covered, orders 104-105 covered, complete",
		"time:[374400000.0..378000000.0] -key:shop.orders/1":       "customers 104-105 covered, orders 104-105 covered, complete",
		"time:[374400000.0..378000000.0] -table:shop.orders":       "customers 104-105 covered, complete",
		"time:[374400000.0..378000000.0] key:shop.orders/1":        "orders 104-105 covered, complete",
		"time:[374400000.0..378000000.0] table:shop.nope":          "nope 104-105 unread",
		"time:[374400000.0..378000000.0] (user:eve or db:nope)":    "customers 104-105 covered, orders 104-105 covered, complete",
		"time:[374400000.0..378000000.0] db:nope":                  "", // no table that is known
		"time:[180000000.0..183600000.0] table:shop.orders":        "orders 50-51 unread",
		"(time<180000000.0 or user:eve) table:shop.orders":         "orders 0-100 unread, orders 100-110 covered",
		"time:[374400000.0..1000000000.0] table:shop.orders":       "orders 104-110 covered, complete", // what is to come is not asked for
		"time>=374400000.0 seq<5 node:n2 lossy:true before:absent": "customers 104-110 covered, orders 104-110 covered, complete",
	} {
		r, err := search(t, engine, q, 0, "")
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if got := stretchWords(r.Summary.Coverage); got != want {
			t.Errorf("%s:\n got %s\nwant %s", q, got, want)
		}
	}
}

// TestCoverageNow: what nobody has read yet makes an answer without an end
// incomplete, unless it is about the last minute alone.
func TestCoverageNow(t *testing.T) {
	span := audit.Span{Node: "n1", Table: orders, From: 100 * hour, To: 110 * hour}
	for _, c := range []struct {
		now    audit.Time
		query  string
		cursor audit.Time
		want   string
	}{
		{110*hour + minute, "time>=374400000.0", 0, "orders 104-110 covered, complete"},
		{111 * hour, "time>=374400000.0", 0, "orders 104-110 covered, orders 110-+Inf unread"},
		{111 * hour, "time:[374400000.0..394200000.0]", 0, "orders 104-109.5 covered, complete"},
		{111 * hour, "time>=397800000.0", 0, "orders 110.5-+Inf unread"},
		{110*hour + minute, "time>=396000000.0", 0, "orders 110-+Inf unread"},
		// A cursor may be ahead of what is known to have been read, and the server's clock of ours.
		{111 * hour, "time>=374400000.0", 111 * hour, "orders 104-110 covered, orders 110-+Inf unread"},
		{105 * hour, "time>=374400000.0", 0, "orders 104-110 covered, complete"},
	} {
		s := &querytest.Memory{Spanned: []audit.Span{span}}
		if c.cursor > 0 {
			s.Cursored = []audit.Cursor{{Node: "n1", Table: orders, Time: c.cursor}}
		}
		r, err := search(t, read(c.now, s), c.query, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := stretchWords(r.Summary.Coverage); got != c.want {
			t.Errorf("now %g h, %s:\n got %s\nwant %s", float64(c.now/hour), c.query, got, c.want)
		}
	}
}

// TestCoverageGaps: a gap counts where it touches the answer, unless it was
// healed or another node's log is whole there.
func TestCoverageGaps(t *testing.T) {
	span := func(node string) audit.Span {
		return audit.Span{Node: node, Table: orders, From: 100 * hour, To: 110 * hour}
	}
	gap := audit.Gap{Node: "n1", Table: orders, From: 104 * hour, To: 105 * hour, Kind: audit.GapOutage, Reason: "asleep"}
	healed := gap
	healed.Healed = 109 * hour
	begin := audit.Gap{Node: "n1", Table: orders, To: 100 * hour, Kind: audit.GapBefore, Reason: "no log before"}
	for name, c := range map[string]struct {
		shelf *querytest.Memory
		query string
		gaps  int
		want  string
	}{
		"touches": {&querytest.Memory{Spanned: []audit.Span{span("n1")}, Gapped: []audit.Gap{gap}}, "time>=367200000.0", 1, "orders 102-104 covered, orders 104-105 gap, orders 105-110 covered"},
		"healed":  {&querytest.Memory{Spanned: []audit.Span{span("n1")}, Gapped: []audit.Gap{healed}}, "time>=367200000.0", 0, "orders 102-110 covered, complete"},
		"other":   {&querytest.Memory{Spanned: []audit.Span{span("n1"), span("n2")}, Gapped: []audit.Gap{gap}}, "time>=367200000.0", 0, "orders 102-104 covered, orders 104-105 covered, orders 105-110 covered, complete"},
		"away":    {&querytest.Memory{Spanned: []audit.Span{span("n1")}, Gapped: []audit.Gap{gap}}, "time>=385200000.0", 0, "orders 107-110 covered, complete"},
		"begin":   {&querytest.Memory{Spanned: []audit.Span{span("n1")}, Gapped: []audit.Gap{begin}}, "*", 1, "orders 0-100 before-join, orders 100-110 covered"},
		"begun":   {&querytest.Memory{Spanned: []audit.Span{span("n1")}, Gapped: []audit.Gap{begin}}, "time>=360000000.0", 0, "orders 100-110 covered, complete"},
	} {
		r, err := search(t, read(110*hour, c.shelf), c.query, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := stretchWords(r.Summary.Coverage); got != c.want || len(r.Summary.Gaps) != c.gaps {
			t.Errorf("%s: %d gaps, %s\nwant %d, %s", name, len(r.Summary.Gaps), got, c.gaps, c.want)
		}
	}
}

// TestTableCoverage: the share is of the time that was asked for, or of that
// since the first moment that is covered.
func TestTableCoverage(t *testing.T) {
	s := &querytest.Memory{
		Spanned: []audit.Span{{Node: "n1", Table: orders, From: 100 * hour, To: 110 * hour}, {Node: "n2", Table: orders, From: 108 * hour, To: 112 * hour}},
		Gapped:  []audit.Gap{{Node: "n1", Table: orders, From: 104 * hour, To: 107 * hour, Kind: audit.GapPurged}},
	}
	r, err := query.ReadLog(t.Context(), s, (112 * hour).Go())
	if err != nil {
		t.Fatal(err)
	}
	inf := audit.Time(1e300)
	for _, c := range []struct {
		reading  *query.Reading
		from, to audit.Time
		share    float64
		complete bool
	}{
		{r, 0, inf, 0.75, false},
		{r, 96 * hour, 108 * hour, 5.0 / 12, false},
		{r, 108 * hour, inf, 1, true},
		{r, 50 * hour, 60 * hour, 0, false},
		{r.On("n2"), 0, inf, 1, true},
		{r.On("n1"), 0, inf, 0.7, false}, // it is behind, which is no loss
		{r.On("n3"), 0, inf, 0, false},
	} {
		got := c.reading.Table(orders, c.from, c.to)
		if d := got.Share - c.share; d > 1e-9 || d < -1e-9 || got.Complete != c.complete {
			t.Errorf("from %g h: share %g, complete %v, want %g, %v: %s", float64(c.from/hour), got.Share, got.Complete, c.share, c.complete, stretchWords(got.Coverage))
		}
	}
}
