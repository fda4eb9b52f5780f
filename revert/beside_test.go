package revert

import (
	"errors"
	"testing"

	"recourse/audit"
)

// What is made beside is taken in its order, whole; either's error ends both, and a
// panic of the maker is one. When it has ended, so has the maker.
func TestBeside(t *testing.T) {
	const many = 10 * besideThings
	mine, its := errors.New("the taker's"), errors.New("the maker's")
	for _, tt := range []struct {
		name         string
		fails, stops int // at which thing
		panics       bool
		want         error
	}{
		{name: "all", fails: -1, stops: -1},
		{name: "the maker fails", fails: 700, stops: -1, want: its},
		{name: "the taker fails", fails: -1, stops: 300, want: mine},
		{name: "the taker fails first", fails: 900, stops: 3, want: mine},
		{name: "the maker panics", fails: 700, stops: -1, panics: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ended, taken := false, 0
			err := beside(func(n *int) int { return *n % 3 * besideBytes / 50 }, func(give func(int) error) error {
				defer func() { ended = true }()
				for i := range many {
					switch {
					case i == tt.fails && tt.panics:
						panic("a defect")
					case i == tt.fails:
						return its
					}
					if err := give(i); err != nil {
						return err
					}
				}
				return nil
			}, func(n *int) error {
				if *n == tt.stops {
					return mine
				}
				if *n != taken {
					t.Fatalf("thing %d comes at place %d", *n, taken)
				}
				taken++
				return nil
			})
			_, panicked := errors.AsType[*audit.Panic](err)
			if !ended || panicked != tt.panics || !tt.panics && !errors.Is(err, tt.want) || err == nil && taken != many {
				t.Errorf("ended %v, %d taken: %v", ended, taken, err)
			}
			if tt.stops < 0 && tt.fails >= 0 && taken != tt.fails {
				t.Errorf("%d were taken of what was made before the error", taken)
			}
		})
	}
}
