package revert

import (
	"maps"
	"slices"
	"testing"

	"recourse/audit"
)

// The algorithms that other tools use must fail the suite that ours passes;
// otherwise the suite proves nothing.

type reports = map[audit.Key]map[string]bool

// inverse undoes the attacker's changes one by one from the last, each by
// putting back the row that was before it.
func inverse(changes []audit.Change, state map[audit.Key]audit.Value) (map[audit.Key]audit.Value, reports, error) {
	out := maps.Clone(state)
	for _, c := range slices.Backward(changes) {
		if !eves(&c) || c.Before.State == audit.Unknown {
			continue
		}
		if c.Before.State == audit.Absent {
			delete(out, c.Key)
		} else {
			out[c.Key] = c.Before.Body
		}
	}
	return out, nil, nil
}

// columns does so attribute by attribute.
func columns(changes []audit.Change, state map[audit.Key]audit.Value) (map[audit.Key]audit.Value, reports, error) {
	out := maps.Clone(state)
	for _, c := range slices.Backward(changes) {
		d, known := c.Diff()
		switch {
		case !eves(&c) || !known:
		case c.Before.State == audit.Absent:
			delete(out, c.Key)
		case c.After.State == audit.Absent:
			out[c.Key] = c.Before.Body
		case out[c.Key] != nil:
			for _, name := range d.Attributes() {
				out[c.Key] = out[c.Key].With(name, c.Before.Body.Get(name))
			}
		}
	}
	return out, nil, nil
}

// imageReplay replays what honest users left behind, as whole records.
func imageReplay(changes []audit.Change, state map[audit.Key]audit.Value) (map[audit.Key]audit.Value, reports, error) {
	out, met := maps.Clone(state), map[audit.Key]bool{}
	for _, c := range changes {
		if !met[c.Key] {
			met[c.Key] = true
			delete(out, c.Key)
			if c.Before.State == audit.Present {
				out[c.Key] = c.Before.Body
			}
		}
		if eves(&c) {
			continue
		}
		delete(out, c.Key)
		if c.After.State == audit.Present {
			out[c.Key] = c.After.Body
		}
	}
	return out, nil, nil
}

// blindfold is our own planner made to believe every late image.
func blindfold(changes []audit.Change, state map[audit.Key]audit.Value) (map[audit.Key]audit.Value, reports, error) {
	trusting := slices.Clone(changes)
	for i := range trusting {
		if trusting[i].After.Trust == audit.Provisional {
			trusting[i].After.Trust = audit.Exact
		}
	}
	return ours(Policy{})(trusting, state)
}

// registers is our own planner told that no number is ever incremented.
func registers(changes []audit.Change, state map[audit.Key]audit.Value) (map[audit.Key]audit.Value, reports, error) {
	return ours(Policy{Numbers: map[string]Number{"dev.dog.n": NumberRegister}})(changes, state)
}

func TestOtherAlgorithmsFail(t *testing.T) {
	const programs = 1000
	for _, tt := range []struct {
		name   string
		recipe recipe
		r      reverter
		least  int // how many of the programs it must get silently wrong
	}{
		{"inverse of rows", recipe{}, inverse, 300},
		{"inverse of columns", recipe{}, columns, 300},
		{"replay of images", recipe{}, imageReplay, 300},
		{"late images believed", recipe{late: true}, blindfold, 10},
		{"increments taken for values", recipe{adds: true}, registers, 10},
		{"ours", recipe{}, ours(Policy{}), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wrong := 0
			for seed := range uint64(programs) {
				if judge(makeProgram(seeded(seed), tt.recipe), tt.r) != nil {
					wrong++
				}
			}
			t.Logf("silently wrong in %d of %d programs", wrong, programs)
			if wrong < tt.least || tt.least == 0 && wrong > 0 {
				t.Errorf("silently wrong in %d of %d programs, want at least %d (0: none)", wrong, programs, tt.least)
			}
		})
	}
}
