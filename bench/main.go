// Command bench measures recourse against SQLite, PostgreSQL and ripgrep with
// the same changes, on the machine that it runs on, and prints a report as
// Markdown: what taking the changes in costs, what they take on disk and in
// memory, and how long questions take.
//
//	go run ./bench -n 1000000 -o report.md
//
// The peers are programs that Debian packages (see peers.sh, or -install). One
// that is not there is left out, and the report says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"recourse/bench/gen"
	"recourse/bench/host"
)

// options are the flags.
type options struct {
	gen      gen.Config
	rounds   int
	variants int
	work     string
	out      string
	systems  string
	binary   string
	memory   string
	growth   int
	ladder   string
	install  bool
	keep     bool
	rules    bool
	pack     bool
}

func main() {
	o := options{}
	flag.IntVar(&o.gen.Groups, "n", 1_000_000, "groups of changes")
	flag.Uint64Var(&o.gen.Seed, "seed", 1, "seed of the data set and of the questions")
	flag.Float64Var(&o.gen.Multi, "multi", 0, "share of groups with several records, 0 to 1")
	flag.Float64Var(&o.gen.Nested, "nested", 0, "share of records with objects and arrays, 0 to 1")
	flag.Float64Var(&o.gen.Large, "large", 0, "share of records with a text of up to 1 MiB, 0 to 1")
	flag.IntVar(&o.rounds, "rounds", 3, "how often everything is loaded and asked")
	flag.IntVar(&o.variants, "variants", 20, "variants of each question")
	flag.StringVar(&o.work, "work", "", "have data and databases in a folder of `DIR`; of the system's temporary one if empty")
	flag.StringVar(&o.out, "o", "", "write the report to `FILE` as well")
	flag.StringVar(&o.systems, "systems", "recourse,sqlite,postgres,ripgrep", "take these")
	flag.StringVar(&o.binary, "recourse", "", "measure this `BINARY` of recourse; built if empty")
	flag.StringVar(&o.memory, "memory", "512MiB", "budget of memory for recourse")
	flag.IntVar(&o.growth, "growth", 0, "measure the growth of a store up to so many groups, such as 5000000")
	flag.StringVar(&o.ladder, "ladder", "", "measure questions and verbs alone, on stores of so many groups each, such as 100000,1000000,5000000")
	flag.IntVar(&o.gen.Versions, "versions", 0, "groups that change one record; of -ladder 1000 if 0")
	flag.BoolVar(&o.pack, "growth-builtin", false, "measure the growth with the built-in rules, not with the 50")
	flag.BoolVar(&o.install, "install", false, "install the peers that are missing, where apt-get may")
	flag.BoolVar(&o.keep, "keep", false, "leave the data and databases in the work folder")
	flag.BoolVar(&o.rules, "rules", false, "measure judging changes by rules alone, in the folder of the source")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench does a whole run.
func bench(ctx context.Context, o options) (err error) {
	if o.gen.Groups < 1000 || o.rounds < 1 || o.variants < 1 || flag.NArg() > 0 {
		return errors.New("want at least 1000 groups, 1 round and 1 variant, and no arguments")
	}
	if o.rules {
		return measureRules(ctx, o.rounds, os.Stdout)
	}
	dir, clean, err := workFolder(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	if o.ladder != "" {
		return climb(ctx, o, dir)
	}
	if o.install {
		if err := install(ctx); err != nil {
			slog.Warn("peers are not all installed", "error", err)
		}
	}
	res := newResults()
	res.Config, res.Rounds, res.Variants = o.gen, o.rounds, o.variants
	own := &recourse{dir: filepath.Join(dir, "recourse"), binary: o.binary, budget: o.memory}
	systems, err := choose(ctx, o, dir, own, res)
	if err != nil {
		return err
	}
	if err := measure(ctx, o, dir, own, systems, res); err != nil {
		return err
	}
	if o.out != "" {
		if err := writeFile(o.out, res.write); err != nil {
			return err
		}
	}
	return res.write(os.Stdout)
}

// workFolder makes the folder for all that is written, which the user that runs
// PostgreSQL must be able to enter.
func workFolder(o options) (dir string, clean func() error, err error) {
	if o.work == "" {
		if dir, err = os.MkdirTemp("", "recourse-bench-"); err == nil {
			err = os.Chmod(dir, 0o711)
		}
	} else if dir, err = filepath.Abs(filepath.Join(o.work, "recourse-bench")); err == nil {
		err = os.MkdirAll(dir, 0o711)
	}
	if err != nil {
		return "", nil, fmt.Errorf("make a folder to work in: %w", err)
	}
	return dir, func() error {
		if o.keep {
			slog.Info("data and databases are kept", "in", dir)
			return nil
		}
		return os.RemoveAll(dir)
	}, nil
}

// install runs the script that installs the peers.
func install(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "sh", "-s")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(peersScript), os.Stderr, os.Stderr
	return cmd.Run()
}

// choose finds the systems that are asked for and are there.
func choose(ctx context.Context, o options, dir string, own *recourse, res *results) ([]system, error) {
	all := map[string]system{
		"recourse": own,
		"sqlite":   &sqlite{dir: filepath.Join(dir, "sqlite")},
		"postgres": &postgres{dir: filepath.Join(dir, "postgres")},
		"ripgrep":  nil, // is not loaded
	}
	var out []system
	for name := range strings.SplitSeq(o.systems, ",") {
		s, known := all[name]
		if !known {
			return nil, fmt.Errorf("there is no system %q: want some of recourse, sqlite, postgres, ripgrep", name)
		}
		version := ripgrepVersion
		if s != nil {
			version = s.Version
		}
		v, err := version(ctx)
		switch {
		case errors.Is(err, errMissing):
			slog.Warn("left out", "system", name, "error", err)
			res.Missing = append(res.Missing, name+": "+err.Error())
			continue
		case err != nil:
			return nil, err
		}
		res.Versions = append(res.Versions, v)
		if s != nil {
			out = append(out, s)
			res.Systems = append(res.Systems, s.Name())
		}
	}
	return out, nil
}

// present says whether a program takes part.
func present(res *results, name string) bool {
	return slices.ContainsFunc(res.Versions, func(v string) bool { return strings.HasPrefix(v, name) })
}

// measure fills the results.
func measure(ctx context.Context, o options, dir string, own *recourse, systems []system, res *results) error {
	slog.Info("the data set is made", "groups", o.gen.Groups)
	d, err := prepare(dir, o.gen)
	if err != nil {
		return err
	}
	res.Data = d.Summary
	qs := questions(d, o.variants, o.gen.Seed)
	for n := range o.rounds {
		res.Busy = append(res.Busy, host.Busy())
		if err := round(ctx, n, d, systems, qs, res); err != nil {
			return err
		}
	}
	if !slices.Contains(res.Systems, ours) {
		return nil
	}
	if own.bounded(ctx) {
		res.Budget = o.memory
	}
	if err := list(ctx, own, d, res, 5*o.rounds); err != nil {
		return err
	}
	if o.growth > 0 {
		c := o.gen
		c.Groups, own.pack = o.growth, o.pack
		slog.Info("the growth of a store is measured", "groups", c.Groups)
		res.Growth, err = grow(ctx, own, dir, c)
	}
	return err
}

// round loads every system and asks it everything.
func round(ctx context.Context, n int, d *dataset, systems []system, qs []question, res *results) (err error) {
	take := func(name string, from func(context.Context, *dataset) (load, error)) error {
		l, err := from(ctx, d)
		if err != nil {
			return err
		}
		slog.Info("loaded", "round", n+1, "system", name, "µs a change", short(perChange(l.CPU, d.Changes)), "wall", l.Wall.Round(1e8))
		res.Loads[name] = append(res.Loads[name], l)
		return nil
	}
	for _, s := range systems {
		if own, ok := s.(*recourse); ok {
			if err := take(packed, own.loadPacked); err != nil {
				return err
			}
		}
		if err := take(s.Name(), s.Load); err != nil {
			return err
		}
	}
	defer func() {
		for _, s := range systems {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, s := range systems {
		if err := s.Open(ctx); err != nil {
			return err
		}
	}
	for _, q := range qs {
		if err := askAll(ctx, q, systems, res); err != nil {
			return err
		}
	}
	for _, s := range systems {
		if own, ok := s.(*recourse); ok {
			err = errors.Join(err, extras(ctx, own, d, qs, res))
		}
	}
	return err
}

// askAll asks all systems one question, one after the other.
func askAll(ctx context.Context, q question, systems []system, res *results) error {
	answers := make([]answer, len(systems))
	names := make([]string, len(systems))
	for i, s := range systems {
		var err error
		if answers[i], err = s.Ask(ctx, q); err != nil {
			return err
		}
		names[i] = s.Name()
	}
	res.add(q, names, answers)
	return nil
}
