package api

import (
	"context"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"recourse/audit"
)

// scrape is what Prometheus would read: name to family, parsed from the text.
func scrape(t *testing.T, s *Server) map[string]*dto.MetricFamily {
	t.Helper()
	w := get(t, s.Handler(), "GET", "/metrics")
	if w.Code != 200 {
		t.Fatalf("/metrics: %d %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatalf("parse /metrics: %v", err)
	}
	return families
}

// value is one sample, by its labels in the form a=1,b=2 in the order of their names.
func value(t *testing.T, families map[string]*dto.MetricFamily, name, labels string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		var have []string
		for _, l := range m.Label {
			have = append(have, l.GetName()+"="+l.GetValue())
		}
		if strings.Join(have, ",") == labels {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return math.NaN()
}

func TestMetricsAreWhatTheStateSays(t *testing.T) {
	s := New(Options{State: constant(full())})
	s.ObservePoll("db1", 20*time.Millisecond)
	s.ObservePoll("db1", time.Hour)
	got := scrape(t, s)
	missing := math.NaN()
	for _, tt := range []struct {
		name, labels string
		want         float64
	}{
		{"recourse_state_known", "", 1},
		{"recourse_changes_total", "", 4058},
		{"recourse_changes_late_total", "", 3},
		{"recourse_divergences_total", "", 2},
		{"recourse_amendments_total", "", 1},
		{"recourse_gaps", "kind=purged", 2},
		{"recourse_gaps", "kind=unreadable", 1},
		{"recourse_gaps", "kind=outage", 0},
		{"recourse_gaps", "kind=", missing},
		{"recourse_gaps_found_total", "kind=purged", 5},
		{"recourse_gaps_found_total", "kind=unreadable", 1},
		{"recourse_store_free_bytes", "", 9e9},
		{"recourse_store_writable", "", 1},
		{"recourse_alerts_open", "severity=high", 2},
		{"recourse_alerts_open", "severity=critical", 0},
		{"recourse_baseline_records", "database=dev,table=dog", 15},
		{"recourse_read_timestamp_seconds", "database=dev,node=db1,table=dog", float64(noon.Unix() - 2)},
		// The node's clock is a quarter of a second ahead of ours.
		{"recourse_lag_seconds", "database=dev,node=db1,table=dog", 2.25},
		{"recourse_lag_seconds", "database=dev,node=db2,table=dog", 3600},
		{"recourse_lag_seconds", "database=dev,node=db2,table=cat", missing},
		{"recourse_tables_unread", "node=db2", 1},
		{"recourse_retention_left_seconds", "node=db1", 72*3600 - 3.25},
		{"recourse_retention_left_seconds", "node=db2", missing}, // its retention is not known
		{"recourse_clock_skew_seconds", "node=db1", .25},
		{"recourse_clock_skew_seconds", "node=db2", missing},
		{"recourse_node_up", "node=db1", 1},
		{"recourse_node_up", "node=db2", 0},
		{"recourse_node_reached_timestamp_seconds", "node=db2", missing},
		{"recourse_polls_total", "node=db1", 10},
		{"recourse_poll_errors_total", "class=timeout,node=db1", 2},
		{"recourse_poll_errors_total", "class=other,node=db1", 1},
		{"recourse_poll_errors_total", "class=busy,node=db1", 0},
		{"recourse_poll_errors_total", "class=never heard of,node=db1", missing},
		{"recourse_poll_duration_seconds", "node=db1", 2},
		{"recourse_feed_connected", "kind=component,node=db1", 0},
		{"recourse_feed_connected", "kind=sse,node=db1", 1},
		{"recourse_tables_left_out", "", 0},
	} {
		v := value(t, got, tt.name, tt.labels)
		if v != tt.want && !(math.IsNaN(v) && math.IsNaN(tt.want)) {
			t.Errorf("%s{%s} = %v, want %v", tt.name, tt.labels, v, tt.want)
		}
	}
}

// TestMetricsFollowTheConventions asks Prometheus' own linter.
func TestMetricsFollowTheConventions(t *testing.T) {
	s := New(Options{State: constant(full())})
	s.ObservePoll("db1", time.Second)
	problems, err := testutil.GatherAndLint(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestEmptyStateClaimsNothing holds that what is not known has no figure.
func TestEmptyStateClaimsNothing(t *testing.T) {
	got := scrape(t, New(Options{State: constant(State{Nodes: []NodeState{{Node: "db1"}}})}))
	for _, name := range []string{"recourse_store_free_bytes", "recourse_clock_skew_seconds", "recourse_retention_seconds",
		"recourse_retention_left_seconds", "recourse_node_reached_timestamp_seconds", "recourse_lag_seconds",
		"recourse_read_timestamp_seconds", "recourse_reconcile_timestamp_seconds", "recourse_loop_beat_timestamp_seconds"} {
		if f := got[name]; f != nil {
			t.Errorf("%s is there: %v", name, f)
		}
	}
	if v := value(t, got, "recourse_store_writable", ""); v != 0 {
		t.Errorf("recourse_store_writable = %v of a store that is not open", v)
	}
}

func TestUnknownStateIsSaid(t *testing.T) {
	s := New(Options{State: func(context.Context) (State, error) { return full(), errors.New("closed") }})
	got := scrape(t, s)
	if v := value(t, got, "recourse_state_known", ""); v != 0 {
		t.Errorf("recourse_state_known = %v, want 0", v)
	}
	for name := range maps.Keys(got) {
		if strings.HasPrefix(name, "recourse_") && name != "recourse_state_known" {
			t.Errorf("%s is there though the state is not known", name)
		}
	}
	if got["go_goroutines"] == nil || got["process_start_time_seconds"] == nil {
		t.Error("the process' own figures are missing")
	}
}

// TestHostileNames holds that no name of a table costs the answer.
func TestHostileNames(t *testing.T) {
	st := full()
	st.Nodes[0].Node = "db\xff1"
	for _, name := range []string{"\xff\xfe", "a\"b\\c\nd", "}", "x 1\nrecourse_gaps 5", strings.Repeat("ä", 5000), "e\x00\x1b[2J"} {
		st.Tables = append(st.Tables, TableState{"db\xff1", audit.Table{Database: "dev", Name: name}, audit.TimeOf(noon)})
	}
	s := New(Options{State: constant(st)})
	s.ObservePoll("db\xff1", time.Second)
	got := scrape(t, s)
	if n := len(got["recourse_lag_seconds"].GetMetric()); n != 9 {
		t.Errorf("%d lags, want 9", n)
	}
	if v := value(t, got, "recourse_lag_seconds", `database=dev,node=db\xff1,table=\xff\xfe`); math.IsNaN(v) {
		t.Error("the name that is no UTF-8 has no lag")
	}
	if v := value(t, got, "recourse_poll_duration_seconds", `node=db\xff1`); v != 1 {
		t.Errorf("polls of the node that is no UTF-8: %v", v)
	}
}

// TestOneBadFigureHidesNoOther: the same table twice is an error of the daemon.
func TestOneBadFigureHidesNoOther(t *testing.T) {
	st := full()
	st.Tables = append(st.Tables, st.Tables[0])
	got := scrape(t, New(Options{State: constant(st)}))
	if v := value(t, got, "recourse_lag_seconds", "database=dev,node=db1,table=dog"); v != 2.25 {
		t.Errorf("lag = %v, want 2.25", v)
	}
	if v := value(t, got, "recourse_changes_total", ""); v != 4058 {
		t.Errorf("changes = %v, want 4058", v)
	}
}

func TestTooManyTables(t *testing.T) {
	st := full() // lags of 2, 3 and 3600 s; one was never read
	got := scrape(t, New(Options{State: constant(st), MaxTables: 2}))
	if v := value(t, got, "recourse_tables_left_out", ""); v != 2 {
		t.Errorf("left out: %v, want 2", v)
	}
	for labels, there := range map[string]bool{
		"database=dev,node=db2,table=dog": true, "database=dev,node=db1,table=cat": true, "database=dev,node=db1,table=dog": false,
	} {
		if v := value(t, got, "recourse_lag_seconds", labels); math.IsNaN(v) == there {
			t.Errorf("lag of %s: %v, want it there: %v", labels, v, there)
		}
	}
	if v := value(t, got, "recourse_retention_left_seconds", "node=db1"); v != 72*3600-3.25 {
		t.Errorf("what is left out still counts: %v", v)
	}
	if len(st.Tables) != 4 || st.Tables[0].Node != "db1" || st.Tables[0].Table != dog {
		t.Errorf("the state was changed: %v", st.Tables)
	}
}
