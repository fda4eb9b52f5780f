package revert

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"recourse/audit"
)

// A Selection is the changes that are to be undone, frozen: by their ids, not by
// the question that found them, which tomorrow may find others.
type Selection struct {
	Kind     string           `json:"kind"`   // "revert-selection"
	V        int              `json:"v"`      // 1
	Digest   string           `json:"digest"` // SHA-256 over the sorted ids, in hex
	Criteria Criteria         `json:"criteria"`
	Events   int              `json:"events"` // how many changes
	Users    map[string]int   `json:"users"`  // changes by user; "" are those the log names nobody for
	Tables   map[string]int   `json:"tables"` // changes by database.table
	Records  int              `json:"records"`
	First    audit.Time       `json:"first"`   // the oldest change; 0 when there is none
	Last     audit.Time       `json:"last"`    // the newest change
	Changes  []audit.ChangeID `json:"changes"` // sorted, each once
	// Of are the digests of the selections that it was expanded from, the oldest
	// first, and Taken what was taken in, by id. Neither is in the digest.
	Of    []string `json:"of,omitempty"`
	Taken []Taken  `json:"taken,omitempty"`
}

// Taken is a change that somebody took into a selection, and what spoke for it.
type Taken struct {
	Change  audit.ChangeID `json:"change"`
	Reasons []Reason       `json:"reasons"`
}

// Criteria describes for people how a selection was made. Nothing is computed
// from it.
type Criteria struct {
	User  []string `json:"user,omitempty"`
	From  string   `json:"from,omitempty"`
	To    string   `json:"to,omitempty"`
	Table []string `json:"table,omitempty"`
	Query string   `json:"query,omitempty"`
	Where string   `json:"where,omitempty"`
	Alert []string `json:"alert,omitempty"`
	Txn   []string `json:"txn,omitempty"`
	Seq   []string `json:"seq,omitempty"`
	File  string   `json:"file,omitempty"` // the list of changes it was read from
}

const (
	selectionKind   = "revert-selection"
	maxSelection    = 1 << 30 // bytes of a selection file: some ten million ids
	fileFormVersion = 1
)

// Select freezes changes. Messages may be among them and are ignored by the
// planner: they changed no record.
func Select(criteria Criteria, changes iter.Seq2[audit.Change, error]) (*Selection, error) {
	s := &Selection{Kind: selectionKind, V: fileFormVersion, Criteria: criteria, Users: map[string]int{}, Tables: map[string]int{}}
	seen, keys := map[audit.ChangeID]bool{}, map[audit.Key]bool{}
	for c, err := range changes {
		if err != nil {
			return nil, fmt.Errorf("select changes: %w", err)
		}
		id := c.Identify()
		if seen[id] {
			continue
		}
		seen[id], keys[c.Key] = true, true
		s.Changes = append(s.Changes, id)
		s.count(c.User, c.Key.Table, c.Time)
	}
	slices.SortFunc(s.Changes, compareIDs)
	s.Events, s.Records = len(s.Changes), len(keys)
	s.Digest = digestIDs(s.Changes)
	return s, nil
}

// Has says whether the change is selected.
func (s *Selection) Has(id audit.ChangeID) bool {
	if s == nil {
		return false
	}
	_, ok := slices.BinarySearchFunc(s.Changes, id, compareIDs)
	return ok
}

// Write writes the selection as one JSON document. Keep the file to yourself:
// it says what you know.
func (s *Selection) Write(w io.Writer) error {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("write selection: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write selection: %w", err)
	}
	return nil
}

// ReadSelection reads what Write wrote. A list of changes that does not match
// its digest is ErrBadSelection.
func ReadSelection(r io.Reader) (*Selection, error) {
	bad := func(format string, args ...any) error {
		return &FileError{Err: ErrBadSelection, Why: fmt.Sprintf(format, args...)}
	}
	source := &failing{Reader: r}
	text := &io.LimitedReader{R: source, N: maxSelection + 1}
	d := json.NewDecoder(text)
	d.DisallowUnknownFields()
	s := new(Selection)
	err := d.Decode(s)
	_, more := d.Token()
	switch {
	case source.err != nil:
		return nil, fmt.Errorf("read selection: %w", source.err)
	case text.N <= 0:
		return nil, bad("longer than %d bytes", maxSelection)
	case err != nil:
		return nil, bad("%v", err)
	case more != io.EOF:
		return nil, bad("something follows the selection")
	}
	switch {
	case s.Kind != selectionKind || s.V != fileFormVersion:
		return nil, bad("kind %q version %d, want %q version %d", s.Kind, s.V, selectionKind, fileFormVersion)
	case !eachOnce(s.Changes):
		return nil, bad("its changes are not sorted, each once")
	case s.Events != len(s.Changes):
		return nil, bad("it counts %d changes and lists %d", s.Events, len(s.Changes))
	case s.Digest != digestIDs(s.Changes):
		return nil, bad("its digest is not that of its changes")
	case slices.ContainsFunc(s.Taken, func(t Taken) bool { return !s.Has(t.Change) }):
		return nil, bad("a change that was taken in is not in its list")
	}
	return s, nil
}

// A failing reader remembers why it could not be read.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// eachOnce says that ids are sorted, and none comes twice.
func eachOnce(ids []audit.ChangeID) bool {
	for i := 1; i < len(ids); i++ {
		if compareIDs(ids[i-1], ids[i]) >= 0 {
			return false
		}
	}
	return true
}

// Take is the selection with more changes in it, of which none is given twice. keys
// are the records of those that it has.
func (s *Selection) Take(keys []audit.Key, more []Proposal) *Selection {
	out := *s
	out.Users, out.Tables = map[string]int{}, map[string]int{}
	maps.Copy(out.Users, s.Users)
	maps.Copy(out.Tables, s.Tables)
	out.Changes, out.Taken = slices.Clone(s.Changes), slices.Clone(s.Taken)
	records := map[audit.Key]bool{}
	for _, k := range keys {
		records[k] = true
	}
	for i := range more {
		p := &more[i]
		if s.Has(p.ID) {
			continue
		}
		out.Changes = append(out.Changes, p.ID)
		out.Taken = append(out.Taken, Taken{p.ID, p.Reasons})
		out.count(p.User, p.Record().Table, p.Time)
		records[p.Record()] = true
	}
	slices.SortFunc(out.Changes, compareIDs)
	slices.SortFunc(out.Taken, func(a, b Taken) int { return compareIDs(a.Change, b.Change) })
	out.Of = append(slices.Clone(s.Of), s.Digest)
	out.Events, out.Records, out.Digest = len(out.Changes), len(records), digestIDs(out.Changes)
	return &out
}

// count adds a change to the sums. It is the only one so far if there are none.
func (s *Selection) count(user string, table audit.Table, at audit.Time) {
	if len(s.Users) == 0 {
		s.First, s.Last = at, at
	}
	s.Users[user]++
	s.Tables[table.String()]++
	s.First, s.Last = min(s.First, at), max(s.Last, at)
}

func compareIDs(a, b audit.ChangeID) int { return bytes.Compare(a[:], b[:]) }

func compareKeys(a, b audit.Key) int {
	return cmp.Or(cmp.Compare(a.Table.Database, b.Table.Database), cmp.Compare(a.Table.Name, b.Table.Name), cmp.Compare(a.ID, b.ID))
}

// digestIDs is the SHA-256 over sorted ids, in hex.
func digestIDs(ids []audit.ChangeID) string {
	h := sha256.New()
	for _, id := range ids {
		h.Write(id[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
