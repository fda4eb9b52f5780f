package query

import (
	"fmt"
	"slices"

	"recourse/audit"
)

// changeSize is about how many bytes a change takes that is kept.
func changeSize(c *audit.Change) int64 {
	return 400 + int64(len(c.Before.Body)+len(c.After.Body)+len(c.Sent)+len(c.User)+len(c.Key.ID))
}

func flowSize(f flow) int64 {
	if f.change != nil {
		return changeSize(f.change)
	}
	n := int64(48)
	for _, x := range f.row {
		n += 16 + cellSize(x)
	}
	return n
}

// stage is how a pipe begins that passes on what it is given; nil: the pipe asks
// for more than what goes through it.
func (x *execution) stage(pipe, next Pipe) func(sink) sink {
	columns := x.columns
	switch p := pipe.(type) {
	case PipeWhere:
		return func(to sink) sink { return &whereStage{to, p.Where} }
	case PipeRows:
		return func(to sink) sink { return newRowTests(p, columns, to) }
	case PipeFields:
		return func(to sink) sink { return &fieldsStage{to, p.Fields, placesOf(p.Fields, columns)} }
	case PipeLimit:
		return func(to sink) sink { return &limitStage{to, p.N} }
	case PipeSort:
		most := 0
		if limit, ok := next.(PipeLimit); ok {
			most = limit.N
		}
		return func(to sink) sink { return newSort(x, p, columns, most, to) }
	case PipeEnds:
		if p.Last {
			return func(to sink) sink { return &lastStage{to, x, p.By, map[string]bool{}} }
		}
		return func(to sink) sink { return &firstStage{to, x, p.By, map[string]*audit.Change{}} }
	case PipeStats:
		return func(to sink) sink { return newStats(x, p, columns, to) }
	case PipeTop:
		return func(to sink) sink { return newTop(x, p, columns, to) }
	case PipeSeq:
		return func(to sink) sink { return newSequences(x, p, to) }
	}
	return nil
}

// placesOf are where the fields stand among the columns; nil for changes.
func placesOf(fields []PipeField, columns []string) []int {
	if columns == nil {
		return make([]int, len(fields))
	}
	places := make([]int, len(fields))
	for i, f := range fields {
		places[i] = slices.Index(columns, f.Name)
	}
	return places
}

type whereStage struct {
	sink
	where Where
}

func (s *whereStage) put(f flow) error {
	holds, err := s.where.Holds(f.change)
	if err != nil {
		return fmt.Errorf("decide change %d by %s: %w", f.change.Seq, s.where.Text, err)
	}
	if !holds {
		return nil
	}
	return s.sink.put(f)
}

type rowTests struct {
	sink
	tests  []RowTest
	places []int
}

func newRowTests(p PipeRows, columns []string, to sink) sink {
	s := &rowTests{to, p.Tests, make([]int, len(p.Tests))}
	for i, t := range p.Tests {
		s.places[i] = slices.Index(columns, t.Column)
	}
	return s
}

func (s *rowTests) put(f flow) error {
	for i, t := range s.tests {
		if t.holds(f.row[s.places[i]]) == t.Not {
			return nil
		}
	}
	return s.sink.put(f)
}

// holds says whether what stands in a row passes: of a list, one of its values.
func (t RowTest) holds(x any) bool {
	switch x := x.(type) {
	case nil:
		return t.Test.Op == Is && t.Test.Low.Kind() == audit.KindNull
	case audit.Time:
		if at, err := parseDate(t.Test.Low.Text()); err == nil && t.Test.Low.Kind() == audit.KindText {
			u := t.Test
			u.Low = audit.Float(at)
			return u.holds(audit.Float(float64(x)))
		}
	case []string:
		return slices.ContainsFunc(x, func(s string) bool { return t.Test.holds(audit.Text(s)) })
	}
	v := asValue(x)
	return within(v, nil, t.Test.holds)
}

type fieldsStage struct {
	sink
	fields []PipeField
	places []int
}

func (s *fieldsStage) put(f flow) error {
	row := make([]any, len(s.fields))
	for i, field := range s.fields {
		row[i] = f.of(field, s.places[i])
	}
	return s.sink.put(flow{row: row})
}

type limitStage struct {
	sink
	left int
}

func (s *limitStage) put(f flow) error {
	if s.left == 0 {
		return errEnded
	}
	s.left--
	if err := s.sink.put(f); err != nil {
		return err
	}
	if s.left == 0 {
		return errEnded
	}
	return nil
}

// endAfter ends a sink that wants no more, or that failed.
func endAfter(s sink, err error) error {
	if err != errEnded {
		return err
	}
	return s.end()
}

// groupKey is one text for the values of fields.
func groupKey(f flow, fields []PipeField, places []int) string {
	if len(fields) == 1 {
		return cellKey(f.of(fields[0], places[0]))
	}
	parts := make([]string, len(fields))
	for i, field := range fields {
		parts[i] = cellKey(f.of(field, places[i]))
	}
	return tupleKey(parts)
}

// lastStage passes on the first change that it is given of each kind: they come
// newest first.
type lastStage struct {
	sink
	x    *execution
	by   []PipeField
	seen map[string]bool
}

func (s *lastStage) put(f flow) error {
	key := groupKey(f, s.by, make([]int, len(s.by)))
	if s.seen[key] {
		return nil
	}
	s.seen[key] = true
	if err := s.x.keep(64 + int64(len(key))); err != nil {
		return err
	}
	return s.sink.put(f)
}

type firstStage struct {
	sink
	x     *execution
	by    []PipeField
	first map[string]*audit.Change
}

func (s *firstStage) put(f flow) error {
	key := groupKey(f, s.by, make([]int, len(s.by)))
	size := changeSize(f.change)
	if old := s.first[key]; old != nil {
		size -= changeSize(old)
	} else {
		size += 64 + int64(len(key))
	}
	s.first[key] = f.change
	return s.x.keep(size)
}

func (s *firstStage) end() error {
	all := make([]*audit.Change, 0, len(s.first))
	for _, c := range s.first {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *audit.Change) int { return PositionOf(a).Compare(PositionOf(b)) })
	for _, c := range all {
		if err := s.sink.put(flow{change: c}); err != nil {
			return endAfter(s.sink, err)
		}
	}
	return s.sink.end()
}
