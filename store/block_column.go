package store

import (
	"encoding/binary"

	"recourse/audit"
)

// The columns of a block, in order. Times are the bits of their float64.
const (
	colTime       = iota // folded: what the bits exceed those of the change before by, of the first those of 0
	colObserved          // folded likewise; of the first, what they exceed the bits of its time by
	colUser              // number in the users
	colOp                // number in the names, as are all up to colNote
	colReported          //
	colCluster           //
	colNode              //
	colDatabase          //
	colTable             //
	colNote              //
	colNth               // folded
	colSize              // folded
	colIndex             // folded
	colFlags             // see the flags below
	colAfter             // the image after without its body, see imageBits
	colBefore            //
	colWas               //
	colPrev              // folded: the change's number less prev; 0 without flagPrev
	colPrevTime          // folded: the bits of its time less those of prevTime; 0 without flagPrev
	colAfterBody         // what body the image after has, see bodyShape
	colBeforeBody        //
	colWasBody           //
	colSentBody          //
	colID                // the form of the key's id: formText or a template
	colCount
)

// The flags of a change.
const (
	flagLossy = 1 << iota
	flagLate
	flagSynthetic
	flagPrev // it has prev or prevTime
)

// A column is one number of every change: cells, see block_cells.go, of which
// that of cellsOne is a uvarint here; or columnWide and a uvarint for each. It is
// kept as it stands, so that one change costs no more than finding its number;
// who reads all changes has it written out first.
type packedColumn struct {
	one   uint64
	cells []byte // of several, that fit a byte
	wide  []byte // the uvarints
	all   []uint64
}

const columnWide = cellsOther

func (c *packedColumn) at(i int) uint64 {
	switch {
	case c.cells != nil:
		return uint64(cellAt(c.cells, i))
	case c.all != nil:
		return c.all[i]
	case c.wide != nil:
		in := stream{b: c.wide}
		in.skip(i)
		return in.uvarint()
	}
	return c.one
}

// below says that every one of n numbers is less than limit.
func (c *packedColumn) below(limit, n int) bool {
	var bytes []byte
	switch {
	case c.wide != nil:
		in := stream{b: c.wide}
		for range n {
			if in.uvarint() >= uint64(limit) {
				return false
			}
		}
		return true
	case c.cells == nil:
		return c.one < uint64(limit)
	case c.cells[0] == cellsFew:
		bytes = c.cells[2 : 2+c.cells[1]]
	default:
		bytes = c.cells[1:]
	}
	return limit > 0xff || limit > 0 && !exceed(bytes, byte(limit-1))
}

// exceed says that one of some bytes is more than another; eight are looked at at once.
func exceed(all []byte, most byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	add := ones * uint64(0x7f-most&0x7f) // makes the top bit of what is more, of seven bits
	var found uint64
	for ; len(all) >= 8; all = all[8:] {
		u := binary.LittleEndian.Uint64(all)
		more := u&^tops + add
		if most < 0x80 {
			found |= more | u
		} else {
			found |= more & u
		}
	}
	for _, b := range all {
		if b > most {
			return true
		}
	}
	return found&tops != 0
}

// spread writes the column of n numbers out; what that takes is of room.
func (c *packedColumn) spread(n int, room *[]uint64) bool {
	switch {
	case c.wide != nil:
		in := stream{b: c.wide}
		c.all = numbersIn(room, n)
		for i := range c.all {
			c.all[i] = in.uvarint()
		}
		return !in.bad
	case c.cells != nil && c.cells[0] == cellsFew:
		c.cells = appendSpread(make([]byte, 0, 1+n), c.cells, n)
	}
	return true
}

func appendColumn(dst []byte, all []uint64) []byte {
	same, widest := true, uint64(0)
	for _, u := range all {
		same = same && u == all[0]
		widest = max(widest, u)
	}
	switch {
	case same:
		return binary.AppendUvarint(append(dst, cellsOne), all[0])
	case widest <= 0xff:
		cells := make([]byte, len(all))
		for i, u := range all {
			cells[i] = byte(u)
		}
		return appendCells(dst, cells)
	}
	dst = append(dst, columnWide)
	for _, u := range all {
		dst = binary.AppendUvarint(dst, u)
	}
	return dst
}

// column is one of n numbers.
func (s *stream) column(n int) packedColumn {
	if s.pos >= len(s.b) {
		s.bad = true
		return packedColumn{}
	}
	switch s.b[s.pos] {
	case cellsOne:
		s.pos++
		return packedColumn{one: s.uvarint()}
	case columnWide:
		s.pos++
		start := s.pos
		s.skip(n)
		return packedColumn{wide: s.b[start:s.pos:s.pos]}
	}
	cells := s.cells(n)
	if s.bad {
		return packedColumn{}
	}
	return packedColumn{cells: cells}
}

// numbersIn are n numbers in room, of which there is made more at a time.
func numbersIn(room *[]uint64, n int) []uint64 {
	if len(*room) < n {
		*room = make([]uint64, 4*n)
	}
	all := (*room)[:n:n]
	*room = (*room)[n:]
	return all
}

// imageBits is an image without its body, in a byte if its parts are ones that
// exist; any other is marked and kept in three.
func imageBits(i *audit.Image) uint64 {
	state, source, trust := uint64(i.State), uint64(i.Source), uint64(i.Trust)
	if state < 4 && source < 8 && trust < 8 {
		return state | source<<2 | trust<<5
	}
	return 1<<24 | state | source<<8 | trust<<16
}

func imageOfBits(u uint64) audit.Image {
	if u < 1<<8 {
		return audit.Image{State: audit.State(u & 3), Source: audit.Source(u >> 2 & 7), Trust: audit.Trust(u >> 5)}
	}
	return audit.Image{State: audit.State(u), Source: audit.Source(u >> 8), Trust: audit.Trust(u >> 16)}
}

func flagsOf(r *row) (flags uint64) {
	for i, on := range [...]bool{r.c.Lossy, r.c.Late, r.c.Synthetic, r.prev != 0 || bits(r.prevTime) != 0} {
		if on {
			flags |= 1 << i
		}
	}
	return flags
}

// columns adds the numbers of a change, but for its bodies and its key's id.
func (w *blockWriter) columns(r, before *row) {
	c := &r.c
	add := func(col int, u uint64) { w.cols[col] = append(w.cols[col], u) }
	number := func(col int, l *lexicon, s, last string) {
		if n := len(w.cols[col]); n > 0 && s == last {
			add(col, w.cols[col][n-1])
			return
		}
		add(col, uint64(l.number([]byte(s), maxEntries)))
	}
	name := func(col int, s, last string) { number(col, &w.names, s, last) }
	lastTime, lastObserved := uint64(0), bits(c.Time)
	if before != nil {
		lastTime, lastObserved = bits(before.c.Time), bits(before.c.Observed)
	} else {
		before = &row{}
	}
	b := &before.c
	add(colTime, fold(int64(bits(c.Time)-lastTime)))
	add(colObserved, fold(int64(bits(c.Observed)-lastObserved)))
	number(colUser, &w.users, c.User, b.User)
	name(colOp, string(c.Op), string(b.Op))
	name(colReported, string(c.Reported), string(b.Reported))
	name(colCluster, c.Cluster, b.Cluster)
	name(colNode, c.Node, b.Node)
	name(colDatabase, c.Key.Table.Database, b.Key.Table.Database)
	name(colTable, c.Key.Table.Name, b.Key.Table.Name)
	name(colNote, c.Note, b.Note)
	add(colNth, fold(int64(c.Nth)))
	add(colSize, fold(int64(c.Group.Size)))
	add(colIndex, fold(int64(c.Group.Index)))
	flags := flagsOf(r)
	add(colFlags, flags)
	add(colAfter, imageBits(&c.After))
	add(colBefore, imageBits(&c.Before))
	add(colWas, imageBits(&r.was))
	var prev, prevTime uint64
	if flags&flagPrev != 0 {
		prev, prevTime = fold(int64(c.Seq-r.prev)), fold(int64(bits(c.Time)-bits(r.prevTime)))
	}
	add(colPrev, prev)
	add(colPrevTime, prevTime)
}

// user is one of the users; of who reads a few changes each is a copy, for most of the
// users are of no use to him.
func (m *blockMeta) user(i uint64) string {
	if m.userText == "" {
		return string(m.users.at(int(i)))
	}
	return m.userText[m.users.ends[i]:m.users.ends[i+1]]
}

// fill sets what the columns say of the change at place i.
func (m *blockMeta) fill(i int, r *row) {
	col := func(c int) uint64 { return m.cols[c].at(i) }
	c := &r.c
	time, observed := m.timesAt(i)
	c.Time, c.Observed = timeOf(time), timeOf(observed)
	name := func(c int) string { return m.names.at(col(c)) }
	c.User = m.user(col(colUser))
	c.Op, c.Reported = audit.Op(name(colOp)), audit.Op(name(colReported))
	c.Cluster, c.Node, c.Note = name(colCluster), name(colNode), name(colNote)
	c.Key.Table = audit.Table{Database: name(colDatabase), Name: name(colTable)}
	c.Nth = int(unfold(col(colNth)))
	c.Group = audit.Group{Size: int(unfold(col(colSize))), Index: int(unfold(col(colIndex)))}
	flags := col(colFlags)
	c.Lossy, c.Late, c.Synthetic = flags&flagLossy != 0, flags&flagLate != 0, flags&flagSynthetic != 0
	c.After, c.Before, r.was = imageOfBits(col(colAfter)), imageOfBits(col(colBefore)), imageOfBits(col(colWas))
	c.Seq = m.first + audit.Seq(i)
	if flags&flagPrev != 0 {
		r.prev = c.Seq - audit.Seq(unfold(col(colPrev)))
		r.prevTime = timeOf(time - uint64(unfold(col(colPrevTime))))
	}
}
