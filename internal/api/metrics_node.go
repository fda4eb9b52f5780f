package api

import "slices"

// nodeFamilies are about Harper's nodes and the traffic with them.
var nodeFamilies = []family{
	{"recourse_node_up", "Whether the node answered the last request.",
		gauge, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(truth(n.Up), n.Node) })},
	{"recourse_node_reached_timestamp_seconds", "When the node last answered; missing if it has not since the start.",
		gauge, []string{"node"}, eachNode(func(v view, n NodeState, e emit) {
			if !n.Reached.IsZero() {
				e(seconds(n.Reached), n.Node)
			}
		})},
	{"recourse_clock_skew_seconds", "The node's clock less ours; missing if not measured.",
		gauge, []string{"node"}, eachNode(func(v view, n NodeState, e emit) {
			if n.Skew != nil {
				e(n.Skew.Seconds(), n.Node)
			}
		})},
	{"recourse_retention_seconds", "How long the node keeps its log; missing if not known.",
		gauge, []string{"node"}, eachNode(func(v view, n NodeState, e emit) {
			if n.Retention > 0 {
				e(n.Retention.Seconds(), n.Node)
			}
		})},
	{"recourse_retention_left_seconds", "Time until the node deletes what was not read: its retention less the lag of its table that is furthest behind. Below 0, it may be gone.",
		gauge, []string{"node"}, eachNode(func(v view, n NodeState, e emit) {
			if lag, read := v.lags.node[n.Node]; read && n.Retention > 0 {
				e((n.Retention - lag).Seconds(), n.Node)
			}
		})},
	{"recourse_tables_unread", "Tables of the node whose log was never read.",
		gauge, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(v.lags.unread[n.Node]), n.Node) })},
	{"recourse_polls_total", "Polls of a table's log, failed ones included.",
		counter, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(n.Polls), n.Node) })},
	{"recourse_poll_errors_total", "Polls that failed, by why.",
		counter, []string{"node", "class"}, eachNode(errorsOf)},
	{"recourse_harper_requests_total", "Requests sent to the node.",
		counter, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(n.Requests), n.Node) })},
	{"recourse_harper_read_bytes_total", "What the node answered, as it came from the network.",
		counter, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(n.Bytes), n.Node) })},
	{"recourse_unreadable_entries_total", "Entries that the node could not read and that were isolated.",
		counter, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(n.Unreadable), n.Node) })},
	{"recourse_rescans_total", "Re-scans done, by how far they reach back.",
		counter, []string{"node", "tier"}, eachNode(func(v view, n NodeState, e emit) {
			for _, r := range n.Rescans {
				e(float64(r.Done), n.Node, r.Tier)
			}
		})},
	{"recourse_rescan_timestamp_seconds", "When a re-scan of the tier was last done; missing if never.",
		gauge, []string{"node", "tier"}, eachNode(func(v view, n NodeState, e emit) {
			for _, r := range n.Rescans {
				if !r.Last.IsZero() {
					e(seconds(r.Last), n.Node, r.Tier)
				}
			}
		})},
	{"recourse_reconciles_total", "Comparisons of the node's retained log with the store.",
		counter, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(n.Reconcile.Done), n.Node) })},
	{"recourse_reconcile_timestamp_seconds", "When the last comparison ended; missing if never.",
		gauge, []string{"node"}, eachNode(func(v view, n NodeState, e emit) {
			if !n.Reconcile.Last.IsZero() {
				e(seconds(n.Reconcile.Last), n.Node)
			}
		})},
	{"recourse_reconcile_healed_total", "Changes that a comparison found missing and stored.",
		counter, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(n.Reconcile.Healed), n.Node) })},
	{"recourse_reconcile_differing_total", "Changes that a comparison found to differ.",
		counter, []string{"node"}, eachNode(func(v view, n NodeState, e emit) { e(float64(n.Reconcile.Differing), n.Node) })},
	{"recourse_feed_connected", "Whether the feed is connected.",
		gauge, []string{"node", "kind"}, eachNode(func(v view, n NodeState, e emit) {
			for kind, on := range n.Feeds {
				e(truth(on), n.Node, kind)
			}
		})},
}

// tableFamilies are about single tables; Options.MaxTables bounds them.
var tableFamilies = []family{
	{"recourse_read_timestamp_seconds", "How far the table's log was read, by the node's clock; missing if it never was.",
		gauge, []string{"node", "database", "table"}, func(v view, e emit) {
			for _, t := range v.Tables {
				if t.Read != 0 {
					e(unixSeconds(t.Read), t.Node, t.Table.Database, t.Table.Name)
				}
			}
		}},
	{"recourse_lag_seconds", "How far the reading of the table's log is behind the node's clock; missing if it was never read.",
		gauge, []string{"node", "database", "table"}, func(v view, e emit) {
			for _, t := range v.Tables {
				if lag, read := v.lags.table[tableOf{t.Node, t.Table}]; read {
					e(lag.Seconds(), t.Node, t.Table.Database, t.Table.Name)
				}
			}
		}},
	{"recourse_tables_left_out", "Tables without a lag of their own here because there are too many; those furthest behind have one.",
		gauge, nil, func(v view, e emit) { e(float64(v.left)) }},
}

func eachNode(one func(view, NodeState, emit)) func(view, emit) {
	return func(v view, e emit) {
		for _, n := range v.Nodes {
			one(v, n, e)
		}
	}
}

// errorsOf has a sample for every class, so that the first error is a step.
func errorsOf(_ view, n NodeState, e emit) {
	counts := map[ErrorClass]int64{}
	for class, count := range n.Errors {
		if !slices.Contains(errorClasses, class) {
			class = ErrorOther
		}
		counts[class] += count
	}
	for _, class := range errorClasses {
		e(float64(counts[class]), n.Node, string(class))
	}
}
