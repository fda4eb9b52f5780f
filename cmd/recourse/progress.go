package main

import (
	"fmt"
	"time"
)

// A progress is a count on the last line of the terminal; nothing anywhere else.
type progress struct {
	e     *env
	what  string
	total int
	drawn bool
	last  time.Time
	start time.Time
}

func newProgress(e *env, what string) *progress {
	return &progress{e: e, what: what, start: e.now()}
}

// set draws how far the work is, at most ten times a second.
func (p *progress) set(n int) {
	now := p.e.now()
	if !p.e.progress || now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.drawn = now, true
	if p.total <= 0 {
		fmt.Fprintf(p.e.stderr, "\r\x1b[K%d %s", n, p.what)
		return
	}
	const width = 30
	full := min(width, n*width/p.total)
	left := ""
	if n > 0 {
		left = " " + (now.Sub(p.start) * time.Duration(p.total-n) / time.Duration(n)).Round(time.Second).String() + " left"
	}
	fmt.Fprintf(p.e.stderr, "\r\x1b[K[%-*s] %d/%d %s%s", width, bar(full), n, p.total, p.what, left)
}

// done takes the line away.
func (p *progress) done() {
	if p.drawn {
		fmt.Fprint(p.e.stderr, "\r\x1b[K")
		p.drawn = false
	}
}

func bar(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '#'
	}
	return string(b)
}
