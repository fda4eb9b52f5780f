package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"recourse/audit"
)

// A deed is one entry of the capture.
type deed struct {
	LocalTime audit.Time  `json:"localTime"`
	Type      string      `json:"type"`
	Version   audit.Time  `json:"version"`
	Operation audit.Op    `json:"operation"`
	ID        audit.ID    `json:"id"`
	User      string      `json:"user"`
	Raw       audit.Value `json:"raw"`
	Table     string      `json:"table"`
}

// deeds are the entries in their order, those of the attacker as mallory's.
func (in *replayed) deeds(t *testing.T) []deed {
	t.Helper()
	var truth struct {
		Malicious []struct {
			DB, Table, Type string
			Timestamp       audit.Time
			ID              audit.ID
		}
	}
	data, err := os.ReadFile(filepath.Join(incidentPath, "truth.json"))
	if err == nil {
		err = json.Unmarshal(data, &truth)
	}
	if err != nil {
		t.Fatal(err)
	}
	evil := map[string]bool{}
	for _, m := range truth.Malicious {
		evil[fmt.Sprint(m.DB, ".", m.Table, m.Type, m.ID, m.Timestamp)] = true
	}
	var all []deed
	for _, db := range []string{"bank", "shop"} {
		f, err := os.Open(filepath.Join(incidentPath, "store", db+".jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var d deed
			if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
				t.Fatal(err)
			}
			if d.Table == "sessions" {
				continue // its records expire, and nothing was done to them
			}
			d.Table = db + "." + d.Table
			switch {
			case evil[fmt.Sprint(d.Table, d.Type, d.ID, d.Version)]:
				d.User = "mallory"
			case d.User == "":
				d.User = "admin"
			}
			all = append(all, d)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortStableFunc(all, func(a, b deed) int { return int(math.Copysign(1, float64(a.LocalTime-b.LocalTime))) })
	return all
}

// replay does the deeds, those to one record in their order.
func (in *replayed) replay(t *testing.T) int {
	t.Helper()
	all := in.deeds(t)
	byRecord := map[audit.ID][]deed{}
	for _, d := range all {
		id := in.id(d.Table, d.ID)
		byRecord[id] = append(byRecord[id], d)
	}
	work := make(chan audit.ID)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for id := range work {
				for _, d := range byRecord[id] {
					in.do(t, id, d)
				}
			}
		})
	}
	for _, id := range slices.Sorted(maps.Keys(byRecord)) {
		work <- id
	}
	close(work)
	wg.Wait()
	return len(all)
}

func (in *replayed) do(t *testing.T, id audit.ID, d deed) {
	c, ctx, v := in.clients[d.User], t.Context(), in.plain(id, d.Raw)
	var err error
	switch {
	case d.Type == "delete":
		_, err = c.Delete(ctx, in.restTable, []audit.ID{id})
	case d.Operation == audit.OpInsert:
		_, err = c.Insert(ctx, in.restTable, []audit.Value{v})
	case d.Operation == audit.OpUpdate:
		_, err = c.Update(ctx, in.restTable, []audit.Value{v})
	case d.Operation == audit.OpUpsert:
		_, err = c.Upsert(ctx, in.restTable, []audit.Value{v})
	case d.Type == "patch":
		err = c.Patch(ctx, in.restTable, id, v.With("id", nil))
	default:
		err = c.Put(ctx, in.restTable, id, v)
	}
	if err != nil {
		t.Errorf("%s %s %s: %v", d.User, d.Type, id, err)
	}
}
