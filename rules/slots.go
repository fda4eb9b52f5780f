package rules

// slots are numbers by a hash, of which several may share one. They stand in one piece
// of memory, each with its hash, next to where the hash says: to find one, or that there
// is none, most often takes a look at one place.
type slots struct {
	all []uint64 // the hash above the number; 0: free
	n   int
}

const leastSlots = 16

// find is where the first number of a hash stands from a place on, and the number; 0:
// there is none. The first place is the hash.
func (s *slots) find(hash uint32, from int) (number uint32, at int) {
	if s.n == 0 {
		return 0, 0
	}
	for i := from & (len(s.all) - 1); s.all[i] != 0; i = (i + 1) & (len(s.all) - 1) {
		if uint32(s.all[i]>>32) == hash {
			return uint32(s.all[i]), i
		}
	}
	return 0, 0
}

// put adds a number.
func (s *slots) put(hash, number uint32) {
	if 4*(s.n+1) > 3*len(s.all) {
		old := s.all
		s.all = make([]uint64, max(leastSlots, 2*len(old)))
		for _, slot := range old {
			if slot != 0 {
				s.add(slot)
			}
		}
	}
	s.add(uint64(hash)<<32 | uint64(number))
	s.n++
}

func (s *slots) add(slot uint64) {
	i := s.place(slot)
	for s.all[i] != 0 {
		i = (i + 1) & (len(s.all) - 1)
	}
	s.all[i] = slot
}

// place is where a slot would stand if it were alone.
func (s *slots) place(slot uint64) int { return int(slot>>32) & (len(s.all) - 1) }

// drop takes a number away. What stands further from its place than it has to is moved.
func (s *slots) drop(hash, number uint32) {
	last := len(s.all) - 1
	hole := int(hash) & last
	for s.all[hole] != uint64(hash)<<32|uint64(number) {
		hole = (hole + 1) & last
	}
	s.n--
	for i := (hole + 1) & last; s.all[i] != 0; i = (i + 1) & last {
		if home := s.place(s.all[i]); (i-home)&last >= (i-hole)&last {
			s.all[hole], hole = s.all[i], i
		}
	}
	s.all[hole] = 0
}
