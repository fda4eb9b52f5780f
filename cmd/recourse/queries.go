package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"recourse/internal/report"
	"recourse/query"
)

func queriesCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "queries",
		Usage: "saved queries, which @q:NAME stands for",
		Description: "Saved queries are files of the data folder. Saving another by the same name makes the next\n" +
			"version; the one before is kept beside it as NAME.vN.yaml. @q:NAME takes the filter of one; it may\n" +
			"have no pipes then.\n\n" +
			"Example:\n   recourse queries set night 'hour:[0..5] -user:svc-*'\n   recourse search '@q:night op:delete'",
		Subcommands: []*cli.Command{
			{
				Name: "set", Usage: "save a query", ArgsUsage: "NAME QUERY",
				Description: "Exit codes: 0 saved; 64 usage.\n\nExample:\n   recourse queries set night 'hour:[0..5] -user:svc-*'",
				Action: func(c *cli.Context) error {
					if err := wantArgs(c, 2, -1); err != nil {
						return err
					}
					if _, err := parsePipeline(c, e, e.now(), strings.Join(c.Args().Tail(), " ")); err != nil {
						return err
					}
					return onShelf(c, e, (*workspace).queries, func(s shelf) error {
						// As it was written, so that -2h stays two hours ago.
						return told(s.save(savedFile{Name: c.Args().First(), Query: strings.Join(c.Args().Tail(), " ")}))(e, c.Args().First())
					})
				},
			},
			showSaved(e, "a query", (*workspace).queries),
			listSaved(e, "queries", (*workspace).queries),
		},
	}
}

func listsCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "lists",
		Usage: "lists of values, which in(list:NAME) stands for",
		Description: "Lists are files of the data folder, with versions as saved queries have them. An item is text;\n" +
			"one that reads as a number, true, false or null is the value as well. | save list NAME FIELD makes\n" +
			"one of what a search finds.\n\n" +
			"Example:\n   recourse lists set staff staff.txt\n   recourse search 'op:delete -user:in(list:staff)'",
		Subcommands: []*cli.Command{
			{
				Name: "set", Usage: "make a list of the lines of a file", ArgsUsage: "NAME [FILE]",
				Description: "Empty lines and those that begin with # are left out. Without FILE, or with -, standard input.\n\n" +
					"Exit codes: 0 saved; 64 usage; 65 the file cannot be read.\n\nExample:\n   recourse lists set staff staff.txt",
				Action: func(c *cli.Context) error {
					if err := wantArgs(c, 1, 2); err != nil {
						return err
					}
					items, err := readItems(e, c.Args().Get(1))
					if err != nil {
						return err
					}
					return onShelf(c, e, (*workspace).lists, func(s shelf) error {
						return told(s.save(savedFile{Name: c.Args().First(), Items: items}))(e, c.Args().First())
					})
				},
			},
			showSaved(e, "a list", (*workspace).lists),
			listSaved(e, "lists", (*workspace).lists),
		},
	}
}

// onShelf opens the data folder for what is saved in it.
func onShelf(c *cli.Context, e *env, of func(*workspace) shelf, do func(shelf) error) error {
	dir, err := dataFolder(e, c.String("data"))
	if err != nil {
		return err
	}
	return do(of(&workspace{env: e, dir: dir}))
}

// told says which version was saved.
func told(version int, err error) func(*env, string) error {
	return func(e *env, name string) error {
		if err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.stderr, "%s: version %d\n", name, version)
		return err
	}
}

func showSaved(e *env, what string, of func(*workspace) shelf) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print " + what, ArgsUsage: "NAME",
		Description: "Exit codes: 0 printed; 64 there is none.\n\nExample:\n   recourse " + strings.Fields(what)[1] + " show NAME",
		Flags:       []cli.Flag{&cli.IntFlag{Name: "version", Usage: "an earlier version"}},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			return onShelf(c, e, of, func(s shelf) error {
				f, err := s.version(c.Args().First(), c.Int("version"))
				if errors.Is(err, query.ErrUnknownName) {
					return usagef("%v", err)
				}
				if err != nil {
					return err
				}
				return printDocument(c, e, s.kind, savedDoc(f), func() {
					fmt.Fprintln(e.stdout, printable(f.Query+strings.Join(f.Items, "\n")))
				})
			})
		},
	}
}

// savedDoc is a saved file as JSON has it.
func savedDoc(f savedFile) any {
	return struct {
		Name    string   `json:"name"`
		Version int      `json:"version"`
		Saved   string   `json:"saved"`
		Query   string   `json:"query,omitempty"`
		Items   []string `json:"items,omitempty"`
	}{f.Name, f.Version, f.Saved, f.Query, f.Items}
}

func listSaved(e *env, name string, of func(*workspace) shelf) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "print the names of all", Description: "Exit codes: 0.\n\nExample:\n   recourse " + name + " list",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			p, err := printer(c, e)
			if err != nil {
				return err
			}
			return onShelf(c, e, of, func(s shelf) error {
				all, err := s.all()
				if err != nil {
					return err
				}
				list := report.Listing{Name: name, Columns: []string{"name", "version", "saved", "query"}}
				if s.kind == "list" {
					list.Columns[3] = "items"
				}
				for _, f := range all {
					var last any = f.Query
					if s.kind == "list" {
						last = len(f.Items)
					}
					list.Rows = append(list.Rows, []any{f.Name, f.Version, f.Saved, last})
				}
				return p.List(list)
			})
		},
	}
}

// readItems reads the lines of a file.
func readItems(e *env, path string) ([]string, error) {
	var r io.Reader = e.stdin
	if path != "" && path != "-" {
		f, err := e.open(path)
		if err != nil {
			return nil, inputErr(fmt.Errorf("read list: %w", err))
		}
		defer f.Close()
		r = f
	}
	var items []string
	whole := &io.LimitedReader{R: r, N: maxSaved + 1}
	lines := bufio.NewScanner(whole)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if !utf8.Valid(lines.Bytes()) {
			return nil, inputErr(fmt.Errorf("read list: line %d is not UTF-8", n))
		}
		line := strings.TrimSpace(lines.Text())
		if line != "" && line[0] != '#' {
			items = append(items, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, inputErr(fmt.Errorf("read list: %w", err))
	}
	if whole.N == 0 {
		return nil, inputErr(fmt.Errorf("read list: larger than %d bytes", maxSaved))
	}
	if len(items) == 0 {
		return nil, inputErr(errors.New("read list: there is no item in it"))
	}
	slices.Sort(items)
	return slices.Compact(items), nil
}
