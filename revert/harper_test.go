package revert

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"recourse/audit"
)

const me = "recourse"

var errCrash = errors.New("crash")

// A simServer is a sim behind the Server interface, with places where a rival
// can write, the answer can get lost, or we can crash. One thing happens at a
// time in it and its journal.
type simServer struct {
	mu     sync.Mutex
	sim    *sim
	ops    bool                     // no conditional deletes, and updates of the operations API, as without REST
	at     func(point string) error // called at each point; an error ends the call
	survey bool                     // it is a Survey
	lose   int                      // so many writes are made without an answer
	poison map[audit.Key]bool       // records whose log cannot be read
	deny   string                   // Harper refuses writes with this message
	writes int
}

func (s *simServer) served() Server {
	if s.survey {
		return simSurvey{s}
	}
	return s
}

func (s *simServer) point(p string) error {
	if s.at == nil {
		return nil
	}
	return s.at(p)
}

func (s *simServer) Read(_ context.Context, keys []audit.Key) (map[audit.Key]audit.Image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.point("read"); err != nil {
		return nil, err
	}
	out := map[audit.Key]audit.Image{}
	for _, k := range keys {
		out[k] = audit.AbsentImage(audit.Fetched, audit.Exact)
		if r := s.sim.records[k]; r != nil && r.body != nil {
			out[k] = audit.PresentImage(r.body, audit.Fetched, audit.Exact)
		}
	}
	return out, nil
}

func (s *simServer) History(_ context.Context, keys []audit.Key, since audit.Time) (map[audit.Key]Trail, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.point("history"); err != nil {
		return nil, err
	}
	out := map[audit.Key]Trail{}
	for _, k := range keys {
		var t Trail
		for i := range s.sim.log {
			e := &s.sim.log[i]
			if e.key != k || e.time < since {
				continue
			}
			img, ok := s.sim.image(i)
			if !ok {
				t = Trail{Err: errors.New("TypeError: Cannot set properties of null")}
				break
			}
			c := audit.Change{Time: e.time, User: e.user, Op: e.op, Key: k, After: img}
			c.ID = c.Identify()
			t.Changes = append(t.Changes, c)
		}
		if s.poison[k] {
			t = Trail{Err: errors.New("TypeError: Cannot read properties of undefined")}
		}
		out[k] = t
	}
	return out, nil
}

func (s *simServer) Write(_ context.Context, w Write) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.point("before write"); err != nil {
		return Outcome{}, err
	}
	if s.deny != "" {
		return Outcome{Message: s.deny}, nil
	}
	s.writes++
	done := true
	if o := s.operation(w); o.kind != "" {
		done = s.sim.do(o)
	}
	if err := s.point("after write"); err != nil {
		return Outcome{}, err
	}
	if s.lose > 0 {
		s.lose--
		return Outcome{}, errors.New("connection reset")
	}
	if w.Do == DoDelete && !s.ops {
		return Outcome{Acked: true, Conditional: true}, nil
	}
	return Outcome{Acked: done, Skipped: !done}, nil
}

// operation is what a write asks for; a conditional delete whose condition does
// not hold asks for nothing.
func (s *simServer) operation(w Write) op {
	o := op{user: me, key: w.Key, kind: w.Do, set: maps.Clone(w.Set), add: w.Add}
	switch w.Do {
	case DoInsert:
		o.set = maps.Collect(w.Record.Fields())
	case DoPatch:
		if o.set == nil {
			o.set = map[string]audit.Value{}
		}
		for _, n := range w.Unset {
			o.set[n] = audit.Null()
		}
		if s.ops {
			o.kind = "update"
		}
	case DoDelete:
		for name, v := range w.Only {
			if rec := s.sim.records[w.Key]; !s.ops && (rec == nil || !rec.body.Get(name).Equal(v)) {
				return op{}
			}
		}
	}
	return o
}

// A simSurvey is a simServer that can be surveyed, too.
type simSurvey struct{ *simServer }

func (s simSurvey) Versions(ctx context.Context, keys []audit.Key) (map[audit.Key]Live, error) {
	images, err := s.Read(ctx, keys)
	out := map[audit.Key]Live{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, img := range images {
		out[k] = Live{Image: img}
		if r := s.sim.records[k]; img.State == audit.Present && r != nil && r.body.Equal(img.Body) {
			out[k] = Live{Image: img, Version: r.version}
		}
	}
	return out, err
}

func (s simSurvey) Recent(ctx context.Context, table audit.Table, since audit.Time) ([]audit.Change, bool, error) {
	var keys []audit.Key
	s.mu.Lock()
	for k := range s.sim.records {
		if k.Table == table {
			keys = append(keys, k)
		}
	}
	s.mu.Unlock()
	trails, err := s.History(ctx, keys, since)
	var out []audit.Change
	whole := err == nil
	for _, t := range trails {
		out, whole = append(out, t.Changes...), whole && t.Err == nil
	}
	return out, whole, err
}

// A memory is a journal and a ledger.
type memory struct {
	receipts []audit.Receipt
	reverted map[audit.ChangeID]string
	own      map[audit.ChangeID]string
	ledger   *audit.Ledger // the whole of it; reverted and own are parts
	at       func(point string) error
	mu       *sync.Mutex // that of the server whose time it shares
}

func newMemory() *memory {
	own := map[audit.ChangeID]string{}
	return &memory{mu: new(sync.Mutex), reverted: map[audit.ChangeID]string{}, own: own,
		ledger: &audit.Ledger{Entries: map[audit.ChangeID][]audit.Entry{}, Own: own, Chosen: map[audit.ChangeID]audit.Choice{}}}
}

func (m *memory) point(p string) error {
	if m.at == nil {
		return nil
	}
	return m.at(p)
}

func (m *memory) AddReceipt(_ context.Context, receipts ...audit.Receipt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range receipts {
		if err := m.point("receipt"); err != nil {
			return err
		}
		m.receipts = append(m.receipts, r)
	}
	return nil
}

func (m *memory) Receipts(_ context.Context, plan string) ([]audit.Receipt, error) {
	return slices.DeleteFunc(slices.Clone(m.receipts), func(r audit.Receipt) bool { return r.Plan != plan }), nil
}

func (m *memory) Enter(_ context.Context, plan string, records ...audit.Entered) error {
	for _, r := range records {
		if err := m.point("ledger"); err != nil {
			return err
		}
		for _, id := range r.Reverted {
			m.reverted[id] = plan
		}
		for _, id := range r.Own {
			m.own[id] = plan
		}
		if r.Chosen.Whole || len(r.Chosen.Attrs) > 0 {
			for _, id := range r.Own {
				m.ledger.Chosen[id] = r.Chosen
			}
		}
		m.enter(r.Reverted, audit.Entry{Plan: plan})
		m.enter(r.Undone, audit.Entry{Plan: plan, Undone: true})
	}
	return nil
}

func (m *memory) enter(ids []audit.ChangeID, e audit.Entry) {
	for _, id := range ids {
		if !slices.Contains(m.ledger.Entries[id], e) {
			m.ledger.Entries[id] = append(m.ledger.Entries[id], e)
		}
	}
}

func (m *memory) EndApply(context.Context, string, audit.Time) error { return m.point("ledger") }

func (m *memory) BeginApply(_ context.Context, a audit.Apply) error {
	if err := m.point("ledger"); err != nil {
		return err
	}
	if !slices.ContainsFunc(m.ledger.Applies, func(b audit.Apply) bool { return b.Plan == a.Plan }) {
		a.Number = uint64(len(m.ledger.Applies) + 1)
		m.ledger.Applies = append(m.ledger.Applies, a)
	}
	return nil
}

func applier(s *simServer, m *memory) *Applier {
	m.mu = &s.mu
	return &Applier{
		Server: s.served(), Journal: m, Ledger: m, Now: func() audit.Time {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.sim.clock
		},
		Sleep: func(context.Context, time.Duration) error { return nil },
	}
}
