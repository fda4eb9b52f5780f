package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"recourse/audit"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

// oldState is an engine's state in the form that it had before there were
// snapshots.
func oldState(t *testing.T, e *Engine) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	save := func(name string, x any) {
		b, err := cbor.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	save(engineState, savedEngine{Seq: e.seq, Changes: e.changes, EventClock: float64(e.eventClock), ObservedClock: float64(e.observedClock)})
	for _, r := range e.rules {
		save(rulePrefix+r.ID, savedRule{Hash: r.Hash, Touches: r.touches, Stats: r.stats})
		for g := range r.held.all() {
			sum := sha256.Sum256(r.held.name(g))
			save(groupPrefix+r.ID+"/"+hex.EncodeToString(sum[:16]), oldGroup(r.held, g))
		}
	}
	return out
}

func oldGroup(h *held, g *group) savedGroup {
	evidence := func(e audit.Evidence) savedEvidence {
		return savedEvidence{Seq: e.Seq, Database: e.Database, Table: e.Table, Key: string(e.Key), Time: float64(e.Time)}
	}
	s := savedGroup{Values: h.values(g), Newest: float64(g.newest), Cursor: float64(g.cursor), Begun: g.begun, Rewound: g.rewound, Behind: g.behind,
		Touched: g.touched, Observed: float64(g.observed)}
	for _, e := range g.entries {
		counted := ""
		if e.counted != 0 {
			counted = string(h.pool.valueAt(e.counted))
		}
		s.Entries = append(s.Entries, savedEntry{Distinct: counted, Evidence: evidence(h.evidence(&e, audit.Evidence{})), Unknown: e.unknown, Late: e.late, Alerted: e.alerted})
	}
	for _, a := range g.alerts {
		sa := savedAlert{ID: a.id, From: float64(a.from), To: float64(a.to), First: float64(a.first), Last: float64(a.last),
			FirstSeq: a.firstSeq, LastSeq: a.lastSeq, Count: a.count, Unknown: a.unknown, Late: a.late}
		for _, e := range a.evidence {
			sa.Evidence = append(sa.Evidence, evidence(e))
		}
		s.Alerts = append(s.Alerts, sa)
	}
	return s
}

// TestStateOfBeforeSnapshots: an engine goes on from state in the former form, of
// which nothing is kept.
func TestStateOfBeforeSnapshots(t *testing.T) {
	set, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	// The former form is of rules that count.
	set = &Set{rules: slices.DeleteFunc(set.Rules(), func(r *Rule) bool { return r.form() != countForm })}
	changes, _ := incident(t, "rocksdb")
	whole, before := NewEngine(set, Options{}), NewEngine(set, Options{})
	half := len(changes) / 2
	for i := range half {
		for _, e := range []*Engine{whole, before} {
			if _, err := e.Eval(&changes[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	state := oldState(t, before)
	names := slices.Collect(maps.Keys(state))
	next := NewEngine(set, Options{})
	none := func(string) ([]audit.Evidence, error) { return nil, errors.New("there is none") }
	if err := next.Restore(state, none); err != nil {
		t.Fatal(err)
	}
	delta, err := next.State()
	if err != nil {
		t.Fatal(err)
	}
	merge(state, delta)
	for _, name := range names {
		if _, left := state[name]; left && name != engineState {
			t.Errorf("%s is still there", name)
		}
	}
	again := NewEngine(set, Options{})
	if err := again.Restore(state, next.evidence); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(feed(t, whole, changes[half:]), feed(t, again, changes[half:])); d != "" {
		t.Errorf("(-whole +restarted):\n%s", d)
	}
}

// TestStateIsOfWhatChanged: a saving after one change is small, however much the
// engine keeps, and savings do not pile up.
func TestStateIsOfWhatChanged(t *testing.T) {
	set := mustCompile(t, engineRules)
	e := NewEngine(set, Options{})
	state := map[string][]byte{}
	c := audit.Change{Op: audit.OpDelete, Node: "n1", Key: audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: "1"}}
	save := func() (bytes int) {
		t.Helper()
		delta, err := e.State()
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range delta {
			bytes += len(data)
		}
		merge(state, delta)
		return bytes
	}
	eval := func(user string) {
		t.Helper()
		c.Seq++
		c.Time, c.Observed, c.User = c.Time+1, c.Time+1, user
		if _, err := e.Eval(&c); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5000 {
		eval(strings.Repeat("u", 1+i%50) + string(rune('a'+i%26)))
	}
	all := save()
	for range 3 * mostDeltas {
		eval("ann")
		save()
		if len(state) > mostDeltas+2 {
			t.Fatalf("%d values of state", len(state))
		}
	}
	eval("ben")
	if n := save(); n > all/10 {
		t.Errorf("%d bytes for one change, of %d for all", n, all)
	}
	next := NewEngine(set, Options{})
	if err := next.Restore(state, e.evidence); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(e.Stats(), next.Stats()); d != "" {
		t.Error(d)
	}
	delete(state, deltaName(0))
	if err := NewEngine(set, Options{}).Restore(state, e.evidence); !errors.Is(err, ErrState) {
		t.Errorf("without what was saved second: %v", err)
	}
}

// TestEvidenceThatDoesNotFit: an alert that was changed behind the rules' back is
// said.
func TestEvidenceThatDoesNotFit(t *testing.T) {
	set := mustCompile(t, engineRules)
	e := NewEngine(set, Options{})
	evalAll(t, e, 0, 1, 2, 3, 4, 5)
	state, err := e.State()
	if err != nil {
		t.Fatal(err)
	}
	few := func(id string) ([]audit.Evidence, error) {
		all, err := e.evidence(id)
		return all[1:], err
	}
	if err := NewEngine(set, Options{}).Restore(state, few); !errors.Is(err, ErrState) {
		t.Errorf("got %v", err)
	}
	refuse := errors.New("no")
	none := func(string) ([]audit.Evidence, error) { return nil, refuse }
	if err := NewEngine(set, Options{}).Restore(state, none); !errors.Is(err, refuse) {
		t.Errorf("got %v", err)
	}
}

// FuzzRestore: whatever the bytes, reading them ends, with an error or without.
func FuzzRestore(f *testing.F) {
	set := mustCompile(f, engineRules)
	e := NewEngine(set, Options{})
	evalAll(f, e, 0, 1, 2, 3, 9)
	state, err := e.State()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state[snapshotName(0)])
	f.Fuzz(func(t *testing.T, data []byte) {
		bad := map[string][]byte{engineState: state[engineState], snapshotName(0): data}
		err := NewEngine(set, Options{}).Restore(bad, e.evidence)
		if err != nil && !errors.Is(err, ErrState) {
			t.Errorf("got %v", err)
		}
	})
}

// TestStateWithoutRules: an engine without rules has a state as well, which it
// takes up again.
func TestStateWithoutRules(t *testing.T) {
	for range 2 {
		e := NewEngine(&Set{}, Options{})
		state, err := e.State()
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range state {
			if data == nil {
				delete(state, name) // what is nil is not stored
			}
		}
		if err := NewEngine(&Set{}, Options{}).Restore(state, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatIsNeverSavedTakesNoRoom: an engine whose state nobody asks for, as that of a
// backtest, holds on to no groups that it has let go.
func TestWhatIsNeverSavedTakesNoRoom(t *testing.T) {
	e := NewEngine(mustCompile(t, `
apiVersion: rules/v1
rules:
  - {id: each, name: E, severity: low, window: {size: 1s, by: [key], count: 9}, alert: {title: t}}
`), Options{MaxGroups: 10})
	for i := range 20_000 {
		at := audit.Time(1_000_000 + i)
		c := audit.Change{Seq: audit.Seq(i + 1), Time: at, Observed: at, Op: audit.OpUpdate, Key: audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: audit.ID(strconv.Itoa(i))}}
		if _, err := e.Eval(&c); err != nil {
			t.Fatal(err)
		}
	}
	if r := e.rules[0]; r.held.n != 10 || len(r.held.pieces) > 1 || r.held.texts.size > 200_000 || len(r.dirty) > 2_000 || len(r.gone) > 0 {
		t.Errorf("%d groups with %d bytes of texts, and %d that are to be saved, %d to be removed", r.held.n, r.held.texts.size, len(r.dirty), len(r.gone))
	}
}
