package revert

import (
	"runtime"
	"sync"

	"recourse/audit"
)

// encodeLines calls f with the canonical line of each of n things, in their order.
// The lines are made on all processors, some thousand at a time.
func encodeLines(n int, of func(int) any, wrong func(int, error) error, f func(line []byte) error) error {
	workers := runtime.GOMAXPROCS(0)
	const each = 512
	parts := make([]encodedPart, min(workers, (n+each-1)/each))
	for from := 0; from < n; {
		var wait sync.WaitGroup
		used := parts[:0]
		for i := range parts {
			to := min(n, from+each)
			if from == to {
				break
			}
			p := &parts[i]
			start := from
			wait.Go(func() { p.encode(start, to, of) })
			from, used = to, parts[:i+1]
		}
		wait.Wait()
		for i := range used {
			if err := used[i].each(f); err != nil {
				return err
			}
			if used[i].err != nil {
				return wrong(used[i].bad, used[i].err)
			}
		}
	}
	return nil
}

// An encodedPart is some lines after each other.
type encodedPart struct {
	text []byte
	ends []int // where each line ends
	err  error
	bad  int // the line that cannot be encoded
}

func (p *encodedPart) encode(from, to int, of func(int) any) {
	p.text, p.ends, p.err = p.text[:0], p.ends[:0], nil
	defer audit.Guard(&p.err)
	for p.bad = from; p.bad < to; p.bad++ {
		text, err := appendLine(p.text, of(p.bad))
		if err != nil {
			p.err = err
			return
		}
		p.text, p.ends = text, append(p.ends, len(text))
	}
}

func (p *encodedPart) each(f func(line []byte) error) error {
	from := 0
	for _, to := range p.ends {
		if err := f(p.text[from:to:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}
