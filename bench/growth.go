package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"recourse/bench/gen"
)

// growth is what changes cost as the store grows.
type growth struct {
	Changes int
	Tenths  [10]load // imported one after the other, each by a process of its own
	Parts   [10]int  // their changes
	Whole   load     // all of them by one process, into an empty folder
	Within  tenths   // of that one
	Pack    bool     // judged by the built-in rules
}

// judged says by which rules, where they are not the 50.
func (g *growth) judged() string {
	if g.Pack {
		return ", with the built-in rules"
	}
	return ""
}

// cpu is what a change of a tenth cost, in microseconds.
func (g *growth) cpu(tenth int) float64 { return perChange(g.Tenths[tenth].CPU, g.Parts[tenth]) }

// within is what a change of a tenth cost that one process with all others, in
// microseconds. What it took before it stored anything is shared out among all.
func (g *growth) within(tenth int) float64 {
	cpu := g.Within.CPU[tenth+1] - g.Within.CPU[tenth] + g.Within.CPU[0]/10
	return perChange(cpu, g.Parts[tenth])
}

// grow measures it with a data set of its own.
func grow(ctx context.Context, r *recourse, dir string, c gen.Config) (*growth, error) {
	all := filepath.Join(dir, "growth.jsonl")
	var sum gen.Summary
	err := writeFile(all, func(w io.Writer) (err error) {
		sum, err = gen.Write(w, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("generate groups: %w", err)
	}
	defer os.Remove(all)
	g := &growth{Changes: sum.Changes, Pack: r.pack}
	if err := emptyDir(r.data()); err != nil {
		return nil, err
	}
	part := filepath.Join(dir, "tenth.jsonl")
	defer os.Remove(part)
	f, err := os.Open(all)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	for i := range g.Tenths {
		lines := c.Groups*(i+1)/10 - c.Groups*i/10
		if g.Parts[i], err = copyGroups(part, in, lines); err != nil {
			return nil, fmt.Errorf("part groups: %w", err)
		}
		if g.Tenths[i], err = r.add(ctx, part, g.Parts[i]); err != nil {
			return nil, err
		}
	}
	return g, g.once(ctx, r, all, sum)
}

// once measures all of them by one process.
func (g *growth) once(ctx context.Context, r *recourse, all string, sum gen.Summary) error {
	if err := emptyDir(r.data()); err != nil {
		return err
	}
	file, err := filepath.EvalSymlinks(all)
	if err != nil {
		return err
	}
	var stop func() tenths
	g.Whole, err = r.addSeen(ctx, file, sum.Changes, func(pid int) { stop = watchTenths(pid, file, sum.Bytes) })
	if stop != nil {
		g.Within = stop()
	}
	return err
}

// copyGroups writes so many lines to a file and counts their changes.
func copyGroups(path string, in *bufio.Reader, lines int) (changes int, err error) {
	err = writeFile(path, func(w io.Writer) error {
		for range lines {
			line, err := in.ReadBytes('\n')
			if err != nil {
				return err
			}
			of, err := rowsOf(line)
			if err != nil {
				return err
			}
			changes += len(of)
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return changes, err
}

func (g *growth) write(p *paper) {
	if g.Within.known == len(g.Within.CPU) {
		p.line("\n## As the store grows\n\n%d changes imported by one process, by how far it had read them. Reading them once to check them, before anything\n"+
			"is stored, is shared out among the tenths; what was left when it had read all took %s µs for each change of a tenth.", g.Changes,
			short(perChange(g.Whole.CPU-g.Within.CPU[10], g.Parts[9])))
		p.head("tenth", "CPU a change")
		for i := range g.Parts {
			p.row(fmt.Sprint(i+1), short(g.within(i))+" µs")
		}
	}
	p.line("\nThe same in ten parts, each imported by a process of its own; and all of them by one.")
	p.head("part", "CPU a change", "changes a second", "on disk in all", "most memory: all / own / mapped files")
	row := func(name string, l load, changes int) {
		p.row(name, short(perChange(l.CPU, changes))+" µs", short(float64(changes)/l.Wall.Seconds()), fmt.Sprintf("%.0f MiB", mebibytes(l.Bytes)),
			fmt.Sprintf("%.0f / %.0f / %.0f MiB", mebibytes(l.Memory.Peak), mebibytes(l.Memory.Anon), mebibytes(l.Memory.File)))
	}
	for i, l := range g.Tenths {
		row(fmt.Sprint(i+1), l, g.Parts[i])
	}
	row("all", g.Whole, g.Changes)
}
