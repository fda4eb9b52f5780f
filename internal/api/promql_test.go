package api

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// vocabulary is which metrics there are, and the labels of each.
type vocabulary map[string][]string

// target are the labels that Prometheus itself adds.
var target = []string{"job", "instance"}

func vocabularyOf(t *testing.T) vocabulary {
	t.Helper()
	s := New(Options{State: constant(full())})
	s.ObservePoll("db1", 1)
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	v := vocabulary{"up": target}
	for _, f := range families {
		labels := slices.Clone(target)
		for _, l := range f.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		if f.GetType() == dto.MetricType_HISTOGRAM {
			v[f.GetName()+"_bucket"] = append(slices.Clone(labels), "le")
			v[f.GetName()+"_sum"], v[f.GetName()+"_count"] = labels, labels
			continue
		}
		v[f.GetName()] = labels
	}
	return v
}

// These are the words of PromQL that are used and are no metric.
var (
	functions = strings.Fields("sum min max avg count topk rate increase histogram_quantile time abs predict_linear")
	grouping  = strings.Fields("by without on ignoring group_left group_right")
	operators = strings.Fields("and or unless bool offset")
)

var token = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*|\[[^\]]*\]|[0-9][0-9.a-z]*|\$\{?\w+\}?|\s+|[=!]~|!=|>=|<=|==|[-+*/^%<>=(){},]`)

// check reads an expression for the metrics and labels that it names. It returns
// the labels that the metrics have among them, and what is wrong.
func (v vocabulary) check(expr string) (labels, wrong []string) {
	tokens, err := split(expr)
	if err != nil {
		return nil, []string{err.Error()}
	}
	var named []string // by grouping, to be judged when all metrics are known
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	for i := 0; i < len(tokens); i++ {
		word := tokens[i]
		switch {
		case !isWord(word) || slices.Contains(operators, word):
		case slices.Contains(grouping, word) && at(i+1) == "(":
			for i += 2; at(i) != ")" && at(i) != ""; i++ {
				if at(i) != "," {
					named = append(named, at(i))
				}
			}
		case at(i+1) == "(" || slices.Contains(grouping, at(i+1)) && slices.Contains(functions, word):
			if !slices.Contains(functions, word) {
				wrong = append(wrong, "no function "+word)
			}
		default:
			has, there := v[word]
			if !there {
				wrong = append(wrong, "no metric "+word)
			}
			labels = append(labels, has...)
			if at(i+1) != "{" {
				continue
			}
			for i += 2; at(i) != "}" && at(i) != ""; i++ {
				if l := at(i); isWord(l) && there && !slices.Contains(has, l) {
					wrong = append(wrong, word+" has no label "+l)
				}
			}
		}
	}
	for _, l := range named {
		if !slices.Contains(labels, l) {
			wrong = append(wrong, "no metric has a label "+l)
		}
	}
	return labels, wrong
}

func isWord(s string) bool { return s != "" && (s[0] == '_' || s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') }

func split(expr string) ([]string, error) {
	var tokens []string
	for pos := 0; pos < len(expr); {
		loc := token.FindStringIndex(expr[pos:])
		if loc == nil || loc[0] != 0 {
			return nil, fmt.Errorf("what is %q?", expr[pos:])
		}
		if t := expr[pos : pos+loc[1]]; strings.TrimSpace(t) != "" {
			tokens = append(tokens, t)
		}
		pos += loc[1]
	}
	return tokens, nil
}

// TestVocabulary holds that the reader of expressions sees what is wrong.
func TestVocabulary(t *testing.T) {
	v := vocabularyOf(t)
	for _, tt := range []struct{ expr, wrong string }{
		{`recourse_gaps`, ""},
		{`sum by (kind) (increase(recourse_gaps_found_total{kind!~"a|b", instance="x"}[$__rate_interval] offset 5m)) > 0 or novector`, "no metric novector"},
		{`sum(recourse_gap)`, "no metric recourse_gap"},
		{`sum(recourse_gaps) / recourse_gapz{a="b"}`, "no metric recourse_gapz"},
		{`recourse_gaps{node="x"}`, "recourse_gaps has no label node"},
		{`recourse_gaps{kind="recourse_x{", kinds="y"}`, "recourse_gaps has no label kinds"},
		{`max by (node) (recourse_gaps)`, "no metric has a label node"},
		{`recourse_polls_total * on (node) group_left (class) recourse_node_up`, "no metric has a label class"},
		{`summ(recourse_gaps)`, "no function summ"},
		{`histogram_quantile(0.5, sum by (le) (rate(recourse_poll_duration_seconds[5m])))`, "no metric recourse_poll_duration_seconds; no metric has a label le"},
		{`histogram_quantile(0.5, sum by (le) (rate(recourse_poll_duration_seconds_bucket[5m])))`, ""},
		{`recourse_gaps{kind='x'}`, `what is "'x'}"?`},
	} {
		_, wrong := v.check(tt.expr)
		if got := strings.Join(wrong, "; "); got != tt.wrong {
			t.Errorf("%s: %q, want %q", tt.expr, got, tt.wrong)
		}
	}
}
