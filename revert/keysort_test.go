package revert

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

func keysGiven(t interface{ Fatal(...any) }, s *keySort, together int) []audit.Key {
	var all []audit.Key
	err := s.each(together, func(some []audit.Key) error {
		if len(some) == 0 || len(some) > together {
			t.Fatal(fmt.Sprintf("%d keys together, want 1 to %d", len(some), together))
		}
		all = append(all, some...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKeysAreSorted: keys that do not fit into memory come in the order in which they
// would if they did, each once, however often they are read.
func TestKeysAreSorted(t *testing.T) {
	temp := tempIn(t.TempDir())
	tables := []audit.Table{dogs, {Database: "dev", Name: "cat"}, {Database: "a.b", Name: ""}}
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOf(rapid.Custom(func(t *rapid.T) audit.Key {
			return audit.Key{Table: rapid.SampledFrom(tables).Draw(t, "table"), ID: audit.ID(rapid.SampledFrom([]string{"1", "2", "10", `"1"`, `"ä"`, "\xff"}).Draw(t, "id"))}
		})).Draw(t, "keys")
		want := slices.Clone(keys)
		slices.SortFunc(want, compareKeys)
		want = slices.Compact(want)
		s := &keySort{temp: temp, most: rapid.IntRange(1, 400).Draw(t, "most")}
		defer s.close()
		for some := range slices.Chunk(keys, 3) {
			if err := s.add(some); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if got := keysGiven(t, s, 4); !slices.Equal(got, want) {
				t.Fatalf("in %d runs: %v, want %v", len(s.runs), got, want)
			}
		}
	})
}

// A cutFile has lost its end.
type cutFile struct{ TempFile }

func (f cutFile) ReadAt(b []byte, at int64) (int, error) {
	const left = 10
	if at >= left {
		return 0, io.EOF
	}
	n, err := f.TempFile.ReadAt(b[:min(len(b), int(left-at))], at)
	return n, err
}

// TestKeysAreNotLost: a file of keys that was cut, or cannot be written, is an error
// and no shorter list.
func TestKeysAreNotLost(t *testing.T) {
	var keys []audit.Key
	for i := range 100 {
		keys = append(keys, audit.Key{Table: dogs, ID: audit.ID(fmt.Sprint(i))})
	}
	temp := tempIn(t.TempDir())
	s := &keySort{most: 1000, temp: func() (TempFile, error) { f, err := temp(); return cutFile{f}, err }}
	defer s.close()
	if err := s.add(keys); err != nil || len(s.runs) < 3 {
		t.Fatal(len(s.runs), err)
	}
	if err := s.each(10, func([]audit.Key) error { return nil }); err == nil {
		t.Error("a file that was cut was read to its end")
	}
	full := errors.New("disk full")
	s = &keySort{most: 1000, temp: func() (TempFile, error) { return nil, full }}
	if err := s.add(keys); !errors.Is(err, full) {
		t.Errorf("without a file: %v", err)
	}
}
