package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/revert"
)

// A harperServer is a live Harper as an apply needs it: a revert.Server.
type harperServer struct {
	client *harper.Client
	stamp  ingest.Stamp
	now    func() audit.Time // our clock, which does not step while the apply goes on
	// began is the server's time when the apply began; 0: not known.
	began audit.Time

	mu sync.Mutex
	// adds says that an update of the operations API takes increments: so it is
	// where the log names its keys "ids".
	adds bool
	// exported remembers which tables REST answers for.
	exported map[audit.Table]bool
	// keys remembers the names of the tables' primary keys.
	keys map[audit.Table]string
}

var (
	_ revert.Server = (*harperServer)(nil)
	_ revert.Survey = (*harperServer)(nil)
)

func newHarperServer(ctx context.Context, client *harper.Client, stamp ingest.Stamp, now func() audit.Time) (*harperServer, error) {
	began, _, err := client.ServerTime(ctx)
	if err != nil {
		return nil, err
	}
	return &harperServer{client: client, stamp: stamp, now: now, began: began, exported: map[audit.Table]bool{}, keys: map[audit.Table]string{}}, nil
}

// steadyClock goes on from the time that the computer's clock shows now, whatever
// becomes of that one: by it changes are looked for in the log, and a clock that is
// set forward by more than the margin would hide somebody's change of before.
func steadyClock(now func() time.Time) func() audit.Time {
	start := now()
	return func() audit.Time { return audit.TimeOf(start.Add(now().Sub(start))) }
}

func byTable(keys []audit.Key) map[audit.Table][]audit.ID {
	m := map[audit.Table][]audit.ID{}
	for _, k := range keys {
		m[k.Table] = append(m[k.Table], k.ID)
	}
	return m
}

// Read reads records as they are now.
func (s *harperServer) Read(ctx context.Context, keys []audit.Key) (map[audit.Key]audit.Image, error) {
	lives, err := s.Versions(ctx, keys)
	out := make(map[audit.Key]audit.Image, len(lives))
	for k, l := range lives {
		out[k] = l.Image
	}
	return out, err
}

// Versions reads records as they are now, with their versions.
func (s *harperServer) Versions(ctx context.Context, keys []audit.Key) (map[audit.Key]revert.Live, error) {
	out := map[audit.Key]revert.Live{}
	for table, ids := range byTable(keys) {
		records, err := s.client.Current(ctx, table, ids)
		var single harper.IDErrors
		if err != nil && !errors.As(err, &single) {
			return out, err
		}
		for _, id := range ids {
			if single[id] != nil {
				continue // unreadable: not in the answer
			}
			live := revert.Live{Image: audit.AbsentImage(audit.Fetched, audit.Exact)}
			if r, ok := records[id]; ok {
				live = revert.Live{Image: audit.PresentImage(r.Body, audit.Fetched, audit.Exact), Version: r.Version}
			}
			out[audit.Key{Table: table, ID: id}] = live
		}
	}
	return out, nil
}

// Recent reads the end of a table's log.
func (s *harperServer) Recent(ctx context.Context, table audit.Table, since audit.Time) ([]audit.Change, bool, error) {
	if s.began == 0 {
		return nil, false, nil // the server's clock is not known
	}
	from := since + s.began - s.stamp.Observed
	changes, gaps, err := ingest.Window(ctx, s.client, table, s.stamp, from, from)
	return changes, len(gaps) == 0, err
}

// History reads each record's changes from Harper's audit log.
func (s *harperServer) History(ctx context.Context, keys []audit.Key, since audit.Time) (map[audit.Key]revert.Trail, error) {
	out := map[audit.Key]revert.Trail{}
	for table, ids := range byTable(keys) {
		rows, err := s.client.RecordHistory(ctx, table, ids)
		var single harper.IDErrors
		if err != nil && !errors.As(err, &single) {
			return out, err
		}
		for _, id := range ids {
			key := audit.Key{Table: table, ID: id}
			if single[id] != nil {
				out[key] = s.recent(ctx, key, since, single[id])
				continue
			}
			s.learn(rows[id])
			changes, err := ingest.RecordChanges(ctx, table, s.stamp, rows[id])
			if err != nil {
				return out, err
			}
			out[key] = revert.Trail{Changes: slices.DeleteFunc(changes, func(c audit.Change) bool { return c.Time < since })}
		}
	}
	return out, nil
}

// learn takes from an answer on which line the server is.
func (s *harperServer) learn(rows []harper.AuditRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range rows {
		s.adds = s.adds || rows[i].IDsField
	}
}

// recent is the trail of a record whose history Harper cannot show, because an
// entry of it is unreadable: what the table's log has of it since this apply
// began. An older unreadable entry does not matter to the proof of a write: what
// the record was when the apply began, the guard has read from the record
// itself. A newer one leaves the trail unknown.
func (s *harperServer) recent(ctx context.Context, key audit.Key, since audit.Time, why error) revert.Trail {
	if s.began == 0 {
		return revert.Trail{Err: why}
	}
	changes, gaps, err := ingest.Window(ctx, s.client, key.Table, s.stamp, max(since, s.began), s.began)
	if err != nil {
		return revert.Trail{Err: errors.Join(why, err)}
	}
	if len(gaps) > 0 {
		return revert.Trail{Err: why}
	}
	return revert.Trail{Changes: slices.DeleteFunc(changes, func(c audit.Change) bool { return c.Key.ID != key.ID || c.Time < since })}
}

// Write sends one write: re-creation by insert, which skips a record that is
// there; deletion by explicit id; attributes by REST PATCH where the table has
// it, since the operations API's update on the LMDB line writes the whole
// record back and can undo somebody's change of another attribute.
func (s *harperServer) Write(ctx context.Context, w revert.Write) (revert.Outcome, error) {
	switch w.Do {
	case revert.DoInsert:
		return s.insert(ctx, w)
	case revert.DoDelete:
		return s.delete(ctx, w)
	case revert.DoPatch:
		return s.patch(ctx, w)
	}
	return revert.Outcome{Message: fmt.Sprintf("no such write: %q", w.Do)}, nil
}

// delete deletes by id, and where REST can say so only if the record still is what
// it was.
func (s *harperServer) delete(ctx context.Context, w revert.Write) (revert.Outcome, error) {
	table, id := w.Key.Table, w.Key.ID
	if rest, err := s.restFor(ctx, table); err == nil && rest && len(w.Only) > 0 {
		asked, err := s.client.DeleteIf(ctx, table, id, w.Only)
		switch {
		case asked:
			out, err := s.outcome(w, harper.Result{Hashes: []audit.ID{id}}, err)
			out.Conditional = out.Acked
			return out, err
		case err == nil:
			return revert.Outcome{Skipped: true}, nil
		case ctx.Err() != nil:
			return revert.Outcome{}, ctx.Err()
		}
		// Nothing was sent: it is deleted by its id alone.
	}
	res, err := s.client.Delete(ctx, table, []audit.ID{id})
	return s.outcome(w, res, err)
}

// insert makes a record anew under its own key. Harper takes the key from the
// record's attribute, which a patch may have changed or a put left out: another
// record must not be made in its place.
func (s *harperServer) insert(ctx context.Context, w revert.Write) (revert.Outcome, error) {
	name, err := s.primaryKey(ctx, w.Key.Table)
	if err != nil {
		return revert.Outcome{Message: err.Error()}, ctx.Err()
	}
	key, record := w.Key.ID.Value(), w.Record
	switch own := record.Get(name); {
	case own == nil:
		record = record.With(name, key)
	case !own.Equal(key):
		return revert.Outcome{Message: fmt.Sprintf("nothing was sent: the record is stored under %s and holds the id %s, and an insert would make a record of that id", key.JSON(), own.JSON())}, nil
	}
	res, err := s.client.Insert(ctx, w.Key.Table, []audit.Value{record})
	return s.outcome(w, res, err)
}

func (s *harperServer) primaryKey(ctx context.Context, table audit.Table) (string, error) {
	s.mu.Lock()
	name := s.keys[table]
	s.mu.Unlock()
	if name != "" {
		return name, nil
	}
	info, err := s.client.DescribeTable(ctx, table)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[table] = info.PrimaryKey
	return info.PrimaryKey, nil
}

func (s *harperServer) patch(ctx context.Context, w revert.Write) (revert.Outcome, error) {
	fields := maps.Clone(w.Set)
	if fields == nil {
		fields = map[string]audit.Value{}
	}
	for _, name := range w.Unset {
		fields[name] = audit.Null()
	}
	rest, err := s.restFor(ctx, w.Key.Table)
	if err != nil { // nothing was sent yet
		return revert.Outcome{Message: err.Error()}, ctx.Err()
	}
	for name, n := range w.Add {
		fields[name] = audit.Object(map[string]audit.Value{"__op__": audit.Text("add"), "value": n})
	}
	if rest {
		var err error
		if w.Put {
			err = s.client.Put(ctx, w.Key.Table, w.Key.ID, w.Record)
		} else {
			err = s.client.Patch(ctx, w.Key.Table, w.Key.ID, audit.Object(fields))
		}
		if !errors.Is(err, harper.ErrIDNotOnREST) && !errors.Is(err, harper.ErrNotExported) {
			return s.outcome(w, harper.Result{Hashes: []audit.ID{w.Key.ID}}, err)
		}
	}
	s.mu.Lock()
	adds := s.adds
	s.mu.Unlock()
	for name := range w.Add {
		// The LMDB line would store the operator itself, so the sum is written. It
		// does not commute with somebody's change of the same moment; the proof
		// that follows finds such a one.
		if !adds {
			fields[name] = w.Record.Get(name)
		}
	}
	name, err := s.primaryKey(ctx, w.Key.Table)
	if err != nil {
		return revert.Outcome{Message: err.Error()}, ctx.Err()
	}
	if own, set := fields[name]; set && !own.Equal(w.Key.ID.Value()) {
		return revert.Outcome{Message: fmt.Sprintf("nothing was sent: the id within the record can be set to %s over REST alone", own.JSON())}, nil
	}
	fields[name] = w.Key.ID.Value()
	res, err := s.client.Update(ctx, w.Key.Table, []audit.Value{audit.Object(fields)})
	return s.outcome(w, res, err)
}

func (s *harperServer) restFor(ctx context.Context, table audit.Table) (bool, error) {
	s.mu.Lock()
	yes, known := s.exported[table]
	s.mu.Unlock()
	if known {
		return yes, nil
	}
	yes, err := s.client.Exported(ctx, table)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exported[table] = yes
	return yes, nil
}

// outcome tells Harper's refusal from a write of which nobody knows whether it
// was made.
func (s *harperServer) outcome(w revert.Write, res harper.Result, err error) (revert.Outcome, error) {
	switch {
	case errors.Is(err, harper.ErrOutcomeUnknown):
		return revert.Outcome{}, err
	case err != nil:
		return revert.Outcome{Message: err.Error()}, nil
	case slices.Contains(res.Skipped, w.Key.ID):
		return revert.Outcome{Skipped: true, Message: res.Message}, nil
	}
	return revert.Outcome{Acked: true, Message: res.Message}, nil
}
