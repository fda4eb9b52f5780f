package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/internal/playbook"
	"recourse/query"
)

// completeQuery prints what a query may go on with: the fields of a filter, and
// after a | the pipes and the fields that they name. Flags are the library's.
func completeQuery(c *cli.Context) {
	if args := c.Args().Slice(); len(args) == 0 || !strings.HasPrefix(args[len(args)-1], "-") {
		for _, word := range queryWords(args) {
			fmt.Fprintln(c.App.Writer, word)
		}
	}
	cli.DefaultCompleteWithFlags(c.Command)(c)
}

// queryWords are the words that may come next.
func queryWords(args []string) []string {
	if !slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "|") }) {
		var words []string
		for _, name := range query.FieldNames() {
			words = append(words, name+":")
		}
		return append(words, "before.", "after.", "delta.", "ratio.", "or", "not")
	}
	return slices.Concat(query.PipeNames(), query.PipeFieldNames())
}

// completePlaybook prints the names of the playbooks that come with the program.
func completePlaybook(c *cli.Context) {
	all, err := playbook.Builtin()
	if err != nil || c.Args().Present() {
		return
	}
	for _, b := range all {
		fmt.Fprintln(c.App.Writer, b.Name)
	}
}
