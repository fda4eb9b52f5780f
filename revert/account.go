package revert

import (
	"cmp"
	"maps"
	"slices"

	"recourse/audit"
)

// An Account is what became of a plan: of each action the proof, and of everything
// that was not taken back the reason. It is made of the plan and the journal
// alone; no server is asked.
type Account struct {
	Plan        string              `json:"plan"`
	Author      string              `json:"author,omitempty"`
	Created     string              `json:"created,omitempty"`
	Instance    Instance            `json:"instance"`
	Selection   SelectionInfo       `json:"selection"`
	Begun       audit.Time          `json:"begun"` // our clock at the first receipt; 0: nothing was begun
	Ended       audit.Time          `json:"ended"` // at the last one
	By          []string            `json:"by"`    // the Harper users that wrote
	Aborted     string              `json:"aborted,omitempty"`
	Counts      map[audit.Phase]int `json:"counts"`  // steps by how they stand; "" are those that were not tried
	Classes     map[Class]int       `json:"classes"` // lines of the plan by class: attributes written, conflicts, kept
	Steps       []AccountStep       `json:"steps"`
	NotReverted []NotReverted       `json:"not_reverted"`
	Blind       []BlindRecord       `json:"blind"`
	External    map[string]string   `json:"external"` // declared effects outside of Harper of the tables that were touched
	Containment []AccountStep       `json:"containment"`
	Decisions   []AccountDecision   `json:"decisions"`
	Warnings    []string            `json:"warnings"`
	Coverage    *Coverage           `json:"coverage,omitempty"`
	Roots       map[string]string   `json:"roots"`
	Approvals   *Approvals          `json:"approvals,omitempty"` // nil: nobody looked
}

// An AccountStep is how one step of a plan stands.
type AccountStep struct {
	N        int                   `json:"n"`
	K        Target                `json:"k"`
	Do       string                `json:"do"`
	Phase    audit.Phase           `json:"phase"`           // empty: not tried
	Class    Class                 `json:"class,omitempty"` // how it ended, more exactly
	Why      string                `json:"why,omitempty"`
	By       string                `json:"by,omitempty"`      // the Harper user that wrote
	At       audit.Time            `json:"at,omitempty"`      // our clock, of the last receipt
	Guard    audit.Time            `json:"guard,omitempty"`   // the record's version that the write was based on
	Version  audit.Time            `json:"version,omitempty"` // the time of our own change in Harper's log, which proves it
	Attempts int                   `json:"attempts,omitempty"`
	Receipts int                   `json:"receipts"` // how many the journal has
	Attrs    map[string]AttrChange `json:"attrs,omitempty"`
	Changes  []audit.ChangeID      `json:"changes,omitempty"`   // the selected changes that it takes back
	Proof    *Inclusion            `json:"inclusion,omitempty"` // of the action in the plan
}

// An AttrChange is what an attribute was and was to become.
type AttrChange struct {
	From audit.Value `json:"from,omitempty"`
	To   audit.Value `json:"to,omitempty"`
	Add  audit.Value `json:"add,omitempty"` // an increment
}

// NotReverted is something of the selection that was not taken back.
type NotReverted struct {
	K     Target `json:"k"`
	Attr  string `json:"attr,omitempty"` // empty: the record, or what the class says
	Class Class  `json:"class"`
	Why   string `json:"why"`
}

// A BlindRecord is a blind window with its record.
type BlindRecord struct {
	K Target `json:"k"`
	Window
}

// An AccountDecision is a resolution with its conflict.
type AccountDecision struct {
	K     Target `json:"k"`
	Class Class  `json:"class"`
	Resolution
}

// AccountOf makes the account of a plan from its receipts, in their order.
func AccountOf(p *Plan, receipts []audit.Receipt, approvals *Approvals) (*Account, error) {
	h := &p.Header
	a := &Account{
		Plan: h.Digest, Author: h.Author, Created: h.Created, Instance: h.Instance, Selection: h.Selection, By: []string{},
		Counts: map[audit.Phase]int{}, Classes: map[Class]int{}, Steps: []AccountStep{}, NotReverted: []NotReverted{}, Blind: []BlindRecord{},
		External: map[string]string{}, Containment: []AccountStep{}, Decisions: []AccountDecision{}, Warnings: append([]string{}, h.Warnings...),
		Coverage: h.Coverage, Approvals: approvals,
		Roots: map[string]string{"actions": h.Actions, "conflicts": h.Conflicts, "kept": h.Kept, "containment": h.Containment},
	}
	stands := a.read(receipts)
	proofs, err := p.proofs()
	if err != nil {
		return nil, err
	}
	for i := range p.Actions {
		a.action(&p.Actions[i], stands[p.Actions[i].N], &proofs[i])
		a.touch(p, p.Actions[i].K)
	}
	for i := range p.Conflicts {
		a.conflict(&p.Conflicts[i])
		a.touch(p, p.Conflicts[i].K)
	}
	for i := range p.Kept {
		k := &p.Kept[i]
		a.kept(k.K, k.Kept)
		a.Classes[k.Class]++
		a.blind(k.K, k.Blind)
	}
	for i := range p.Containment {
		c := &p.Containment[i]
		s := stands[c.N]
		s.N, s.K, s.Do = c.N, Target(accountKey(c.User)), c.Do
		a.Containment = append(a.Containment, s)
	}
	slices.SortFunc(a.NotReverted, func(x, y NotReverted) int {
		return cmp.Or(compareKeys(audit.Key(x.K), audit.Key(y.K)), cmp.Compare(x.Attr, y.Attr), cmp.Compare(x.Class, y.Class))
	})
	slices.SortFunc(a.Blind, func(x, y BlindRecord) int {
		return cmp.Or(compareKeys(audit.Key(x.K), audit.Key(y.K)), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	a.Blind = slices.Compact(a.Blind) // a record with several lines tells its windows with each
	return a, nil
}

// read gathers the receipts by step.
func (a *Account) read(receipts []audit.Receipt) map[int]AccountStep {
	stands := map[int]AccountStep{}
	for _, r := range receipts {
		if a.Begun == 0 || r.At < a.Begun {
			a.Begun = r.At
		}
		a.Ended = max(a.Ended, r.At)
		if r.By != "" && !slices.Contains(a.By, r.By) {
			a.By = append(a.By, r.By)
		}
		if r.Phase == audit.PhaseAborted {
			a.Aborted = cmp.Or(r.Why, "aborted")
			continue
		}
		s := stands[r.Step]
		s.Phase, s.Class, s.Why, s.By, s.At, s.Attempts = r.Phase, Class(r.Class), r.Why, r.By, r.At, max(s.Attempts, r.Attempt)
		if r.Phase == audit.PhaseIntent && s.Class != ClassRepair {
			s.Guard = r.Guard
		}
		s.Version = max(s.Version, r.Version)
		s.Receipts++
		stands[r.Step] = s
	}
	slices.Sort(a.By)
	return stands
}

// proofs are those of the actions.
func (p *Plan) proofs() ([]Inclusion, error) {
	list := make([][]byte, len(p.Actions))
	for i := range p.Actions {
		line, err := canonical(&p.Actions[i])
		if err != nil {
			return nil, err
		}
		list[i] = line
	}
	return inclusions(list), nil
}

func (a *Account) action(act *Action, s AccountStep, proof *Inclusion) {
	s.N, s.K, s.Do, s.Changes, s.Proof, s.Attrs = act.N, act.K, act.Do, act.Changes, proof, map[string]AttrChange{}
	for name, v := range act.targets() {
		s.Attrs[name] = AttrChange{From: act.Expect.Owned[name], To: v}
	}
	for name, v := range act.Add {
		s.Attrs[name] = AttrChange{From: act.Expect.Owned[name], Add: v}
	}
	for _, at := range act.Attrs {
		a.Classes[at.Class]++
	}
	a.Counts[s.Phase]++
	a.Steps = append(a.Steps, s)
	a.kept(act.K, act.Kept)
	a.blind(act.K, act.Blind)
	switch {
	case s.done():
	case s.Phase == "":
		a.missed(act.K, "", "not tried")
	default:
		a.missed(act.K, s.Class, cmp.Or(string(s.Phase)+": "+s.Why, string(s.Phase)))
	}
}

func (a *Account) missed(k Target, class Class, why string) {
	a.NotReverted = append(a.NotReverted, NotReverted{K: k, Class: class, Why: why})
}

func (a *Account) conflict(c *Conflict) {
	a.Classes[c.Class]++
	a.blind(c.K, c.Blind)
	switch r := c.Resolution; {
	case r == nil:
		a.missed(c.K, c.Class, "a conflict that nobody decided: "+c.Default)
	case r.Option == OptionKeep:
		a.missed(c.K, c.Class, "decided by "+r.By+": "+r.Option+", "+r.Reason)
	}
	if c.Resolution != nil {
		a.Decisions = append(a.Decisions, AccountDecision{c.K, c.Class, *c.Resolution})
	}
}

func (a *Account) kept(k Target, kept map[string]KeptValue) {
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		v := kept[name]
		who := v.By.User
		if who == "" {
			who = "nobody the log names"
		}
		a.Classes[v.Class]++
		a.NotReverted = append(a.NotReverted, NotReverted{K: k, Attr: name, Class: v.Class, Why: "kept as " + who + " left it at " + v.By.Time.ISO()})
	}
}

func (a *Account) blind(k Target, windows []Window) {
	for _, w := range windows {
		a.Blind = append(a.Blind, BlindRecord{k, w})
	}
}

// touch notes the declared effects of a record's table.
func (a *Account) touch(p *Plan, k Target) {
	if e := p.Header.Policy.External[k.Table.String()]; e != "" {
		a.External[k.Table.String()] = e
	}
}

// done says that the step is proven, or found nothing to do.
func (s *AccountStep) done() bool {
	switch s.Phase {
	case audit.PhaseVerified, audit.PhaseRepaired:
		return true
	case audit.PhaseSkipped:
		return s.Class == ClassAlready || s.Why == alreadyDone
	}
	return false
}

// Whole says that every step is proven, or found nothing to do.
func (a *Account) Whole() bool {
	return !slices.ContainsFunc(a.Steps, func(s AccountStep) bool { return !s.done() })
}
