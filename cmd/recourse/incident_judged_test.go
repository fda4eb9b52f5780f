package main

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/revert"
)

// clean reads what the records were in the run of the scenario without the attack.
func (in *replayed) clean(t *testing.T) map[audit.ID]audit.Value {
	t.Helper()
	all := map[audit.ID]audit.Value{}
	files, err := filepath.Glob(filepath.Join(incidentPath, "state-counterfactual", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state: %v", err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".sessions.json") {
			continue // as in deeds
		}
		var rows []audit.Value
		data, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(data, &rows)
		}
		if err != nil {
			t.Fatal(err)
		}
		table := strings.TrimSuffix(filepath.Base(f), ".json")
		for _, row := range rows {
			id, err := audit.IDOf(row.Get("id"))
			if err != nil {
				t.Fatal(err)
			}
			id = in.id(table, id)
			all[id] = in.plain(id, row)
		}
	}
	return all
}

// wanted is what the records should be: as they are, but for what the attacker
// wrote, which is as in the clean run. (The two runs differ elsewhere: keys that a
// server made, for one.)
func (in *replayed) wanted(t *testing.T, clean map[audit.ID]audit.Value) {
	t.Helper()
	ids := map[audit.ID]bool{}
	for _, d := range in.deeds(t) {
		id := in.id(d.Table, d.ID)
		ids[id] = true
		if d.User != "mallory" {
			continue
		}
		if in.touched[id] == nil {
			in.touched[id] = map[string]bool{}
		}
		in.touched[id][""] = in.touched[id][""] || d.Type != "patch" && d.Operation != audit.OpUpdate || clean[id] == nil
		for name := range in.plain(id, d.Raw).Fields() {
			in.touched[id][name] = true
		}
	}
	live, err := in.client.Records(t.Context(), in.restTable, slices.Collect(maps.Keys(ids)))
	if err != nil {
		t.Fatal(err)
	}
	for id := range ids {
		switch touched := in.touched[id]; {
		case touched[""]:
			in.want[id] = clean[id]
		default:
			in.want[id] = live[id]
			for name := range touched {
				in.want[id] = in.want[id].With(name, clean[id].Get(name))
			}
		}
	}
}

// check holds the records against what they should be.
func (in *replayed) check(t *testing.T) {
	t.Helper()
	live, err := in.client.Records(t.Context(), in.restTable, slices.Collect(maps.Keys(in.want)))
	if err != nil {
		t.Fatal(err)
	}
	same, listed := 0, 0
	for id := range in.want {
		wrong := in.apart(id, live[id])
		if len(wrong) == 0 {
			same++
			continue
		}
		listed++
		for _, name := range wrong {
			if !in.listed(id, name) {
				t.Errorf("%s: %s is %s, want %s, and no conflict says so", id, name, live[id].Get(name).JSON(), in.want[id].Get(name).JSON())
			}
		}
	}
	t.Logf("%d honest writes meanwhile; of %d records %d are as without the attack, %d are listed conflicts", in.honest, len(in.want), same, listed)
	if listed*20 > len(in.want) {
		t.Errorf("%d of %d records are in conflicts", listed, len(in.want))
	}
}

// apart names the attributes in which a record is not as it should be; "id" alone
// is its being there.
func (in *replayed) apart(id audit.ID, got audit.Value) []string {
	want := in.want[id]
	if (got == nil) != (want == nil) {
		return []string{"id"}
	}
	var out []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(got.Names(), want.Names()...)))) {
		g, w := got.Get(name), want.Get(name)
		x, _ := g.Float64()
		y, _ := w.Float64()
		blank := func(v audit.Value) bool { return v == nil || v.Kind() == audit.KindNull }
		number := !blank(g) && !blank(w) && (x != 0 || y != 0)
		if strings.HasPrefix(name, "__") || blank(g) && blank(w) || g.Equal(w) || number && math.Abs(x-y) < 1e-6 {
			continue
		}
		out = append(out, name)
	}
	return out
}

func (in *replayed) listed(id audit.ID, name string) bool {
	return slices.ContainsFunc(in.plan.Conflicts, func(c revert.Conflict) bool {
		_, named := c.Attrs[name]
		return c.K.ID == id && (c.Record || named)
	})
}
