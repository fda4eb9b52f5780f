package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

// lmdbIncident is the incident as an older Harper logged it: less of its log is
// missing than on the other line.
const lmdbIncident = "../../testdata/incidents/lmdb"

// stateOf is how the captured incident's tables were, but for what the server
// assigns: by DATABASE.TABLE/ID and attribute.
func stateOf(t *testing.T, which string) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	files, err := filepath.Glob(filepath.Join(lmdbIncident, which, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", which, files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := audit.FromJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		table := strings.TrimSuffix(filepath.Base(file), ".json")
		for row := range rows.Elems() {
			attrs := map[string]string{}
			for name, v := range row.Fields() {
				if name != "updated" && name != "created" && !strings.HasPrefix(name, "__") && v.Kind() != audit.KindNull {
					attrs[name] = v.JSON()
				}
			}
			id := row.Get("id")
			if id == nil {
				id = row.Get("code")
			}
			out[table+"/"+id.JSON()] = attrs
		}
	}
	return out
}

// TestCapturedInvestigation asks of the captured incident what an investigator asks
// first. Its log lacks parts, and its images were read late: so that no record which
// is bad in truth may be called harmless is the answer that matters most.
func TestCapturedInvestigation(t *testing.T) {
	var truth struct {
		Start     float64 `json:"t_incident_start"`
		Malicious []struct {
			DB        string `json:"db"`
			Table     string `json:"table"`
			ID        json.RawMessage
			User      string `json:"user_name"`
			Timestamp float64
		}
	}
	text, err := os.ReadFile(filepath.Join(lmdbIncident, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	q := &investigation{t: t, data: t.TempDir()}
	q.tell(exitPartly, "import", filepath.Join(lmdbIncident, "final"))
	of := fmt.Sprintf("user:bram time>=%s", audit.Time(truth.Start))
	q.capturedFacts(of)

	bad := map[string]bool{} // touched by the attacker, and not as it would be
	after, good := stateOf(t, "state-after"), stateOf(t, "state-counterfactual")
	for _, m := range truth.Malicious {
		key := m.DB + "." + m.Table + "/" + string(m.ID)
		if m.User != "bram" {
			continue
		}
		if !maps.Equal(after[key], good[key]) {
			bad[key] = true
		}
	}
	var blast struct {
		Records []struct {
			Database, Table string
			Key             json.RawMessage
			Class           string
		}
	}
	q.ask(exitOK, &blast, "blast", of)
	got := map[string]string{}
	for _, r := range blast.Records {
		got[r.Database+"."+r.Table+"/"+string(r.Key)] = r.Class
	}
	classes := map[string]int{}
	for _, key := range slices.Sorted(maps.Keys(bad)) {
		class := got[key]
		classes[class]++
		// What is missing was in parts of the log that the server could not read, or
		// that the attacker wiped.
		lost := class == "" && (strings.HasPrefix(key, "shop.orders/") || strings.HasPrefix(key, "shop.reviews/"))
		if class != "still-bad" && class != "unknown" && !lost {
			t.Errorf("%s is bad in truth, and called %q: it is %v, and would be %v", key, class, after[key], good[key])
		}
	}
	if classes["still-bad"] < 80 || classes["unknown"] > 80 {
		t.Errorf("of %d bad records: %v", len(bad), classes)
	}
}

// capturedFacts are the first questions: is the log whole, what, who, since when.
func (q *investigation) capturedFacts(of string) {
	q.tell(exitCoverage, "search", of, "--require-coverage")
	var alerts struct {
		Alerts []struct {
			Group map[string]string
		}
	}
	q.ask(exitOK, &alerts, "alerts", "list")
	if len(alerts.Alerts) == 0 {
		q.t.Error("no alert")
	}
	var actor struct {
		Alerts  []struct{ ID string }
		Tables  []struct{ Table string }
		Summary struct{ Changes int }
	}
	q.ask(exitOK, &actor, "actor", "bram")
	if len(actor.Alerts) < 5 || len(actor.Tables) < 4 || actor.Summary.Changes < 200 {
		q.t.Errorf("bram: %d alerts, %d tables, %d changes", len(actor.Alerts), len(actor.Tables), actor.Summary.Changes)
	}
	// The account to which the attacker sent money.
	var pickaxe struct {
		Summary struct {
			First struct{ User string }
			There int
		}
	}
	q.ask(exitOK, &pickaxe, "pickaxe", "--regex", "^XX00E")
	if pickaxe.Summary.First.User != "bram" || pickaxe.Summary.There == 0 {
		q.t.Errorf("the account first appeared by %+v", pickaxe.Summary)
	}
	for _, format := range []string{"md", "html"} {
		text := q.tell(exitOK, "report", of, "-o", format, "--title", "bram")
		for _, want := range []string{"not known to be whole", "nobody knows whether they are", "still as these changes left them"} {
			if !strings.Contains(text, want) {
				q.t.Errorf("the report as %s lacks %q", format, want)
			}
		}
	}
}
