package api

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A dashboard is what the test reads of Grafana's model.
type dashboard struct {
	Panels     []panel `json:"panels"`
	Templating struct {
		List []struct {
			Name, Type, Definition string
			Query                  any
		} `json:"list"`
	} `json:"templating"`
}

type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource struct{ UID string }
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct {
		Expr, LegendFormat, RefID string
		Datasource                struct{ UID string }
	}
}

const dashboardFile = "../../deploy/grafana/recourse.json"

func readDashboard(t *testing.T) (dashboard, any) {
	t.Helper()
	raw, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	var whole any
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	return d, whole
}

// stringsAt are all the strings that stand under a name, wherever they are.
func stringsAt(v any, name string) []string {
	var found []string
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && k == name {
				found = append(found, s)
				continue
			}
			found = append(found, stringsAt(e, name)...)
		}
	case []any:
		for _, e := range v {
			found = append(found, stringsAt(e, name)...)
		}
	}
	return found
}

var (
	legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	labelValues = regexp.MustCompile(`^label_values\((.+),\s*(\w+)\)$`)
	metricName  = regexp.MustCompile(`\brecourse_[a-z_]+`)
)

// TestDashboardNamesWhatExists reads every query of the dashboard, and what its
// legends and its variables ask for.
func TestDashboardNamesWhatExists(t *testing.T) {
	v := vocabularyOf(t)
	d, whole := readDashboard(t)
	exprs := stringsAt(whole, "expr")
	if len(exprs) < 40 {
		t.Errorf("only %d expressions found", len(exprs))
	}
	for _, e := range exprs {
		if _, wrong := v.check(e); len(wrong) > 0 {
			t.Errorf("%s: %s", e, strings.Join(wrong, "; "))
		}
	}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			has, _ := v.check(q.Expr)
			for _, l := range legendLabel.FindAllStringSubmatch(q.LegendFormat, -1) {
				if !slices.Contains(has, l[1]) {
					t.Errorf("panel %q: the legend %q names a label that %s has not", p.Title, q.LegendFormat, q.Expr)
				}
			}
		}
	}
	for _, x := range d.Templating.List {
		if x.Type == "datasource" {
			continue
		}
		query, _ := x.Query.(map[string]any)["query"].(string)
		m := labelValues.FindStringSubmatch(query)
		if m == nil || query != x.Definition {
			t.Errorf("variable %s: %q, defined as %q", x.Name, query, x.Definition)
			continue
		}
		has, wrong := v.check(m[1])
		if len(wrong) > 0 || !slices.Contains(has, m[2]) {
			t.Errorf("variable %s: %s: %v", x.Name, query, wrong)
		}
	}
}

// TestDashboardShowsEverything: a metric that nobody looks at is a metric too many.
func TestDashboardShowsEverything(t *testing.T) {
	_, whole := readDashboard(t)
	shown := strings.Join(stringsAt(whole, "expr"), "\n")
	for name := range vocabularyOf(t) {
		if !strings.HasPrefix(name, "recourse_") || strings.HasSuffix(name, "_seconds_sum") || strings.HasSuffix(name, "_seconds_count") {
			continue
		}
		if !slices.Contains(metricName.FindAllString(shown, -1), name) {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}

// TestDashboardIsSound checks what Grafana would not complain about: panels
// that lie upon each other, identities used twice, a data source of one installation.
func TestDashboardIsSound(t *testing.T) {
	d, whole := readDashboard(t)
	variables := []string{"datasource", "__rate_interval"}
	for _, x := range d.Templating.List {
		variables = append(variables, x.Name)
	}
	for _, s := range append(stringsAt(whole, "expr"), stringsAt(whole, "query")...) {
		for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(s, -1) {
			if !slices.Contains(variables, m[1]) {
				t.Errorf("%s: there is no variable %s", s, m[1])
			}
		}
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("panel %q: its id %d is another's too", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W < 1 || p.GridPos.H < 1 {
			t.Errorf("panel %q does not fit: %+v", p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, there := taken[[2]int{x, y}]; there {
					t.Fatalf("panel %q lies on %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q: data source %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, q := range p.Targets {
			if q.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q: query %s asks %q", p.Title, q.RefID, q.Datasource.UID)
			}
		}
	}
}

var annotated = regexp.MustCompile(`\$labels\.(\w+)`)

// TestAlertingRulesNameWhatExists reads the rules for Prometheus.
func TestAlertingRulesNameWhatExists(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(raw, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	v, seen := vocabularyOf(t), map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			has, wrong := v.check(r.Expr)
			if len(wrong) > 0 || len(has) == 0 {
				t.Errorf("%s: %s: %s", r.Alert, r.Expr, strings.Join(wrong, "; "))
			}
			if seen[r.Alert] || r.Annotations["summary"] == "" || !slices.Contains([]string{"warning", "critical"}, r.Labels["severity"]) {
				t.Errorf("%s: there twice, or without a summary, or of severity %q", r.Alert, r.Labels["severity"])
			}
			seen[r.Alert] = true
			for _, text := range r.Annotations {
				for _, m := range annotated.FindAllStringSubmatch(text, -1) {
					if !slices.Contains(has, m[1]) {
						t.Errorf("%s: %q names a label that %s has not", r.Alert, text, r.Expr)
					}
				}
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d rules", len(seen))
	}
}
