package report

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"

	"recourse/revert"
)

// PlanView is Plan with what else is known.
func (p *Printer) PlanView(v PlanView) error {
	return p.PlanParts(v, v.Plan.Unresolved(), func(yield func(PlanView, error) bool) { yield(v, nil) })
}

// PlanParts is PlanView of a plan that comes in parts, so that not all of it need be
// kept. Of the whole the header counts, and how many conflicts are not decided.
// What is printed is written part by part: an error may come after the begin.
func (p *Printer) PlanParts(whole PlanView, unresolved int, parts iter.Seq2[PlanView, error]) error {
	if p.o.Format == JSON || p.o.Format == YAML {
		return p.print(output{document: func() any { return newPlanDoc(whole.Plan) }})
	}
	w := planWriter{Printer: p, whole: &whole, notes: whole.notes(unresolved)}
	if err := w.begin(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	for v, err := range parts {
		if err != nil {
			return err
		}
		if err := w.part(&v); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if err := w.end(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// A planWriter prints one plan.
type planWriter struct {
	*Printer
	whole *PlanView
	notes []string // the last is the plan in one sentence
	lines int      // of the plan, so far
	b     bytes.Buffer
}

// flush writes what was gathered.
func (w *planWriter) flush() error {
	_, err := w.w.Write(w.b.Bytes())
	w.b.Reset()
	return err
}

func (w *planWriter) page() *page { return &page{b: &w.b, color: w.o.Color, width: w.o.Width} }

func (w *planWriter) begin() error {
	switch w.o.Format {
	case CSV:
		if err := (sheet{names: planColumns}).writeCSV(&w.b); err != nil {
			return err
		}
	case Markdown:
		sheet{names: planColumns}.writeMarkdown(&w.b)
	case HTML:
		if err := w.whole.html(w.notes).begin(&w.b); err != nil {
			return err
		}
	}
	return w.flush()
}

func (w *planWriter) part(v *PlanView) error {
	w.lines += len(v.Plan.Actions) + len(v.Plan.Conflicts) + len(v.Plan.Kept) + len(v.Plan.Containment)
	switch w.o.Format {
	case NDJSON:
		for _, l := range v.lines() {
			if err := writeJSON(&w.b, l, ""); err != nil {
				return err
			}
		}
	case CSV:
		if err := writeCSVRows(&w.b, planSheet(v).rows); err != nil {
			return err
		}
	case Markdown:
		planSheet(v).writeRows(&w.b)
	case HTML:
		if err := writeSections(&w.b, v.sections()); err != nil {
			return err
		}
	default:
		w.page().plan(v)
	}
	return w.flush()
}

func (w *planWriter) end() error {
	switch w.o.Format {
	case NDJSON:
		if err := writeJSON(&w.b, summaryLine{newPlanDoc(w.whole.Plan)}, ""); err != nil {
			return err
		}
	case Markdown:
		for _, n := range w.notes {
			fmt.Fprintf(&w.b, "\n%s\n", markdown(n))
		}
	case HTML:
		w.b.WriteString(htmlEnd)
	case CSV:
	default:
		g := w.page()
		if w.lines > 0 {
			g.gap()
		}
		for _, n := range w.notes[:len(w.notes)-1] {
			g.wrapped(warn, 0, n)
		}
		g.wrapped(bold, 0, w.notes[len(w.notes)-1])
	}
	return w.flush()
}

// notes are the warnings, and the plan in one sentence.
func (v *PlanView) notes(unresolved int) []string {
	h := &v.Plan.Header
	out := slices.Clip(planWarnings(v.Plan))
	if h.Purpose != "" {
		out = append(out, purposeWords(h))
	}
	if v.Plan.Review() {
		out = append(out, "review copy of plan "+Visible(h.Of)+": in the place of values stand salted hashes, and it cannot be applied")
	}
	s := planCounts(h, unresolved)
	if a := v.Approvals; a != nil && (a.Required > 0 || len(a.List) > 0) {
		s += fmt.Sprintf(" · approvals %d/%d", a.Counted, a.Required)
	}
	return append(out, s)
}

// purposeWords are what a plan is for that takes back an apply or restores a time.
func purposeWords(h *revert.Header) string {
	s := "purpose: " + Visible(h.Purpose)
	if len(h.Undoes) > 0 {
		plans := make([]string, len(h.Undoes))
		for i, p := range h.Undoes {
			plans[i] = Visible(p)
		}
		s += " of plan " + strings.Join(plans, ", ")
	}
	if h.Since != 0 {
		s += " as of " + iso(h.Since, false)
	}
	return s
}
