package api

// A route is a question that is asked over HTTP. It is answered by a command, and
// so by the same words, defaults and JSON as on the command line.
type route struct {
	path    string // as patterns of net/http have it
	name    string // operationId
	summary string
	command []string
	takes   []param // arguments, in their order
	flags   []param
	answer  string // the schema of the JSON answer
	line    string // the schema of a line of the NDJSON answer, but for its summary
}

// A param is a parameter of a question.
type param struct {
	name  string
	kind  paramKind
	about string
	need  bool   // it has to be given
	path  bool   // it is a part of the path
	most  int    // of a number in a JSON answer, which is held in memory; 0: any
	other string // a parameter that may be given in its place; one of the two has to be
}

type paramKind string

const (
	aText    paramKind = "string"
	aNumber  paramKind = "integer" // not below 0
	aSwitch  paramKind = "boolean"
	someText paramKind = "array" // given several times
)

// mostChanges is how many changes a page of JSON may have; NDJSON has no end.
const mostChanges = 10_000

var (
	paramQ      = param{name: "q", kind: aText, about: "the query, as search has it (docs/cli.md); `*` is everything", need: true}
	paramMaybeQ = param{name: "q", kind: aText, other: "where", about: "the query, as search has it (docs/cli.md); `*` is everything. Left out beside `where`: everything"}
	paramWhere  = param{name: "where", kind: aText, about: "only changes of which this condition of a rule holds (docs/rules.md)"}
	paramExpl   = param{name: "explain", kind: aSwitch, about: "say how the answer was found"}
	paramImages = param{name: "no-images", kind: aSwitch, about: "leave the records' images out"}
	paramBy     = param{name: "by", kind: someText, about: "by which field: user, op, table, node, attr, mark or rule"}
	paramGap    = param{name: "gap", kind: aText, about: "a pause so long ends a session, such as 90s, 15m or 1h"}
	paramNarrow = param{name: "query", kind: aText, about: "only changes that this query finds"}
	paramRecord = param{name: "key", kind: aText, about: "the record: DATABASE.TABLE/ID, the ID as JSON", need: true}
	paramScope  = param{name: "key", kind: aText, about: "the record, DATABASE.TABLE/ID, or a table, DATABASE.TABLE", need: true}
)

// routes are all questions. What they do not take of the command's flags is about
// terminals and exit codes.
func routes() []route {
	return []route{
		{path: "/v1/search", name: "search", summary: "Find changes, newest first.", command: []string{"search"}, takes: []param{paramMaybeQ},
			flags: []param{
				{name: "limit", kind: aNumber, about: "at most so many changes; 50 if not given. JSON has 10000 at most; as NDJSON, 0 is all of them", most: mostChanges},
				{name: "after", kind: aText, about: "go on from this cursor, which a page's summary has as `next`"},
				{name: "skip", kind: aNumber, about: "leave so many out, from the newest or from `after` on"},
				paramImages, paramWhere, paramExpl,
			}, answer: "SearchAnswer", line: "Line"},
		{path: "/v1/hist", name: "hist", summary: "Count changes over time.", command: []string{"hist"}, takes: []param{paramMaybeQ},
			flags: []param{
				{name: "step", kind: aText, about: "how long a stretch is, such as 90s, 15m, 1h or 7d; auto makes a few dozen"},
				{name: "by", kind: aText, about: "part each stretch by this field"},
				{name: "top", kind: aNumber, about: "name at most so many values"},
				paramWhere, paramExpl,
			}, answer: "HistogramAnswer", line: "Bucket"},
		{path: "/v1/facets", name: "facets", summary: "Count changes by field.", command: []string{"facets"}, takes: []param{paramMaybeQ},
			flags: []param{paramBy, {name: "top", kind: aNumber, about: "name at most so many values; 0 is all"}, paramWhere, paramExpl}, answer: "FacetsAnswer", line: "Facet"},
		{path: "/v1/show/{seq}", name: "show", summary: "One change with its diff, its images and its other readings.", command: []string{"show"},
			takes: []param{{name: "seq", kind: aNumber, about: "the change's number", need: true, path: true}}, flags: []param{paramImages}, answer: "ShownChange"},
		{path: "/v1/history", name: "history", summary: "All changes of one record, oldest first.", command: []string{"history"},
			takes: []param{paramRecord}, flags: []param{paramImages}, answer: "HistoryAnswer", line: "Change"},
		{path: "/v1/coverage", name: "coverage", summary: "What of the logs was read, and what not.", command: []string{"coverage"},
			takes: []param{{name: "table", kind: someText, about: "only this table, DATABASE.TABLE, wildcards allowed"}},
			flags: []param{
				{name: "from", kind: aText, about: "at or after this time, by Harper's clock"}, {name: "to", kind: aText, about: "before this time"},
				{name: "node", kind: aText, about: "only of the log that this node keeps"}, {name: "by", kind: aText, about: "table, or node for a table's log on each"},
				{name: "all", kind: aSwitch, about: "list the gaps that were healed since, too"},
			}, answer: "CoverageAnswer", line: "TableCoverage"},
		{path: "/v1/status", name: "status", summary: "What is stored, and how far the logs were read.", command: []string{"status"}, answer: "Status"},
		{path: "/v1/alerts", name: "alerts", summary: "The alerts, newest first.", command: []string{"alerts", "list"},
			flags: []param{
				{name: "severity", kind: aText, about: "only of this severity or above: info, low, medium, high, critical"},
				{name: "rule", kind: aText, about: "only of this rule, or of those that the pattern with * and ? matches"},
				{name: "state", kind: someText, about: "only in this state: open, acknowledged, in-progress or closed"},
				{name: "since", kind: aText, about: "only with a change at or after this time"},
				{name: "assignee", kind: aText, about: "only of this assignee; empty: those of nobody"},
			}, answer: "AlertsAnswer", line: "Alert"},
		{path: "/v1/alerts/{id}", name: "alert", summary: "One alert with the changes it rests on.", command: []string{"alerts", "show"},
			takes: []param{{name: "id", kind: aText, about: "its id, or the beginning where only one alert has it", need: true, path: true}}, answer: "ShownAlert"},
		{path: "/v1/blame", name: "blame", summary: "For each attribute, the change that gave it its value.", command: []string{"blame"},
			takes: []param{paramRecord, {name: "attr", kind: aText, about: "one attribute, with all values that it ever had"}},
			flags: []param{{name: "strict", kind: aSwitch, about: "a write of the whole record counts for all its attributes"}}, answer: "BlameAnswer", line: "Verb"},
		{path: "/v1/asof", name: "asof", summary: "A record, or a table, as it was at a time.", command: []string{"asof"},
			takes: []param{paramScope, {name: "time", kind: aText, about: "when", need: true}}, flags: []param{paramImages}, answer: "AsOfAnswer", line: "Verb"},
		{path: "/v1/diff", name: "diff", summary: "What differs between two times.", command: []string{"diff"},
			takes: []param{paramScope, {name: "from", kind: aText, about: "the earlier time", need: true}, {name: "to", kind: aText, about: "the later time", need: true}},
			flags: []param{paramImages}, answer: "DiffAnswer", line: "Verb"},
		{path: "/v1/pickaxe", name: "pickaxe", summary: "Where a value appeared, and where it vanished.", command: []string{"pickaxe"},
			takes: []param{{name: "value", kind: aText, about: "the value", need: true}},
			flags: []param{
				{name: "exact", kind: aSwitch, about: "the whole value must be this"}, {name: "regex", kind: aSwitch, about: "it is an RE2 expression that the value must match"}, paramNarrow,
			}, answer: "PickaxeAnswer", line: "Verb"},
		{path: "/v1/actor", name: "actor", summary: "What a user has done: hours, tables, sessions, alerts.", command: []string{"actor"},
			takes: []param{{name: "user", kind: aText, about: "the user; empty: the changes for which the log names nobody", need: true}},
			flags: []param{paramNarrow, paramGap, {name: "top", kind: aNumber, about: "name at most so many records and other users"}}, answer: "ActorAnswer", line: "Verb"},
		{path: "/v1/sessions", name: "sessions", summary: "Changes in runs without a pause.", command: []string{"sessions"}, takes: []param{paramMaybeQ},
			flags: []param{paramGap, {name: "by", kind: aText, about: "what a session's changes have in common: some of user,node,table"}, paramWhere}, answer: "SessionsAnswer", line: "Verb"},
		{path: "/v1/blast", name: "blast", summary: "The records that changes have touched, and whether they are still bad.", command: []string{"blast"},
			takes: []param{paramMaybeQ}, flags: []param{paramWhere}, answer: "BlastAnswer", line: "Verb"},
		{path: "/v1/compare", name: "compare", summary: "Two sets of changes, or one with what is usual.", command: []string{"compare"},
			takes: []param{paramQ, {name: "with", kind: aText, other: "vs", about: "the other query"}},
			flags: []param{
				{name: "vs", kind: aText, about: "in place of `with`: the same hours as far back as this, such as 14d"}, paramBy,
				{name: "top", kind: aNumber, about: "name at most so many values of each; 0 is all"},
			}, answer: "CompareAnswer", line: "Verb"},
		{path: "/v1/evidence", name: "evidence", summary: "The changes that match, sealed with a digest (docs/evidence.md).", command: []string{"evidence", "export"},
			takes: []param{paramMaybeQ}, flags: []param{paramWhere}, answer: "EvidenceAnswer", line: "EvidenceLine"},
	}
}
