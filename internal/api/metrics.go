package api

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"recourse/audit"
)

// A family is one metric: what it is called, and its samples in a state.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	samples    func(view, emit)
}

// A view is what the samples are made of.
type view struct {
	State
	lags lags
	left int // tables that are left out
}

// emit publishes one sample, with a value for each of the family's labels.
type emit func(value float64, labels ...string)

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// known is published whatever happens.
var known = prometheus.NewDesc("recourse_state_known",
	"Whether the daemon's state could be asked for; if 0, the figures that rest on it are missing.", nil, nil)

// A collector publishes the state as it is when Prometheus asks.
type collector struct {
	cache  *cache
	tables int
	log    *slog.Logger
	list   []family
	descs  []*prometheus.Desc // of list
}

func newCollector(c *cache, tables int, log *slog.Logger) *collector {
	col := &collector{cache: c, tables: tables, log: log, list: slices.Concat(storeFamilies, nodeFamilies, tableFamilies)}
	for _, f := range col.list {
		col.descs = append(col.descs, prometheus.NewDesc(f.name, f.help, f.labels, nil))
	}
	return col
}

// Describe is of prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- known
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect is of prometheus.Collector, which has no context: the cache's
// patience bounds it.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s, err := c.cache.state(context.Background())
	if err != nil {
		c.log.Warn("metrics are incomplete", "err", err)
		ch <- prometheus.MustNewConstMetric(known, gauge, 0)
		return
	}
	ch <- prometheus.MustNewConstMetric(known, gauge, 1)
	v := view{State: s, lags: lagsOf(s)}
	v.Tables, v.left = c.chosen(s.Tables, v.lags)
	for i, f := range c.list {
		f.samples(v, func(value float64, labels ...string) {
			for i := range labels {
				labels[i] = label(labels[i])
			}
			m, err := prometheus.NewConstMetric(c.descs[i], f.kind, value, labels...)
			if err != nil {
				m = prometheus.NewInvalidMetric(c.descs[i], err)
			}
			ch <- m
		})
	}
}

// chosen are as many tables as may have samples of their own: those that are
// furthest behind. It also says how many are left out.
func (c *collector) chosen(tables []TableState, l lags) ([]TableState, int) {
	left := len(tables) - c.tables
	if left <= 0 {
		return tables, 0
	}
	tables = slices.Clone(tables)
	slices.SortStableFunc(tables, func(a, b TableState) int {
		return int(min(1, max(-1, l.table[tableOf{b.Node, b.Table}]-l.table[tableOf{a.Node, a.Table}])))
	})
	return tables[:c.tables], left
}

// label is a name as a label's value, which has to be UTF-8: one bad name would
// cost the whole answer.
func label(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.Trim(strconv.QuoteToASCII(s), `"`)
}

// newRegistry holds the daemon's metrics and those of its process. It is not
// Prometheus' default one, to which any package can add.
func newRegistry(c *collector, polls prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c, polls, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// newPolls is the histogram of how long polls took.
func newPolls() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "recourse_poll_duration_seconds",
		Help:    "How long a poll of one table's log took, failed ones included.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
	}, []string{"node"})
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func unixSeconds(t audit.Time) float64 { return float64(t) / 1000 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func buildOf(v Version, e emit) {
	e(1, v.Version, v.Revision, runtime.Version())
}
