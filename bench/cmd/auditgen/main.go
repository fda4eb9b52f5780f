// Command auditgen writes a deterministic stream of Harper's audit groups as
// JSON lines, and a summary of it to standard error.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"recourse/bench/gen"
)

func main() {
	var c gen.Config
	flag.Uint64Var(&c.Seed, "seed", 1, "the same seed gives the same bytes")
	flag.IntVar(&c.Groups, "n", 100_000, "groups, one a line")
	flag.IntVar(&c.Users, "users", 500, "different users")
	flag.Float64Var(&c.MeanGap, "gap", 86.4, "mean time between groups, in milliseconds")
	flag.Float64Var(&c.Multi, "multi", 0, "share of groups with several records, 0 to 1")
	flag.Float64Var(&c.Nested, "nested", 0, "share of records with objects and arrays, 0 to 1")
	flag.Float64Var(&c.Large, "large", 0, "share of records with a text of up to 1 MiB, 0 to 1")
	out := flag.String("o", "-", "output file; - is standard output")
	flag.Parse()
	if err := write(*out, c); err != nil {
		fmt.Fprintln(os.Stderr, "auditgen:", err)
		os.Exit(1)
	}
}

func write(path string, c gen.Config) (err error) {
	w := os.Stdout
	if path != "-" {
		if w, err = os.Create(path); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.Close()) }()
	}
	sum, err := gen.Write(w, c)
	if err != nil {
		return fmt.Errorf("write groups: %w", err)
	}
	return json.NewEncoder(os.Stderr).Encode(sum)
}
