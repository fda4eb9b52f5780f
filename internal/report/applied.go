package report

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"recourse/audit"
	"recourse/revert"
)

// Applied is what became of a plan that was carried out, or in a dry run what
// stands in its way. It counts the plan's steps, each of which is one record.
type Applied struct {
	Plan          string // the plan's digest
	Applied       int    // writes that Harper acknowledged
	Verified      int    // proven from Harper's log and the record, now or earlier
	Already       int    // the record was as the plan wants it
	Repaired      int    // lost races that were written back
	Skipped       int    // the record was not what the plan expects; nothing was written
	Raced         int    // written, but over somebody's write of the same moment
	Failed        int    // refused or ignored by Harper
	Unknown       int    // it is not known whether it was written
	Pending       int    // not tried
	ConflictsLeft int    // nobody decided
	Classes       map[revert.Class]int
	Halted        string // why it ended before all was tried
	DryRun        bool   // nothing was written
	Took          time.Duration
	Steps         []revert.Step // in the plan's order; those that are not proven are listed for people
	Notes         []string      // what else a person should know
}

// AppliedOf is an apply's result, ready to be printed.
func AppliedOf(r *revert.Result) Applied {
	return Applied{
		Plan: r.Plan, Applied: r.Applied, Verified: r.Verified, Already: r.Already, Repaired: r.Repaired, Skipped: r.Skipped, Raced: r.Raced,
		Failed: r.Failed, Unknown: r.Unknown, Pending: r.Pending, ConflictsLeft: r.ConflictsLeft, DryRun: r.DryRun,
		Classes: r.Classes, Halted: r.Halted,
		Took: time.Duration(r.TookMS) * time.Millisecond, Steps: r.Steps,
	}
}

type appliedDoc struct {
	Plan          string               `json:"plan"`
	Applied       int                  `json:"applied"`
	Verified      int                  `json:"verified"`
	Already       int                  `json:"already,omitempty"`
	Repaired      int                  `json:"repaired"`
	Skipped       int                  `json:"skipped"`
	Raced         int                  `json:"raced"`
	Failed        int                  `json:"failed"`
	Unknown       int                  `json:"unknown"`
	Pending       int                  `json:"pending,omitempty"`
	ConflictsLeft int                  `json:"conflicts_left"`
	Classes       map[revert.Class]int `json:"classes,omitempty"`
	Halted        string               `json:"halted,omitempty"`
	DryRun        bool                 `json:"dry_run,omitempty"`
	TookMS        int64                `json:"took_ms"`
	Notes         []string             `json:"notes,omitempty"`
}

// troubles are the steps that a person has to look at.
func (a *Applied) troubles() []string {
	var out []string
	for _, s := range a.Steps {
		if s.Phase != audit.PhaseVerified && s.Phase != "" && s.Class != revert.ClassAlready {
			out = append(out, stepLine(s))
		}
	}
	return out
}

// Applied prints what became of a plan. JSON has the counts and in its notes the
// steps that went otherwise than planned; for people, all that did not end proven
// are listed one by one.
func (p *Printer) Applied(a Applied) error {
	return p.print(output{
		document: func() any {
			return appliedDoc{
				a.Plan, a.Applied, a.Verified, a.Already, a.Repaired, a.Skipped, a.Raced, a.Failed, a.Unknown, a.Pending, a.ConflictsLeft,
				a.Classes, a.Halted, a.DryRun, a.Took.Milliseconds(), append(slices.Clone(a.Notes), a.troubles()...),
			}
		},
		page:  func(g *page) { g.applied(&a) },
		sheet: func() sheet { return a.sheet() },
		notes: func() []string { return append([]string{a.title()}, a.notes()...) },
	})
}

func (a *Applied) title() string {
	title := "plan " + Visible(a.Plan) + ", in " + a.Took.Round(time.Millisecond).String()
	if a.DryRun {
		return "dry run, nothing was written: " + title
	}
	return title
}

type phaseCount struct {
	name  string
	n     int
	paint paint
}

func (a *Applied) counts() []phaseCount {
	return []phaseCount{
		{"applied", a.Applied, plain}, {"verified", a.Verified, good}, {"already", a.Already, good}, {"repaired", a.Repaired, warn},
		{"skipped", a.Skipped, warn}, {"raced", a.Raced, bad}, {"failed", a.Failed, bad}, {"unknown", a.Unknown, bad},
		{"pending", a.Pending, warn}, {"conflicts_left", a.ConflictsLeft, warn},
	}
}

func (a *Applied) notes() []string {
	var out []string
	if a.Unknown > 0 {
		out = append(out, "whether "+count(a.Unknown, "record")+" was written is not known")
	}
	for _, n := range a.Notes {
		out = append(out, Visible(n))
	}
	if a.Halted != "" {
		out = append(out, "halted: "+Visible(a.Halted))
	}
	for _, s := range a.Steps {
		if s.Phase != audit.PhaseVerified && (a.Halted == "" || s.Phase != "") {
			out = append(out, stepLine(s))
		}
	}
	return out
}

func (a *Applied) sheet() sheet {
	s := sheet{names: []string{"plan"}, rows: [][]string{{Visible(a.Plan)}}}
	for _, c := range a.counts() {
		s.names = append(s.names, c.name)
		s.rows[0] = append(s.rows[0], strconv.Itoa(c.n))
	}
	s.names = append(s.names, "dry_run", "took_ms")
	s.rows[0] = append(s.rows[0], strconv.FormatBool(a.DryRun), strconv.FormatInt(a.Took.Milliseconds(), 10))
	return s
}

func stepLine(s revert.Step) string {
	out := fmt.Sprintf("step %d: %s %s: %s", s.N, Visible(s.Do), record(s.Key), phaseWord(s))
	if s.Why != "" {
		out += ": " + Visible(s.Why)
	}
	return out
}

func (g *page) applied(a *Applied) {
	g.line(bold, "%s", a.title())
	for _, c := range a.counts() {
		tone := c.paint
		if c.n == 0 {
			tone = faint
		}
		g.line(tone, "  %-14s %d", factName(c.name), c.n)
	}
	for _, n := range a.notes() {
		g.wrapped(warn, 0, n)
	}
}

// phaseWord is how a step stands; the empty phase is one that was not tried.
func phaseWord(s revert.Step) string {
	switch {
	case s.Phase == "":
		return "planned"
	case s.Class != "":
		return Visible(string(s.Phase)) + " (" + Visible(string(s.Class)) + ")"
	}
	return Visible(string(s.Phase))
}

// Verified prints whether the records are as a plan wants them. For people,
// what differs is listed.
func (p *Printer) Verified(v *revert.Verification) error {
	return p.print(output{
		document: func() any {
			doc := *v
			doc.Checks = append([]revert.Check{}, v.Checks...)
			return doc
		},
		page: func(g *page) {
			for _, c := range v.Checks {
				if !c.OK {
					g.line(bad, "%s  %s", record(audit.Key(c.K)), checkAttr(c))
					g.wrapped(plain, 4, "want "+value(c.Want)+" · got "+value(c.Got))
					if c.Why != "" {
						g.wrapped(plain, 4, Visible(c.Why))
					}
				}
			}
			g.line(verifiedPaint(v), "%s", verifiedWords(v))
		},
		sheet: func() sheet {
			s := sheet{names: []string{"n", "record", "attribute", "ok", "want", "got", "why"}}
			for _, c := range v.Checks {
				s.rows = append(s.rows, []string{
					strconv.Itoa(c.N), record(audit.Key(c.K)), checkAttr(c), strconv.FormatBool(c.OK), optional(c.Want), optional(c.Got), Visible(c.Why),
				})
			}
			return s
		},
		notes: func() []string { return []string{verifiedWords(v)} },
	})
}

func checkAttr(c revert.Check) string {
	if c.Attr == "" {
		return "(whole record)"
	}
	return Visible(c.Attr)
}

func verifiedWords(v *revert.Verification) string {
	s := strconv.Itoa(v.OK) + " of " + count(v.Records, "record") + " as the plan wants them"
	if v.Differ > 0 {
		s += ", " + strconv.Itoa(v.Differ) + " not"
	}
	return s + " · plan " + Visible(v.Plan)
}

func verifiedPaint(v *revert.Verification) paint {
	if v.Differ > 0 || v.OK < v.Records {
		return bad
	}
	return good
}
