package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/index"
)

func reindexCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "reindex",
		Usage: "make the index anew from the store",
		Description: "The index holds nothing that the store does not. It may be deleted at any time.\n\n" +
			"Exit codes: 0 done; 9 busy.\n\nExample:\n   recourse reindex",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runReindex(c, e)
		},
	}
}

func runReindex(c *cli.Context, e *env) (err error) {
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	if err := index.Reset(w.indexDir()); err != nil {
		return err
	}
	if w.index, err = index.Open(w.indexDir(), index.Options{Memory: w.cfg.Memory.index()}); err != nil {
		return err
	}
	start := e.now()
	if _, err := w.catchUp(c.Context, nil); err != nil {
		return err
	}
	indexed := w.index.Progress()
	rest := ""
	if n := w.store.Last() - indexed; n > 0 {
		rest = fmt.Sprintf("; the newest %d are no whole block yet and are read to find a word", n)
	}
	_, err = fmt.Fprintf(e.stderr, "%d changes indexed in %s%s\n", indexed, e.now().Sub(start).Round(1e6), rest)
	return err
}
