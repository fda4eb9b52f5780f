// Package rules says which changes are suspicious.
//
// A rule is a few lines of YAML: which tables and operations it looks at, a
// condition on one change in the expr language, and how many such changes in
// how much time make an alert. Begin with [Builtin] or [Load], which compile
// rule files into a [Set]; give the set to [NewEngine] and feed it every change
// in the order of the store with [Engine.Eval]. docs/rules.md describes the
// files for those who write them.
//
// Mistakes in files are [LintErrors], each with its file, line and column.
// [RunTests] runs the tests that every rule carries.
package rules

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Status says how far a rule has proven itself.
type Status string

// The states of a rule. An experimental rule raises alerts like any other; the
// caller decides not to notify of them.
const (
	Stable       Status = "stable"
	Experimental Status = "experimental"
)

// A Severity is how bad it would be if an alert is what it looks like.
type Severity string

// The severities, from least to most.
const (
	Info     Severity = "info"
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// OnUnknown says what a rule does with a change when an image that its
// condition reads is not known.
type OnUnknown string

// What a rule can do about an unknown image.
const (
	Skip     OnUnknown = "skip"     // not decided; counted in RuleStats.SkippedUnknown
	Flag     OnUnknown = "flag"     // evaluated; an alert that rests on it is marked Unknown
	Evaluate OnUnknown = "evaluate" // evaluated; the rule takes care of it itself
)

// A Rule is a compiled detection, ready for an engine. It is immutable.
type Rule struct {
	ID             string
	Name           string
	Version        int // the author's own count, 1 at least
	Status         Status
	Severity       Severity
	Risk           int      // 0 to 100
	RiskOn         []string // the fields of the group whose values bear the risk, such as user; nil: all
	Attack         []string // MITRE ATT&CK techniques, such as T1485
	AttackVersion  string   // of the ATT&CK matrix that Attack names
	OnUnknown      OnUnknown
	FalsePositives []string // what harmless work looks the same
	Runbook        string   // what to do about an alert; a path or an address
	Window         Window
	Alerting       Alerting
	Inhibits       []string // ids of rules whose alerts on the same entity this one's explain
	Exceptions     []*Exception
	Sequence       *Sequence  // nil: the rule is of another form
	Absence        *Absence   // nil likewise
	NewTerms       *NewTerms  // nil likewise
	Composite      *Composite // nil likewise
	Baseline       *Baseline  // of a window that fires on a spike; nil: it does not
	ReadsBefore    bool       // the condition needs the record as it was before
	ReadsAfter     bool       // the condition needs the record as it became
	Hash           string     // of everything that decides what the rule matches, in hex
	File           string     // where the rule stands
	Line           int

	stands    *LintError
	inhibited []homeless // Inhibits, and where each stands
	titleText string     // of the alerts, as it is written

	labels    *labels // of tables and users, of all files that were compiled together
	ownLabels *labels // the same, of its own file: those that its tests have

	words  *vocabulary // of the quick conditions; one for all rules that were compiled together
	match  match
	where  *expression // nil: every change that match lets through
	each   *expression // nil: a change counts once, in one group
	sum    *expression // what a change adds to a sum; nil: there is none
	inputs []input     // of a sequence, an absence: what they look for
	title  title
	tests  []test
}

// A Window says how many matching changes of one group, in how much time, make
// an alert. It slides with the changes' own times.
type Window struct {
	Size     time.Duration
	By       []string  // the fields that make a group, such as user and table
	Count    int       // fires when this many are reached
	Distinct string    // the field whose distinct values are counted; empty: the changes themselves
	Sum      string    // the expression that is added up; empty: changes are counted
	Gte      float64   // fires when the sum reaches this
	Fraction *Fraction // fires on a share of the table; nil: it does not
	Spike    bool      // fires on what Rule.Baseline calls a spike, if that is more than Count
}

// A Set is the rules of some files. It is immutable and may be shared.
type Set struct {
	rules    []*Rule
	tables   []tableLabel
	homeless []homeless // exceptions of rules that the set does not have
}

// Rules lists the rules, in the order of their files.
func (s *Set) Rules() []*Rule { return slices.Clone(s.rules) }

// Rule is the rule of that id, or nil.
func (s *Set) Rule(id string) *Rule {
	for _, r := range s.rules {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// A File is the text of one rule file.
type File struct {
	Name string // as errors show it
	Data []byte
	// Open reads a file beside it, such as a list, by its path from the rule
	// file's folder. If nil there is none.
	Open func(path string) ([]byte, error)
}

//go:embed builtin/*.yaml
var pack embed.FS

// BuiltinFiles is the text of the rules that come with the program.
func BuiltinFiles() []File {
	files, err := readFS(pack, "builtin")
	if err != nil {
		return nil // unreachable: the files are part of the program
	}
	return files
}

// Builtin is the set of rules that come with the program.
func Builtin() (*Set, error) { return Compile(BuiltinFiles()...) }

// Load compiles the rule files at the paths. A folder stands for all files in
// it that end in .yaml or .yml. Errors in the files are LintErrors.
func Load(paths ...string) (*Set, error) {
	files, err := ReadFiles(paths...)
	if err != nil {
		return nil, err
	}
	return Compile(files...)
}

// LoadFS is Load for the files of a file system.
func LoadFS(fsys fs.FS, paths ...string) (*Set, error) {
	var files []File
	for _, p := range paths {
		more, err := readFS(fsys, p)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return Compile(files...)
}

// ReadFiles reads the rule files at the paths, as Load does, without compiling
// them. With BuiltinFiles it serves to compile several sources into one set.
func ReadFiles(paths ...string) ([]File, error) {
	var files []File
	for _, p := range paths {
		dir, base := filepath.Split(filepath.Clean(p))
		if dir == "" {
			dir = "."
		}
		if base == "." || base == ".." {
			dir, base = p, "."
		}
		more, err := readFS(os.DirFS(dir), base)
		if err != nil {
			return nil, err
		}
		for i := range more {
			more[i].Name = filepath.Join(dir, filepath.FromSlash(more[i].Name))
		}
		files = append(files, more...)
	}
	return files, nil
}

// readMost reads no more than so many bytes: what is larger is refused anyway.
func readMost(r io.Reader, most int64) ([]byte, error) { return io.ReadAll(io.LimitReader(r, most)) }

func readFS(fsys fs.FS, root string) ([]File, error) {
	var files []File
	err := fs.WalkDir(fsys, root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || path != root && !strings.HasSuffix(path, ".yaml") && !strings.HasSuffix(path, ".yml") {
			return nil
		}
		at, err := fsys.Open(path)
		if err != nil {
			return err
		}
		data, err := readMost(at, maxFileSize+1)
		files = append(files, File{Name: path, Data: data, Open: opener(fsys, path)})
		return errors.Join(err, at.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return files, nil
}
