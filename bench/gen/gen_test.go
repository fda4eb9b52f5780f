package gen

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
)

// TestBytes: every figure that was ever measured rests on these bytes.
func TestBytes(t *testing.T) {
	h := sha256.New()
	sum, err := Write(h, Config{Seed: 1, Groups: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(h.Sum(nil)), "90a2bdf834e2c7974e8f4cc3e8362558042d5f852dad36676460648cf3cd4fd0"; got != want {
		t.Errorf("sha256 %s, want %s", got, want)
	}
	want := Summary{Groups: 100_000, Changes: 100_000, Distinct: 19_648, Bytes: 41_698_889}
	got := Summary{Groups: sum.Groups, Changes: sum.Changes, Distinct: sum.Distinct, Bytes: sum.Bytes}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := sum.Inserts + sum.Updates + sum.Deletes + sum.Upserts; n != sum.Changes {
		t.Errorf("operations add up to %d of %d changes", n, sum.Changes)
	}
}

// A group is a line as it is read.
type group struct {
	Operation string           `json:"operation"`
	User      string           `json:"user_name"`
	Timestamp float64          `json:"timestamp"`
	IDs       []string         `json:"hash_values"`
	Records   []map[string]any `json:"records"`
	Database  string           `json:"database"`
	Table     string           `json:"table"`
}

// TestExtras reads a stream with all that can be asked for, twice.
func TestExtras(t *testing.T) {
	c := Config{Seed: 7, Groups: 20_000, Multi: 0.1, Nested: 0.3, Large: 0.002}
	var b, again bytes.Buffer
	sum, err := Write(&b, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(&again, c); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Fatalf("the same configuration gives other bytes (%v)", err)
	}
	var changes, multi, nested, deep, longest int
	last := 0.0
	live := map[string]bool{}
	in := bufio.NewScanner(&b)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var g group
		if err := json.Unmarshal(in.Bytes(), &g); err != nil {
			t.Fatalf("%v: %.200s", err, in.Text())
		}
		if len(g.IDs) != len(g.Records) || g.Timestamp <= last {
			t.Fatalf("ids, records or time of %.200s", in.Text())
		}
		last = g.Timestamp
		changes += len(g.IDs)
		if len(g.IDs) > 1 {
			multi++
		}
		for i, r := range g.Records {
			key := g.Table + g.IDs[i]
			if live[key] == (g.Operation == "insert") {
				t.Fatalf("%s of %s, which lives: %v", g.Operation, key, live[key])
			}
			live[key] = g.Operation != "delete"
			if _, ok := r["address"].(map[string]any); ok {
				nested++
			}
			if _, ok := r["lines"].([]any); ok {
				deep++
			}
			if s, ok := r["document"].(string); ok {
				longest = max(longest, len(s))
			}
		}
	}
	if in.Err() != nil || changes != sum.Changes {
		t.Errorf("%d changes read (%v), the summary says %d", changes, in.Err(), sum.Changes)
	}
	if multi < 1000 || nested < 1000 || nested != deep || longest < 64<<10 || longest > 1<<20 {
		t.Errorf("%d groups of several, %d records with objects, %d with arrays, longest text %d", multi, nested, deep, longest)
	}
}
