package revert

import (
	"errors"

	"recourse/audit"
)

// So many things, or bytes of them, are handed over together.
const (
	besideThings = 128
	besideBytes  = 1 << 20
)

// errNoTaker ends a maker of whose things no more are wanted.
var errNoTaker = errors.New("nobody takes it")

// beside has things made on another processor than they are taken on, some ahead, and
// taken in the order in which they are made. It ends with the first error of either,
// when both have ended. What a thing weighs is in bytes. What is taken is good until
// take returns.
func beside[T any](weigh func(*T) int, make func(give func(T) error) error, take func(*T) error) error {
	ready, used, enough := newHandover[T]()
	var bad error
	go func() {
		defer close(ready)
		m := maker[T]{weigh: weigh, ready: ready, used: used, enough: enough}
		bad = audit.Guarded(func() error { return make(m.give) })
		_ = m.hand() // an error says that nobody wants it
	}()
	defer func() {
		close(enough)
		for range ready { // until the maker has ended
		}
	}()
	for things := range ready {
		for i := range things {
			if err := take(&things[i]); err != nil {
				return err
			}
		}
		clear(things)
		select {
		case used <- things[:0]:
		default:
		}
	}
	return bad
}

func newHandover[T any]() (ready, used chan []T, enough chan struct{}) {
	return make(chan []T, 2), make(chan []T, 4), make(chan struct{})
}

// A maker's things are gathered until they are handed over.
type maker[T any] struct {
	weigh       func(*T) int
	ready, used chan []T
	enough      chan struct{}
	things      []T
	weight      int
}

func (m *maker[T]) give(thing T) error {
	if m.things == nil {
		select {
		case m.things = <-m.used:
		default:
			m.things = make([]T, 0, besideThings)
		}
	}
	m.things = append(m.things, thing)
	m.weight += m.weigh(&m.things[len(m.things)-1])
	if len(m.things) == besideThings || m.weight >= besideBytes {
		return m.hand()
	}
	return nil
}

// hand hands over what was gathered.
func (m *maker[T]) hand() error {
	if len(m.things) == 0 {
		return nil
	}
	select {
	case m.ready <- m.things:
		m.things, m.weight = nil, 0
		return nil
	case <-m.enough:
		return errNoTaker
	}
}
