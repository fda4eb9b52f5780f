package revert

import (
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// header says of what the plan was made.
func (p *planner) header() (err error) {
	h := &p.plan.Header
	h.Kind, h.V = planKind, planVersion
	h.Created, h.Author, h.Tool, h.Expires = p.req.Created, p.req.Author, p.req.Tool, p.req.Expires
	h.Instance, h.Approvals = p.req.Instance, p.req.Approvals
	h.History = HistoryInfo{Records: p.digest.records, Changes: p.changes, Baseline: p.baselined, Head: p.head, Digest: p.digest.String(), Gaps: p.planGaps()}
	h.Coverage = p.req.Coverage
	h.Selection = SelectionInfo{Digest: digestIDs(nil), Users: map[string]int{}}
	if s := p.req.Selection; s != nil {
		h.Selection = SelectionInfo{Digest: digestIDs(s.Changes), Events: len(s.Changes), Users: s.Users, First: s.First, Last: s.Last, Criteria: &s.Criteria}
	}
	h.Purpose, h.Undoes, h.Since = p.req.Undo.Purpose, p.req.Undo.Plans, p.req.Undo.Since
	h.Applies = p.ledger.roots()
	h.Ledger = digestRoots(h.Applies)
	h.Policy = p.req.Policy
	h.Managed = map[string][]string{}
	for t, names := range p.managed {
		h.Managed[t.String()] = sortedNames(names)
	}
	p.count(h)
	if h.Schema, err = p.req.Schema.info(p.tables); err != nil {
		return err
	}
	h.Warnings = p.warnings()
	return nil
}

// count counts the plan's lines.
func (p *planner) count(h *Header) {
	if s := p.spool; s != nil {
		h.Classes, p.provisional, p.reborn = s.classes, s.provisional, s.reborn
		s.counts.addTo(&h.Counts)
		return
	}
	h.Classes = map[Class]int{}
	for i := range p.plan.Conflicts {
		h.Classes[p.plan.Conflicts[i].Class]++
	}
	h.Counts.Conflict = len(p.plan.Conflicts)
	for i := range p.plan.Actions {
		a := &p.plan.Actions[i]
		p.provisional += h.Counts.action(a)
		p.reborn += a.reborn()
	}
}

// action counts an action, and how many of its values are from images that were
// read late.
func (c *Counts) action(a *Action) (provisional int) {
	switch a.Do {
	case DoInsert:
		c.Insert++
	case DoPatch:
		c.Patch++
	case DoDelete:
		c.Delete++
	}
	for _, at := range a.Attrs {
		if at.Class == ClassCarried {
			c.Carried++
		}
		if at.Trust <= audit.Provisional && a.Do != DoDelete {
			provisional++
		}
	}
	return provisional
}

// reborn is 1 if the action makes a record anew, and its time of creation is lost.
func (a *Action) reborn() int {
	if a.Do == DoInsert && a.Notes[ClassServerManaged] != "" {
		return 1
	}
	return 0
}

// addTo adds what of the counts is counted line by line.
func (c *Counts) addTo(to *Counts) {
	to.Insert, to.Patch, to.Delete, to.Conflict = to.Insert+c.Insert, to.Patch+c.Patch, to.Delete+c.Delete, to.Conflict+c.Conflict
	to.Carried += c.Carried
}

func (p *planner) warnings() []string {
	w := []string{}
	say := func(n int, format string) {
		if n > 0 {
			w = append(w, fmt.Sprintf(format, n))
		}
	}
	say(p.plan.Header.Counts.Blind, "blind windows: %d; legitimate writes that failed because the attacker had made or deleted a record left no trace")
	say(p.unsure, "no-base: records of which the history does not show how they were at the time that is restored: %d")
	say(p.reborn, "server-managed: records that are made anew, and get a new time of creation: %d")
	say(p.provisional, "values from images that were read late and then confirmed: %d")
	say(p.unlogged, "log-gap: %d changes found other values than the change before had left; what came between was not logged")
	for _, more := range []string{p.req.stay(), p.gaps(), p.lossy.warning()} {
		if more != "" {
			w = append(w, more)
		}
	}
	say(p.elsewhere, "selected changes of other clusters: %d; this plan leaves them alone, so plan for those clusters too")
	say(p.messages, "selected messages: %d; they changed no record")
	say(p.txns.partial, "partial-transaction: of %d transactions only a part is selected")
	if p.req.Schema == nil {
		w = append(w, "schema: not known; whether tables and attributes still are what they were was not looked at")
	}
	return append(append(w, p.notes...), p.external()...)
}

// external names what a plan cannot take back.
func (p *planner) external() []string {
	var w []string
	for _, t := range slices.SortedFunc(maps.Keys(p.tables), compareTables) {
		if effect := p.req.Policy.External[t.String()]; effect != "" {
			w = append(w, fmt.Sprintf("external effects of %s, which no plan takes back: %s", t, effect))
		}
	}
	return w
}
