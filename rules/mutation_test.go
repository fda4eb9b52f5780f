package rules

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// compiledWith compiles files, each rule altered before.
func compiledWith(files []File, alter func(*spec)) (*Set, error) {
	set, said, words := &Set{}, &labels{}, &vocabulary{}
	var compiled []*compilation
	for _, file := range files {
		d := newDocument(file)
		f := readFile(d, d.parse(file.Data), file.Open)
		for _, s := range f.rules {
			alter(s)
		}
		said = said.with(f.labels)
		compiled = append(compiled, newCompilation(f, words, nil))
	}
	taken := map[string]*Rule{}
	var specs []*spec
	for _, c := range compiled {
		c.labels = said
		specs = append(specs, c.compileFile(taken)...)
	}
	link(specs, taken)
	var errs LintErrors
	for _, c := range compiled {
		errs = append(errs, c.doc.sorted()...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	for _, s := range specs {
		set.rules = append(set.rules, &s.rule)
	}
	return set, nil
}

// killed says that a test of the rule fails, or one of a rule that refers to it.
func killed(set *Set, id string) bool {
	own := set.Rule(id)
	judges := []*Rule{own}
	for _, r := range set.rules {
		if slices.ContainsFunc(r.inputs, func(in input) bool { return in.ref == id }) {
			judges = append(judges, r)
		}
	}
	for _, r := range judges {
		for i := range r.tests {
			if r.tests[i].run(r, set) != nil {
				return true
			}
		}
	}
	return false
}

// equivalents are the mutants that mean the same as the rule, and why: nothing that
// can happen tells one from the other. They are no failure of the tests.
var equivalents = []struct{ what, why, rules string }{
	{"match without ops", "a deletion leaves no value, and the condition asks for one that is left; ops saves the work",
		"absurd-amount audit-log-deleted bulk-delete-job contact-details-changed contact-drip contacts-to-one-domain creation-time-altered " +
			"format-broken full-discount limit-raised many-small-credits mass-value-change one-account-for-many owner-changed " +
			"payout-details-and-amount payout-details-changed ransom-note same-amount-added same-amount-inserted same-text-in-a-day " +
			"same-text-sprayed script-injected secret-stored super-user-granted tenfold-value-change there-and-back-once values-encrypted"},
	{"step 1 match without ops", "the same", "payee-then-payment"},
	{"by without table", "the rule matches one table", "accounts-lost-in-a-day passwords-changed roles-changed-in-bulk users-locked-out"},
	{`where: op == "insert" or before_state == "absent" → before_state == "absent"`, "what is inserted was not there", "user-created"},
}

// equivalent is why the mutant means the same; empty if it does not.
func equivalent(m mutant) string {
	for _, e := range equivalents {
		if e.what == m.what && slices.Contains(strings.Fields(e.rules), m.rule) {
			return e.why
		}
	}
	return ""
}

// TestMutantsOfTheBuiltinRules puts one mistake after the other into the rules that
// come with the program, and counts how many their tests find. A run takes a
// sample of them; RECOURSE_SOAK=1 takes all, and lists what was not found.
func TestMutantsOfTheBuiltinRules(t *testing.T) {
	every, least := 89, 0.7 // of a sample; of all it is 0.9
	if os.Getenv("RECOURSE_SOAK") != "" {
		every, least = 1, 0.9
	}
	files := BuiltinFiles()
	var all []mutant
	if _, err := compiledWith(files, func(s *spec) { all = append(all, mutantsOf(s)...) }); err != nil {
		t.Fatal(err)
	}
	if len(all) < 700 {
		t.Fatalf("%d mutants", len(all))
	}
	tried, found, same, invalid := 0, 0, 0, 0
	survivors := map[string][]string{}
	for i, m := range all {
		if i%every != 0 {
			continue
		}
		set, err := compiledWith(files, func(s *spec) {
			if s.rule.ID == m.rule {
				m.apply(s)
			}
		})
		if err != nil {
			invalid++ // lint finds it
			continue
		}
		switch {
		case killed(set, m.rule):
			tried, found = tried+1, found+1
		case equivalent(m) != "":
			same++
		default:
			tried++
			survivors[m.rule] = append(survivors[m.rule], m.what)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(survivors), cmp.Compare[string]) {
		for _, what := range survivors[id] {
			t.Logf("not found: %s: %s", id, what)
		}
	}
	share := float64(found) / float64(tried)
	t.Logf("%d mutants, of which lint refuses %d and %d mean the same; of the other %d the tests find %d: %.1f %%", tried+same+invalid, invalid, same, tried, found, 100*share)
	if share < least {
		t.Errorf("the tests find %.1f %%, want %.0f %%", 100*share, 100*least)
	}
}
