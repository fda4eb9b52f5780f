package report

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"recourse/query"
)

// Explain has the printer say with the next answer how it was found: within its
// summary, in the formats that have one.
func (p *Printer) Explain(e query.Explanation) { p.explained = &e }

// Explained says whether the printer's format says itself how an answer was
// found. If not, PrintExplanation says it beside.
func (p *Printer) Explained() bool {
	return p.o.Format == JSON || p.o.Format == NDJSON || p.o.Format == YAML
}

type stepDoc struct {
	Step    query.StepKind `json:"step"`
	Detail  string         `json:"detail,omitempty"`
	Chunks  int            `json:"chunks"`
	Blocks  int            `json:"blocks"`
	Changes int            `json:"changes"`
	Matched int            `json:"matched"`
	Calls   int            `json:"calls"`
	TookUS  int64          `json:"took_us"`
}

func (p *Printer) steps() []stepDoc {
	if p.explained == nil {
		return nil
	}
	docs := []stepDoc{}
	for _, s := range p.explained.Steps {
		docs = append(docs, stepDoc{s.What, s.Detail, s.Chunks, s.Blocks, s.Changes, s.Matched, s.Calls, s.Took.Microseconds()})
	}
	return docs
}

// PrintExplanation prints a table of how an answer was found.
func PrintExplanation(w io.Writer, e query.Explanation) error {
	p := New(w, Options{Width: 120})
	cols := []column{{name: "STEP", keep: true}, {name: "DETAIL", flex: true}}
	for _, name := range []string{"CHUNKS", "BLOCKS", "CHANGES", "MATCHED", "CALLS", "µS"} {
		cols = append(cols, column{name: name, right: true})
	}
	var rows [][]cell
	for _, s := range e.Steps {
		row := []cell{{text: string(s.What)}, {text: Visible(s.Detail)}}
		for _, n := range []int{s.Chunks, s.Blocks, s.Changes, s.Matched, s.Calls} {
			text := strconv.Itoa(n)
			if n == 0 {
				text = "-"
			}
			row = append(row, cell{text: text})
		}
		rows = append(rows, append(row, cell{text: fmt.Sprint(int64(s.Took / time.Microsecond))}))
	}
	return p.print(output{page: func(g *page) { g.table(cols, rows) }})
}
