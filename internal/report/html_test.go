package report_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/revert"
)

// blamed is the plan of the golden files with who gave its values.
func blamed() report.PlanView {
	p := plan()
	p.Actions[1].Notes = map[revert.Class]string{revert.ClassSchema: "the table has no attribute big any more"}
	p.Actions[1].Decided = []revert.Class{revert.ClassStub}
	email := p.Actions[1].Attrs["email"]
	email.Paths = map[string]revert.PathValue{"/work": {Current: parse(`"e@y"`), Target: parse(`"a@x"`), Class: revert.ClassRevert}}
	p.Actions[1].Attrs["email"] = email
	p.Header.Purpose, p.Header.Undoes = "undo", []string{"3fe1a0112233"}
	p.Conflicts[0].Why, p.Conflicts[0].Withheld = "somebody wrote it later", &p.Actions[0]
	p.Containment = []revert.Containment{{Kind: "contain", N: 8, Do: revert.DoDeactivate, User: "eve", Events: 4}}
	by := func(user string, at audit.Time, v string) revert.Blame {
		return revert.Blame{Evidence: revert.Evidence{ID: audit.ChangeID{7}, User: user, Op: audit.OpPatch, Time: at}, Value: parse(v)}
	}
	ann, eve := by("ann", 1795465000000, `"a@x"`), by("eve", 1795465900000, `"e@y"`)
	ann.First, eve.Selected = true, true
	return report.PlanView{
		Plan: p, Approvals: &revert.Approvals{Required: 2, Counted: 1},
		Blame: map[audit.Key]revert.Blames{key("customers", `"c-17"`): {"email": {ann, eve}}},
	}
}

func TestPlanPage(t *testing.T) {
	for _, f := range []report.Format{report.HTML, report.Table, report.Markdown, report.NDJSON} {
		golden(t, "plan-blame."+string(f), report.Options{Format: f, Width: 100}, func(p *report.Printer) error { return p.PlanView(blamed()) })
	}
	golden(t, "plan-narrow.table", report.Options{Width: 50}, func(p *report.Printer) error { return p.PlanView(blamed()) })
	err := report.New(new(bytes.Buffer), report.Options{Format: report.HTML}).Facts(report.Facts{})
	if err == nil {
		t.Error("facts have no HTML, and are printed in it")
	}
}

// became is the account of the plan of the golden files.
func became(t *testing.T) *revert.Account {
	p := plan()
	p.Header.Policy.External = map[string]string{"shop.customers": "a mail goes to the customer"}
	p.Containment = []revert.Containment{{Kind: "contain", N: 8, Do: revert.DoDeactivate, User: "eve", Events: 4}}
	at := audit.Time(1795466000000)
	receipt := func(step int, phase audit.Phase) audit.Receipt {
		at += 1000
		return audit.Receipt{Plan: p.Header.Digest, Step: step, Phase: phase, At: at, By: "svc", Attempt: 1}
	}
	done, raced := receipt(1, audit.PhaseVerified), receipt(2, audit.PhaseRaced)
	done.Version, raced.Why = 1795466001500.25, "email: bob wrote \"b@y\" at the same moment"
	a, err := revert.AccountOf(p, []audit.Receipt{receipt(8, audit.PhaseVerified), receipt(1, audit.PhaseIntent), done, receipt(2, audit.PhaseSent), raced},
		&revert.Approvals{Required: 2, Counted: 1, List: []revert.Counted{{Approver: "bob", Key: "ab", Signed: "2026-11-24T09:00:00Z", OK: true}, {Key: "cd", Why: "the key is no approver's"}}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAccount(t *testing.T) {
	for _, f := range append([]report.Format{report.HTML}, formats...) {
		golden(t, "account."+string(f), report.Options{Format: f, Width: 100}, func(p *report.Printer) error { return p.Account(became(t)) })
	}
}

// A narrow terminal gets no line that is wider.
func TestPlanFitsTheTerminal(t *testing.T) {
	for _, width := range []int{30, 50, 80} {
		var b bytes.Buffer
		if err := report.New(&b, report.Options{Width: width}).PlanView(blamed()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(b.String(), "\n") {
			if n := len([]rune(line)); n > width {
				t.Errorf("%d columns, and a line of %d: %s", width, n, line)
			}
		}
	}
}

var (
	tags  = regexp.MustCompile(`<[^>]*>`)
	known = regexp.MustCompile(`^<(!DOCTYPE html|html lang="en"|meta [a-z-]+="[^"]*"( content="[^"]*")?|section class="(|good|bad|warn|faint)"|tr class="(|good|bad|warn|faint)"|th scope="col"|p class="note"|svg role="img" viewBox="0 0 [0-9]+ [0-9]+" width="100%" height="[0-9]+" preserveAspectRatio="none" xmlns="http://www.w3.org/2000/svg"|rect x="[0-9]+" y="[0-9]+" width="[0-9]+" height="[0-9]+"|/?(figure|figcaption|span|svg|rect)|/?(head|html|body|title|style|h1|h2|dl|dt|dd|p|table|thead|tbody|tr|td|th|section))>$`)
)

// checkPage says that a page has no element and no attribute but our own.
func checkPage(t interface {
	Helper()
	Fatalf(string, ...any)
}, page string) {
	t.Helper()
	checkHarmless(t, page, false)
	for _, tag := range tags.FindAllString(page, -1) {
		if !known.MatchString(tag) {
			t.Fatalf("not ours: %s", tag)
		}
	}
}

// Whatever a record, a user or a reason holds, it is text on the page.
func TestHostilePage(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"<script>alert(1)</script>", "\"", "'", ">", "<", "&lt;", "onerror=", "</style>", "<!--", "-->", "]]>", "javascript:", "\x1b[2J", "\u202e", "\x00", "é", "{{.}}", "<img src=x onerror=alert(1)>", "</td>", "|", "\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		evil := strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(t, "pieces"), "")
		c := hostile()
		c.User, c.Note, c.Op = evil, evil, audit.Op(evil)
		c.Key = audit.Key{Table: audit.Table{Database: evil, Name: evil}, ID: audit.ID(audit.Text(evil).JSON())}
		c.After = audit.PresentImage(audit.Object(map[string]audit.Value{evil: audit.Text(evil)}), audit.Logged, audit.Exact)
		prints := verbPrints(c, report.HTML)
		var reported bytes.Buffer
		if err := prints[len(prints)-1](report.New(&reported, report.Options{Format: report.HTML})); err != nil {
			t.Fatal(err)
		}
		checkPage(t, reported.String())
		p := hostilePlan(c)
		h := &p.Header
		h.ID, h.Digest, h.Of, h.Author, h.Created, h.Expires, h.Tool, h.Instance.ID, h.Kind = evil, evil, evil, evil, evil, evil, evil, evil, "revert-review"
		h.Purpose, h.Undoes = evil, []string{evil}
		p.Containment = []revert.Containment{{User: evil, Do: evil}}
		b := revert.Blame{Evidence: revert.Evidence{User: evil, Op: audit.Op(evil)}, Value: c.After.Body, Plan: evil}
		view := report.PlanView{Plan: p, Blame: map[audit.Key]revert.Blames{c.Key: {evil: {b}}}}
		var page bytes.Buffer
		if err := report.New(&page, report.Options{Format: report.HTML}).PlanView(view); err != nil {
			t.Fatal(err)
		}
		checkPage(t, page.String())
		h.Policy.External = map[string]string{c.Key.Table.String(): evil}
		h.Warnings, p.Conflicts[0].Resolution = []string{evil}, &revert.Resolution{Option: evil, Reason: evil, By: evil, At: evil}
		a, err := revert.AccountOf(p, []audit.Receipt{{Step: 0, Phase: audit.Phase(evil), Why: evil, By: evil, Version: 1, Class: evil}},
			&revert.Approvals{List: []revert.Counted{{Approver: evil, Key: evil, Signed: evil, Why: evil}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range append([]report.Format{report.HTML}, formats...) {
			page.Reset()
			if err := report.New(&page, report.Options{Format: f}).Account(a); err != nil {
				t.Fatal(err)
			}
			checkHarmless(t, page.String(), false)
		}
		page.Reset()
		if err := report.New(&page, report.Options{Format: report.HTML}).Account(a); err != nil {
			t.Fatal(err)
		}
		checkPage(t, page.String())
	})
}
