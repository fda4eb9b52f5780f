package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A PeopleStore keeps what was found by comparing lists. *store.DB is one.
type PeopleStore interface {
	Notes
	Append(context.Context, audit.Batch) (audit.Appended, error)
	// Newest is the record's newest stored change that is no message.
	Newest(ctx context.Context, cluster string, key audit.Key) (audit.Change, bool, error)
}

// People notices changes of users and roles where Harper keeps no log of them:
// by comparing what it lists now with what it listed before. What is found is
// stored as synthetic changes of system.hdb_user and system.hdb_role, in the
// shape that the log of those tables has elsewhere, so that rules and queries
// need not care. The first list of all is a baseline.
type People struct {
	Server interface {
		SystemServer
		ServerTime(context.Context) (audit.Time, time.Duration, error)
	}
	Store   PeopleStore
	Node    string
	Cluster string
	Now     func() time.Time
}

// A listing is what one list held, as a note: of each record a digest.
type listing struct {
	At      audit.Time          `json:"at"`
	Digests map[audit.ID]string `json:"digests"`
}

// Check compares the lists that are asked for.
func (p *People) Check(ctx context.Context, users, roles bool) error {
	var errs []error
	if users {
		errs = append(errs, p.check(ctx, "hdb_user", "list_users", p.Server.Users, userRecord))
	}
	if roles {
		errs = append(errs, p.check(ctx, "hdb_role", "list_roles", p.Server.Roles, roleRecord))
	}
	return errors.Join(errs...)
}

func (p *People) check(ctx context.Context, name, op string, list func(context.Context) ([]harper.Named, error), record func(harper.Named) audit.Value) error {
	begun, _, err := p.Server.ServerTime(ctx)
	if err != nil {
		return err
	}
	now, err := records(ctx, name, op, list, record)
	if err != nil {
		return err
	}
	table := audit.Table{Database: "system", Name: name}
	note := "list/" + p.Node + "/" + name
	old, known, err := p.listed(ctx, note)
	if err != nil {
		return err
	}
	batch := audit.Batch{}
	switch {
	case !known:
		batch = p.baseline(table, begun, now)
	default:
		if batch.Changes, err = p.changes(ctx, table, op, old, begun, now); err != nil {
			return err
		}
	}
	if len(batch.Changes)+len(batch.Baselines) > 0 {
		if _, err := p.Store.Append(ctx, batch); err != nil {
			return err
		}
	}
	kept, err := json.Marshal(listing{At: begun, Digests: digests(now)})
	if err != nil {
		return fmt.Errorf("note %s: %w", op, err)
	}
	return p.Store.SetNote(ctx, note, kept)
}

// records asks for a list and takes the secrets out of it. Whoever asks is in
// it, so an empty one is no answer.
func records(ctx context.Context, name, op string, list func(context.Context) ([]harper.Named, error), record func(harper.Named) audit.Value) (map[audit.ID]audit.Value, error) {
	listed, err := list(ctx)
	if err == nil && len(listed) == 0 {
		err = fmt.Errorf("%s: the list is empty, which it cannot be", op)
	}
	if err != nil {
		return nil, err
	}
	found := make(map[audit.ID]audit.Value, len(listed))
	for _, n := range listed {
		id, err := audit.IDOf(audit.Text(n.Key))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		found[id] = redactValue(name, record(n))
	}
	return found, nil
}

func (p *People) listed(ctx context.Context, note string) (listing, bool, error) {
	var l listing
	data, known, err := p.Store.Note(ctx, note)
	if err == nil && known {
		if err = json.Unmarshal(data, &l); err != nil {
			err = fmt.Errorf("read the last list (%s): %w", note, err)
		}
	}
	return l, known, err
}

// baseline is the first list of all.
func (p *People) baseline(table audit.Table, begun audit.Time, now map[audit.ID]audit.Value) audit.Batch {
	b := audit.Baseline{
		ID:      fmt.Sprintf("%s %s %s", p.Node, table, begun),
		Cluster: p.Cluster, Node: p.Node, Table: table, Begun: begun, Ended: begun,
		Source: audit.FromSearch, Records: len(now),
	}
	batch := audit.Batch{Baselines: []audit.Baseline{b}}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		version, _ := now[id].Get("__updatedtime__").Float64()
		batch.Records = append(batch.Records, audit.BaseRecord{
			Baseline: b.ID, Cluster: p.Cluster, Key: audit.Key{Table: table, ID: id},
			Version: audit.Time(version), Seen: begun, Until: begun, Body: now[id],
		})
	}
	return batch
}

// changes are the differences between two lists. A difference that is stored
// already is none: the process ended before it noted the list.
func (p *People) changes(ctx context.Context, table audit.Table, op string, old listing, begun audit.Time, now map[audit.ID]audit.Value) ([]audit.Change, error) {
	fresh := digests(now)
	ids := map[audit.ID]bool{}
	for id := range old.Digests {
		ids[id] = true
	}
	for id := range now {
		ids[id] = true
	}
	var changes []audit.Change
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if fresh[id] == old.Digests[id] {
			continue
		}
		c := audit.Change{
			Cluster: p.Cluster, Node: p.Node, Time: begun, Op: audit.OpUpdate, Key: audit.Key{Table: table, ID: id},
			Group: audit.Group{Size: 1}, Observed: audit.TimeOf(p.Now()), Synthetic: true,
			After: audit.PresentImage(now[id], audit.Fetched, audit.Prompt),
			Note:  fmt.Sprintf("no log told of this: found by comparing %s at %s and %s", op, clock(old.At), clock(begun)),
		}
		switch {
		case fresh[id] == "":
			c.Op, c.After = audit.OpDelete, audit.AbsentImage(audit.Fetched, audit.Prompt)
		case old.Digests[id] == "":
			c.Op = audit.OpInsert
		}
		c.Reported = c.Op
		c.ID = c.Identify()
		newest, found, err := p.Store.Newest(ctx, p.Cluster, c.Key)
		if err != nil {
			return nil, err
		}
		stored := found && newest.Synthetic && newest.Node == p.Node && newest.Time > old.At &&
			newest.After.State == c.After.State && newest.After.Body.Equal(c.After.Body)
		if !stored {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

func digests(records map[audit.ID]audit.Value) map[audit.ID]string {
	list := make(map[audit.ID]string, len(records))
	for id, v := range records {
		sum := sha256.Sum256(v)
		list[id] = hex.EncodeToString(sum[:12])
	}
	return list
}

// userRecord is a user as system.hdb_user has it: with the role's id in the
// place of the whole role.
func userRecord(n harper.Named) audit.Value {
	role := n.Value.Get("role")
	if role.Kind() != audit.KindObject {
		return n.Value
	}
	id := role.Get("id")
	if id == nil {
		id = role.Get("role")
	}
	return n.Value.With("role", id)
}

func roleRecord(n harper.Named) audit.Value { return n.Value }
