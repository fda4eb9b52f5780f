package api

import (
	"cmp"
	"slices"
	"time"

	"recourse/audit"
)

// gapKinds and severities always have a sample each, so that the first gap or
// alert of a kind is a step from 0, which a query can see.
var (
	gapKinds   = []audit.GapKind{audit.GapUnreadable, audit.GapOutage, audit.GapPurged, audit.GapBefore, audit.GapUnaudited}
	severities = []string{"info", "low", "medium", "high", "critical"} // docs/rules.md
)

// storeFamilies are about what is stored and about those that follow the store.
var storeFamilies = []family{
	{"recourse_build_info", "What the program was built from; always 1.",
		gauge, []string{"version", "revision", "goversion"},
		func(v view, e emit) { buildOf(v.Version, e) }},
	{"recourse_changes_total", "Changes stored.",
		counter, nil, func(v view, e emit) { e(float64(v.Store.Changes)) }},
	{"recourse_changes_late_total", "Changes stored that appeared in the log behind where it had been read to.",
		counter, nil, func(v view, e emit) { e(float64(v.Store.Late)) }},
	{"recourse_divergences_total", "Readings of a stored change that said something else.",
		counter, nil, func(v view, e emit) { e(float64(v.Store.Divergences)) }},
	{"recourse_amendments_total", "Readings of a stored change that could be trusted further and took its place.",
		counter, nil, func(v view, e emit) { e(float64(v.Store.Amended)) }},
	{"recourse_gaps", "Stretches of the logs that are not known, by why; healed ones do not count.",
		gauge, []string{"kind"}, func(v view, e emit) { gapsOf(e, v.Gaps) }},
	{"recourse_gaps_found_total", "Stretches of the logs that were not known when they were found, by why, healed ones included.",
		counter, []string{"kind"}, func(v view, e emit) { gapsOf(e, v.Gaps, v.Healed) }},
	{"recourse_slow_windows", "Stretches of the logs that took Harper so long that re-scans leave them out.",
		gauge, nil, func(v view, e emit) { e(float64(v.Slow)) }},
	{"recourse_store_head_seq", "Number of the newest stored change.",
		gauge, nil, func(v view, e emit) { e(float64(v.Store.Head)) }},
	{"recourse_store_disk_bytes", "Room that the store and the index take up.",
		gauge, nil, func(v view, e emit) { e(float64(v.Store.Disk)) }},
	{"recourse_store_free_bytes", "Room that is free where the store lies.",
		gauge, nil, func(v view, e emit) {
			if v.Store.Free != nil {
				e(float64(*v.Store.Free))
			}
		}},
	{"recourse_store_writable", "Whether the store is open and takes changes: 0 if, for one, the disk is full.",
		gauge, nil, func(v view, e emit) { e(truth(v.Store.Open && v.Store.Trouble == "")) }},
	{"recourse_index_lag_changes", "Stored changes that could be in the index and are not yet: they are read one by one to find a word. The newest, up to 255 that are no whole block, do not count.",
		gauge, nil, func(v view, e emit) { e(float64(v.Index)) }},
	{"recourse_rules_lag_changes", "Stored changes that the rules have not seen yet.",
		gauge, nil, func(v view, e emit) { e(float64(v.Rules)) }},
	{"recourse_alerts_open", "Alerts that nobody has answered, by severity.",
		gauge, []string{"severity"}, alertsOf},
	{"recourse_deliveries_total", "Notices of alerts that a sink took.",
		counter, []string{"sink"}, func(v view, e emit) { sinksOf(v, e, func(s SinkState) float64 { return float64(s.Delivered) }) }},
	{"recourse_delivery_failures_total", "Tries to tell a sink of an alert that failed.",
		counter, []string{"sink"}, func(v view, e emit) { sinksOf(v, e, func(s SinkState) float64 { return float64(s.Failed) }) }},
	{"recourse_deliveries_given_up_total", "Notices of alerts that were given up since the process began.",
		counter, []string{"sink"}, func(v view, e emit) { sinksOf(v, e, func(s SinkState) float64 { return float64(s.GivenUp) }) }},
	{"recourse_deliveries_waiting", "Notices of alerts that a sink has not taken yet.",
		gauge, []string{"sink"}, func(v view, e emit) { sinksOf(v, e, func(s SinkState) float64 { return float64(s.Waiting) }) }},
	{"recourse_deliveries_dead", "Notices of alerts that were given up and are kept until they are redelivered.",
		gauge, []string{"sink"}, func(v view, e emit) { sinksOf(v, e, func(s SinkState) float64 { return float64(s.Dead) }) }},
	{"recourse_sink_up", "Whether the sink takes deliveries: 0 while it fails again and again.",
		gauge, []string{"sink"}, func(v view, e emit) { sinksOf(v, e, func(s SinkState) float64 { return truth(!s.Broken) }) }},
	{"recourse_delivery_timestamp_seconds", "When the sink last took a notice; missing if it has not since the process began.",
		gauge, []string{"sink"}, func(v view, e emit) { sinkTimes(v, e, func(s SinkState) time.Time { return s.Last }) }},
	{"recourse_delivery_oldest_timestamp_seconds", "Since when the oldest notice that the sink has not taken waits; missing if none does.",
		gauge, []string{"sink"}, func(v view, e emit) { sinkTimes(v, e, func(s SinkState) time.Time { return s.Oldest }) }},
	{"recourse_baseline_records", "Records of a table that the baselines hold.",
		gauge, []string{"database", "table"}, baselinesOf},
	{"recourse_loop_beat_timestamp_seconds", "When a part of the daemon last went round.",
		gauge, []string{"loop"}, func(v view, e emit) {
			for _, l := range v.Loops {
				if !l.Beat.IsZero() {
					e(seconds(l.Beat), l.Name)
				}
			}
		}},
}

// gapsOf counts a gap without a kind as unreadable, as audit.Gap says.
func gapsOf(e emit, from ...map[audit.GapKind]int) {
	counts := map[audit.GapKind]int{}
	for _, m := range from {
		for kind, n := range m {
			counts[cmp.Or(kind, audit.GapUnreadable)] += n
		}
	}
	for _, k := range withOthers(gapKinds, counts) {
		e(float64(counts[k]), string(k))
	}
}

func alertsOf(v view, e emit) {
	for _, s := range withOthers(severities, v.Alerts) {
		e(float64(v.Alerts[s]), s)
	}
}

func sinksOf(v view, e emit, f func(SinkState) float64) {
	for _, s := range v.Sinks {
		e(f(s), s.Sink)
	}
}

// sinkTimes leaves out what never was.
func sinkTimes(v view, e emit, f func(SinkState) time.Time) {
	for _, s := range v.Sinks {
		if t := f(s); !t.IsZero() {
			e(seconds(t), s.Sink)
		}
	}
}

func baselinesOf(v view, e emit) {
	sums := map[audit.Table]int{}
	for _, b := range v.Base {
		sums[b.Table] += b.Records
	}
	for t, n := range sums {
		e(float64(n), t.Database, t.Name)
	}
}

// withOthers is a fixed list and what a map has beside it.
func withOthers[K ~string, V any](fixed []K, m map[K]V) []K {
	all := slices.Clone(fixed)
	for k := range m {
		if !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}
