package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/internal/harpertest"
	"recourse/revert"
)

// A tableState is a captured table: its records, and the attributes that the
// capture has. The server leaves out of such a capture what no schema and no
// index of the table names.
type tableState struct {
	records    map[audit.ID]audit.Value
	attributes map[string]bool
}

// goodState is what the tables held after the same program without the
// attacker. A table whose records expire by themselves is left out.
func (d *demo) goodState() (map[audit.Table]tableState, error) {
	good, err := d.captured("state-counterfactual")
	if err != nil {
		return nil, err
	}
	after, err := d.captured("state-after")
	if err != nil {
		return nil, err
	}
	for table, s := range after {
		maps.Copy(good[table].attributes, s.attributes)
	}
	return good, nil
}

func (d *demo) captured(folder string) (map[audit.Table]tableState, error) {
	files, err := fs.Glob(d.fsys, folder+"/*.json")
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, errors.New("demo: no state to compare with"))
	}
	state := map[audit.Table]tableState{}
	for _, name := range files {
		table, err := audit.ParseTable(strings.TrimSuffix(path.Base(name), ".json"))
		if err != nil {
			return nil, err
		}
		if table.Name == "sessions" {
			continue
		}
		data, err := fs.ReadFile(d.fsys, name)
		if err != nil {
			return nil, err
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(data, &rows); err != nil {
			return nil, err
		}
		state[table] = tableState{map[audit.ID]audit.Value{}, map[string]bool{}}
		for _, raw := range rows {
			row, err := audit.FromJSON(raw)
			if err != nil {
				return nil, err
			}
			id, err := audit.IDOf(row.Get("id"))
			if err != nil {
				return nil, err
			}
			state[table].records[id] = row
			for _, name := range row.Names() {
				state[table].attributes[name] = true
			}
		}
	}
	return state, nil
}

// differences lists the records in which the server differs from the good
// state, with the attributes that were captured of it. Times that the server assigns are left out, and
// null counts as absent, since Harper's answers cannot tell them apart.
func differences(srv *harpertest.Server, want map[audit.Table]tableState, plan *revert.Plan) map[audit.Key][]string {
	diff := map[audit.Key][]string{}
	for table, good := range want {
		assigned := append([]string{"__createdtime__", "__updatedtime__"}, plan.Header.Managed[table.String()]...)
		have := srv.Records(table)
		ids := maps.Clone(have)
		maps.Copy(ids, good.records)
		for id := range ids {
			var names []string
			for _, e := range audit.DiffOf(have[id], good.records[id]) {
				name := e.Attribute()
				if good.attributes[name] && !slices.Contains(assigned, name) && !sameForPeople(e.Old, e.New) {
					names = append(names, name)
				}
			}
			if len(names) > 0 {
				diff[audit.Key{Table: table, ID: id}] = slices.Compact(names)
			}
		}
	}
	return diff
}

// sameForPeople takes null for absent, and numbers that differ by less than a
// millionth for equal: taking an increment out of a sum of floats rounds
// otherwise than never adding it.
func sameForPeople(a, b audit.Value) bool {
	null := func(v audit.Value) bool { return v == nil || v.Kind() == audit.KindNull }
	x, _ := a.Float64()
	y, _ := b.Float64()
	number := func(v audit.Value) bool { return v.Kind() == audit.KindInt || v.Kind() == audit.KindFloat }
	return null(a) && null(b) || number(a) && number(b) && math.Abs(x-y) < 1e-6
}

// judge says of every record that still differs from the good state why it
// does, and whether honest work was lost.
func (d *demo) judge(left map[audit.Key][]string, plan *revert.Plan) {
	conflicts := map[audit.Key][]revert.Conflict{}
	for _, c := range plan.Conflicts {
		conflicts[c.Key()] = append(conflicts[c.Key()], c)
	}
	d.out.After = len(left)
	d.out.HonestKept = plan.Header.Counts.Kept
	d.say("\nCompared with the state that the same program reached without the attacker (created and updated")
	d.say("times apart, sums of floats to a millionth, attributes that the captured state has, and without\nshop.sessions, whose records expire): %d records differed, %d do now.", d.out.Before, d.out.After)
	keys := slices.SortedFunc(maps.Keys(left), func(a, b audit.Key) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		why := "NOT EXPLAINED BY THE PLAN"
		if cs := conflicts[k]; explains(cs, left[k]) {
			why = ""
			for _, c := range cs {
				why += " conflict " + string(c.Class) + ": " + meaning(c.Class) + ";"
			}
			why = strings.Trim(why, " ;")
		} else {
			d.out.Unexplained++
			d.out.HonestLost++
		}
		d.say("  %-32s %s: %s", k, strings.Join(left[k], ", "), why)
	}
}

// explains says that the conflicts of a record cover the attributes in which it
// differs; a conflict without attributes is about the record as a whole.
func explains(conflicts []revert.Conflict, attributes []string) bool {
	covered := map[string]bool{}
	for _, c := range conflicts {
		if len(c.Attrs) == 0 {
			return true
		}
		for name := range c.Attrs {
			covered[name] = true
		}
	}
	return !slices.ContainsFunc(attributes, func(name string) bool { return !covered[name] })
}

func (d *demo) summary() {
	o := &d.out
	total := 0
	for _, n := range o.Conflicts {
		total += n
	}
	d.say(`
changes read            %d
alerts                  %d, resting on %d of the %d malicious changes
records reverted        %d, all verified: %v
honest values kept      %d that somebody wrote after the attacker; lost: %d
conflicts               %d, left for a person
differences left        %d of %d, unexplained: %d
took                    %.1f s`,
		o.Changes, o.Alerts, o.Flagged, o.Selected, o.Verified, o.Verified == o.Written,
		o.HonestKept, o.HonestLost, total, o.After, o.Before, o.Unexplained, float64(o.TookMS)/1000)
	if d.c.String("keep") != "" {
		d.say("\nThe data folder, the selection and the plan are in %s: try\n   recourse search 'user:bram op:delete' --data %s", d.dir, filepath.Join(d.dir, "data"))
	}
}

// copyFiles copies a folder of fsys to the disk.
func copyFiles(fsys fs.FS, from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	entries, err := fs.ReadDir(fsys, from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		data, err := fs.ReadFile(fsys, path.Join(from, entry.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, entry.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// meaning says in words why a conflict is one; docs/revert.md has it at length.
func meaning(c revert.Class) string {
	switch c {
	case revert.ClassOrphanEdit:
		return "somebody worked on a record that the attacker made"
	case revert.ClassRecreated:
		return "the attacker deleted it and somebody made it anew"
	case revert.ClassStub:
		return "the attacker deleted it and a patch brought back a part"
	case revert.ClassMaskedRemoval:
		return "somebody's replacement lacks what the attacker had removed"
	case revert.ClassAmbiguousDelta:
		return "somebody changed a number that the attacker had changed; it may be an increment"
	case revert.ClassNoBase:
		return "what was there before the attack is not known"
	case revert.ClassImageRisk:
		return "it rests on an image that was read too late to be relied on"
	case revert.ClassLogGap:
		return "the log contradicts itself at this record"
	}
	return string(c)
}
