package revert

import (
	"encoding/json"
	"fmt"

	"recourse/audit"
)

// A Target names a record in a plan: [database, table, key].
type Target audit.Key

// MarshalJSON is [database, table, key], the key as JSON.
func (t Target) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{t.Table.Database, t.Table.Name, t.ID})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Target) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) != 3 {
		return fmt.Errorf("a record is named by %d parts, want 3", len(parts))
	}
	var got Target
	for i, to := range []any{&got.Table.Database, &got.Table.Name, &got.ID} {
		if err := json.Unmarshal(parts[i], to); err != nil {
			return err
		}
	}
	*t = got
	return nil
}

// What an action does.
const (
	DoInsert = "insert" // only if the record is not there
	DoPatch  = "patch"  // the named attributes alone
	DoDelete = "delete"
)

// An Action is one write to one record.
type Action struct {
	Kind  string `json:"kind"` // "action"
	N     int    `json:"n"`    // from 1, in the order of the file
	K     Target `json:"k"`
	Do    string `json:"do"`
	Phase int    `json:"phase"` // 3 inserts, 4 patches, 5 deletes
	// Level is after how many others of its phase it comes, because of references: a
	// record is made after those that it refers to, and deleted before them.
	Level int                    `json:"level,omitempty"`
	Set   map[string]audit.Value `json:"set"` // for an insert the whole record
	Unset []string               `json:"unset"`
	Add   map[string]audit.Value `json:"add"` // increments
	// Expect is what the record must still be.
	Expect  Expect               `json:"expect"`
	Attrs   map[string]Attribute `json:"attrs"`
	Kept    map[string]KeptValue `json:"kept"`
	Notes   map[Class]string     `json:"notes,omitempty"` // what to know of it, although it is carried out
	Blind   []Window             `json:"blind"`
	Changes []audit.ChangeID     `json:"changes"`          // the selected changes of this record, all of them
	Undone  []audit.ChangeID     `json:"undone,omitempty"` // the changes of this record for which earlier applies are taken back
	Decided []Class              `json:"decided"`          // the conflicts of this record that people decided in favour of this write
	History string               `json:"history"`          // over all that the planner read of the record
}

// Key is the record that the action writes.
func (a *Action) Key() audit.Key { return audit.Key(a.K) }

// Expect is what an action must still find.
type Expect struct {
	Exists  bool                   `json:"exists"`
	Owned   map[string]audit.Value `json:"owned"`   // the values that are to be replaced; of a delete all that are known
	Absent  []string               `json:"absent"`  // attributes that are to be set and are not there
	Version audit.Time             `json:"version"` // the newest change the plan knows of
}

// An Attribute is one attribute's story. A value that is not there is absent.
type Attribute struct {
	Base    audit.Value      `json:"base,omitempty"`    // before the attacker first wrote it
	Theirs  audit.Value      `json:"theirs,omitempty"`  // what the attacker last wrote
	Current audit.Value      `json:"current,omitempty"` // what it is
	Target  audit.Value      `json:"target,omitempty"`  // what it would be without the attack
	Delta   audit.Value      `json:"delta,omitempty"`   // ambiguous-delta: what it would be if all legitimate changes were increments
	Unknown []string         `json:"unknown,omitempty"` // which of base, current and target are not known
	By      []audit.ChangeID `json:"by"`                // the selected changes that wrote it
	Class   Class            `json:"class"`
	Trust   audit.Trust      `json:"trust"` // of the image that the target is from
	// Paths are those within an object that the attacker wrote, as JSON Pointers
	// from the attribute on. Harper replaces an attribute as a whole, so the whole
	// of it is written, with what others have in it.
	Paths map[string]PathValue `json:"paths,omitempty"`
}

// A PathValue is what becomes of one path within an attribute.
type PathValue struct {
	Current audit.Value `json:"current,omitempty"`
	Target  audit.Value `json:"target,omitempty"`
	Class   Class       `json:"class"`
}

// A KeptValue is an attribute that a legitimate user wrote after the attacker, or
// with class carried one that needs no write, though a legitimate user has once
// sent a value of the attacker's along.
type KeptValue struct {
	Current audit.Value `json:"current,omitempty"`
	By      Evidence    `json:"by"`
	Class   Class       `json:"class"`
}

// Evidence names a change.
type Evidence struct {
	ID   audit.ChangeID `json:"id"`
	Time audit.Time     `json:"time"`
	User string         `json:"user"` // empty: the log names none
	Op   audit.Op       `json:"op"`
}

// A Conflict is what a person must decide.
type Conflict struct {
	Kind       string               `json:"kind"` // "conflict"
	N          int                  `json:"n"`
	K          Target               `json:"k"`
	Class      Class                `json:"class"`
	Record     bool                 `json:"record"` // it concerns the record as a whole, attributes that no image showed included
	Attrs      map[string]Attribute `json:"attrs"`
	Options    []string             `json:"options"`
	Default    string               `json:"default"`
	Resolution *Resolution          `json:"resolution"` // null: not decided
	Evidence   []Evidence           `json:"evidence"`
	Why        string               `json:"why,omitempty"`      // more than the class says
	Withheld   *Action              `json:"withheld,omitempty"` // the write that OptionApply makes; without a number
	Blind      []Window             `json:"blind"`
	Changes    []audit.ChangeID     `json:"changes"`
	Undone     []audit.ChangeID     `json:"undone,omitempty"`
	Version    audit.Time           `json:"version"` // the newest change the plan knows of
	History    string               `json:"history"` // over all that the planner read of the record
}

// Key is the record that the conflict is about.
func (c *Conflict) Key() audit.Key { return audit.Key(c.K) }

// Kept is a record of the selection with nothing to write and no conflict.
type Kept struct {
	Kind    string               `json:"kind"` // "kept"
	N       int                  `json:"n"`
	K       Target               `json:"k"`
	Class   Class                `json:"class"` // already, or superseded when Kept is not empty
	Kept    map[string]KeptValue `json:"kept"`
	Blind   []Window             `json:"blind"`
	Changes []audit.ChangeID     `json:"changes"` // of the selection; none while a conflict of the record is open
	Undone  []audit.ChangeID     `json:"undone,omitempty"`
	Version audit.Time           `json:"version"` // the newest change the plan knows of
	History string               `json:"history"` // over all that the planner read of the record
}

// Key is the record.
func (k *Kept) Key() audit.Key { return audit.Key(k.K) }

// A Containment is a step that nobody takes but on an explicit demand: an account
// of the selection is deactivated, so that it can do no more.
type Containment struct {
	Kind   string     `json:"kind"` // "contain"
	N      int        `json:"n"`
	Do     string     `json:"do"` // "deactivate"
	User   string     `json:"user"`
	Events int        `json:"events"` // selected changes of this user
	First  audit.Time `json:"first"`  // of the whole selection
	Last   audit.Time `json:"last"`
}

// DoDeactivate sets an account inactive; its sessions and tokens stop working.
const DoDeactivate = "deactivate"
