package revert

import (
	"os"
	"strconv"
	"testing"
)

// histories is how many each recipe makes: 10^7 of all recipes in a long run.
func histories() uint64 {
	if os.Getenv("RECOURSE_SOAK") != "" {
		return 1_700_000
	}
	return 2_000
}

// draws is how many histories a test looks at: few, or in a long run many.
func draws(few, many uint64) uint64 {
	if os.Getenv("RECOURSE_SOAK") != "" {
		return many
	}
	return few
}

// firstSeed is where a run begins: another long run looks at other histories.
func firstSeed(t *testing.T) uint64 {
	s := os.Getenv("RECOURSE_SEED")
	if s == "" {
		return 0
	}
	from, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("RECOURSE_SEED: %v", err)
	}
	return from
}
