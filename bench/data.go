package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"recourse/bench/gen"
)

// A dataset is the changes that every system is given: as JSON lines of groups
// and, for those that load rows, as CSV with one row a change.
type dataset struct {
	gen.Summary
	Lines string // path
	Rows  string // path
	Small string // path: the first 200,000 groups, or all if there are fewer
	// Sample is changes drawn at random, from which questions are made.
	Sample []row
	// of Small
	smallGroups, smallChanges int
}

// A row is a change as the peers store it.
type row struct {
	Time  float64 // milliseconds since 1970
	Op    string
	User  string
	Table string // DATABASE.TABLE
	ID    string
	Body  string // the record after, as JSON; empty for a delete
}

// smallGroups is how many groups the question is asked of that lists all of a
// user's changes.
const smallGroups = 200_000

// sampleSize is how many changes are drawn; a question uses up one or a few.
const sampleSize = 5000

// prepare writes the data set into dir.
func prepare(dir string, c gen.Config) (*dataset, error) {
	d := &dataset{Lines: filepath.Join(dir, "groups.jsonl"), Rows: filepath.Join(dir, "rows.csv"), Small: filepath.Join(dir, "small.jsonl")}
	err := writeFile(d.Lines, func(w io.Writer) (err error) {
		d.Summary, err = gen.Write(w, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("generate groups: %w", err)
	}
	if err := d.convert(c.Seed); err != nil {
		return nil, fmt.Errorf("make rows of groups: %w", err)
	}
	return d, nil
}

// convert writes the rows and the smaller file, and draws the sample.
func (d *dataset) convert(seed uint64) error {
	wanted := map[int]int{} // by the number of the row, how often it was drawn
	r := rand.New(rand.NewPCG(seed, 1))
	for range sampleSize {
		wanted[r.IntN(d.Changes)]++
	}
	return writeFile(d.Rows, func(rows io.Writer) error {
		return writeFile(d.Small, func(small io.Writer) error {
			out := csv.NewWriter(rows)
			n := 0
			err := d.eachLine(func(line []byte) error {
				of, err := rowsOf(line)
				if err != nil {
					return err
				}
				if d.smallGroups < smallGroups {
					d.smallGroups++
					d.smallChanges += len(of)
					if _, err := small.Write(append(line, '\n')); err != nil {
						return err
					}
				}
				for _, ch := range of {
					for range wanted[n] {
						d.Sample = append(d.Sample, ch)
					}
					n++
					if err := out.Write(ch.fields(n)); err != nil {
						return err
					}
				}
				return nil
			})
			out.Flush()
			r.Shuffle(len(d.Sample), func(i, j int) { d.Sample[i], d.Sample[j] = d.Sample[j], d.Sample[i] })
			return errors.Join(err, out.Error())
		})
	})
}

// eachLine calls do for every group's line, without its end.
func (d *dataset) eachLine(do func([]byte) error) error {
	f, err := os.Open(d.Lines)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			if err := do(line[:len(line)-1]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// rowsOf splits a group into its changes.
func rowsOf(line []byte) ([]row, error) {
	var g struct {
		Operation string            `json:"operation"`
		User      string            `json:"user_name"`
		Timestamp float64           `json:"timestamp"`
		IDs       []string          `json:"hash_values"`
		Records   []json.RawMessage `json:"records"`
		Database  string            `json:"database"`
		Table     string            `json:"table"`
	}
	if err := json.Unmarshal(line, &g); err != nil {
		return nil, fmt.Errorf("read group: %w", err)
	}
	if len(g.IDs) != len(g.Records) {
		return nil, fmt.Errorf("read group: %d ids and %d records", len(g.IDs), len(g.Records))
	}
	out := make([]row, len(g.IDs))
	for i, id := range g.IDs {
		out[i] = row{Time: g.Timestamp, Op: g.Operation, User: g.User, Table: g.Database + "." + g.Table, ID: id}
		if body := string(g.Records[i]); body != "null" {
			out[i].Body = body
		}
	}
	return out, nil
}

// fields are the columns of the CSV; n is the row's number, from 1 on.
func (r row) fields(n int) []string {
	return []string{strconv.Itoa(n), strconv.FormatFloat(r.Time, 'f', 4, 64), r.Op, r.User, r.Table, r.ID, r.Body}
}

// writeFile creates a file and has it written through a buffer.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}
