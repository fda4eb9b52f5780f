package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/query"
)

// absentCommands are commands that one may look for and that there are not, by their
// full names, with what there is instead.
var absentCommands = map[string]string{
	"apply":          "write recourse revert apply PLAN",
	"case":           "there are no cases; recourse report writes a report, queries set keeps a query, and evidence export seals changes",
	"checkpoint":     "nothing is published; recourse evidence export --key FILE signs changes with the digest of the store",
	"export":         "write recourse evidence export QUERY, or recourse search QUERY --limit 0 -o FORMAT",
	"find":           "write recourse search QUERY",
	"lint":           "write recourse rules lint FILE",
	"log":            "write recourse search '*' for all changes, or recourse history KEY for those of a record",
	"near":           "write recourse search '@alert:ID±10m' or '@txn:T±5m'",
	"pivot":          "write recourse search 'QUERY | pivot actors'",
	"plan":           "write recourse revert plan SELECTION -o FILE",
	"prove":          "write recourse evidence export QUERY",
	"prune":          "what is stored is kept, and no command deletes it; a data folder can be deleted as a whole",
	"purge":          "what is stored is kept, and no command deletes it; a data folder can be deleted as a whole",
	"query":          "write recourse search QUERY; recourse queries keeps them",
	"run":            "write recourse watch",
	"select":         "write recourse revert select -o FILE",
	"server":         "write recourse watch --listen ADDRESS",
	"tail":           "recourse watch follows the logs; recourse search '*' prints the newest changes of what it has stored",
	"timeline":       "write recourse report QUERY",
	"undo":           "write recourse revert undo APPLY -o FILE",
	"alerts revert":  "write recourse revert select --alert ID -o FILE",
	"rules mute":     "write recourse alerts silence --rule ID",
	"rules promote":  "rules have no stages: rules backtest and hunt try a rule, and the files that rules: of the configuration names are at work",
	"rules run":      "write recourse hunt RULE, or recourse rules backtest FILE",
	"rules validate": "write recourse rules lint FILE",
}

// absentFlags are flags that one may look for where a query is asked, with what
// there is instead.
var absentFlags = map[string]string{
	"at":     "times are in UTC; write another zone into the time, such as 2026-11-23T21:00+01:00",
	"format": "write -o FORMAT",
	"from":   "write the time into the query, such as @-2h or @2026-11-23..2026-11-24",
	"json":   "write -o json",
	"save":   "write | save NAME behind the query, or recourse queries set NAME QUERY; @q:NAME stands for it",
	"since":  "write the time into the query, such as @-2h or @2026-11-23..2026-11-24",
	"tz":     "times are in UTC; write another zone into the time, such as 2026-11-23T21:00+01:00",
}

// hintForCommand says what there is in place of a command; empty: nothing like it.
func hintForCommand(parent, name string, commands []*cli.Command) string {
	if instead := absentCommands[strings.TrimSpace(parent+" "+name)]; instead != "" {
		return instead
	}
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Names()...)
		}
	}
	if like := query.Suggest(name, names); like != "" {
		return "did you mean " + like + "?"
	}
	return ""
}

// likeFlag is the flag that is spelt most like a name; empty: none is.
func likeFlag(name string, flags []cli.Flag) string {
	if len(name) == 1 {
		return ""
	}
	var names []string
	for _, f := range flags {
		names = append(names, slices.DeleteFunc(slices.Clone(f.Names()), func(n string) bool { return len(n) == 1 })...)
	}
	return query.Suggest(name, names)
}
