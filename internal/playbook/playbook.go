// Package playbook is prepared questions for kinds of incident: what an
// investigator asks first, as queries that have been thought through before.
//
// A playbook is a YAML file, in the manner of DFIQ. Begin with [Builtin] or
// [Load], and make the queries of it with [Playbook.Fill]. docs/query.md says how
// one is written.
package playbook

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"recourse/query"
)

// apiVersion is what a file must say of itself.
const apiVersion = "playbook/v1"

// A Playbook is the questions for one kind of incident.
type Playbook struct {
	APIVersion string     `yaml:"apiVersion"`
	Name       string     `yaml:"name"`
	Title      string     `yaml:"title"`
	About      string     `yaml:"about"`
	Params     []Param    `yaml:"params"`
	Questions  []Question `yaml:"questions"`

	File string `yaml:"-"` // where it stands; empty for one that comes with the program
}

// A Param is what differs from incident to incident.
type Param struct {
	Name     string `yaml:"name"`
	Kind     Kind   `yaml:"kind"`
	About    string `yaml:"about"`
	Default  string `yaml:"default"`  // empty: none
	Required bool   `yaml:"required"` // it must be given; else parts of queries in [[ ]] that name it are left out
}

// A Kind is what a param may be, and how it is put into a query.
type Kind string

// The kinds.
const (
	KindPattern  Kind = "pattern"  // a text, in which * and ? are wildcards
	KindText     Kind = "text"     // a text
	KindValues   Kind = "values"   // texts with commas between them, put in as in(…)
	KindTime     Kind = "time"     // as queries have times: -7d, 2026-11-23, an RFC 3339 time
	KindDuration Kind = "duration" // such as 15m or 48h
	KindName     Kind = "name"     // an attribute's name, as a path has it
	KindNumber   Kind = "number"
)

// A Question is what is asked, and the query that answers it.
type Question struct {
	ID    string `yaml:"id"`
	Ask   string `yaml:"ask"`   // the question, in words
	Why   string `yaml:"why"`   // what hangs on it
	Read  string `yaml:"read"`  // how the answer is to be read
	Query string `yaml:"query"` // with {{param}}, and [[ ]] around what is left out without it
}

//go:embed packs/*.yaml
var packs embed.FS

// Builtin are the playbooks that come with the program, by name.
func Builtin() ([]*Playbook, error) { return readFS(packs, "packs", "") }

// Load reads the files at the paths; a folder stands for all files in it that end
// in .yaml or .yml.
func Load(paths ...string) ([]*Playbook, error) {
	var all []*Playbook
	for _, p := range paths {
		dir, base := filepath.Split(filepath.Clean(p))
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("read playbook: %w", err)
		}
		if info.IsDir() {
			dir, base = p, "."
		}
		if dir == "" {
			dir = "."
		}
		more, err := readFS(os.DirFS(dir), base, dir)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func readFS(fsys fs.FS, root, dir string) ([]*Playbook, error) {
	var all []*Playbook
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		ext := path.Ext(name)
		if err != nil || d.IsDir() || name != root && ext != ".yaml" && ext != ".yml" {
			return err
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
		if err != nil {
			return err
		}
		p, err := Parse(data)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
		if dir != "" {
			p.File = filepath.Join(dir, name)
		}
		all = append(all, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read playbook: %w", err)
	}
	slices.SortFunc(all, func(a, b *Playbook) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// The limits of a file.
const (
	maxFile      = 1 << 20
	maxQuestions = 100
)

var (
	playbookName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	paramName    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
)

// Parse reads one file, strictly: a key that means nothing is an error, with its
// line and column.
func Parse(data []byte) (*Playbook, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	var p Playbook
	if err := yaml.UnmarshalWithOptions(data, &p, yaml.Strict()); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	return &p, p.check()
}

// check says what is wrong but for the queries.
func (p *Playbook) check() error {
	switch {
	case p.APIVersion != apiVersion:
		return fmt.Errorf("apiVersion is %q; want %q", p.APIVersion, apiVersion)
	case !playbookName.MatchString(p.Name):
		return fmt.Errorf("name is %q; want small letters, digits and dashes", p.Name)
	case p.Title == "" || len(p.Questions) == 0:
		return errors.New("a playbook has a title and questions")
	case len(p.Questions) > maxQuestions:
		return fmt.Errorf("more than %d questions", maxQuestions)
	}
	seen := map[string]bool{}
	for i := range p.Params {
		a := &p.Params[i]
		if !paramName.MatchString(a.Name) || seen["param "+a.Name] {
			return fmt.Errorf("param %q: a name of its own, of small letters, digits and _", a.Name)
		}
		seen["param "+a.Name] = true
		if samples[a.Kind] == "" {
			return fmt.Errorf("param %s: kind is %q; want one of pattern, text, values, time, duration, name, number", a.Name, a.Kind)
		}
		if a.Required && a.Default != "" {
			return fmt.Errorf("param %s: required, and has a default", a.Name)
		}
	}
	for _, q := range p.Questions {
		if q.ID == "" || q.Ask == "" || q.Query == "" || seen["question "+q.ID] {
			return fmt.Errorf("question %q: it has an id of its own, ask and query", q.ID)
		}
		seen["question "+q.ID] = true
	}
	return nil
}

// samples are a value of each kind, to try queries with.
var samples = map[Kind]string{
	KindPattern: "a*", KindText: "a b", KindValues: "a,b", KindTime: "-1h", KindDuration: "1h", KindName: "a.b", KindNumber: "2",
}

// Lint says what is wrong with the queries: each is made with all params, and with
// those alone that must be given.
func (p *Playbook) Lint(l query.Language) error {
	all, least := map[string]string{}, map[string]string{}
	for _, a := range p.Params {
		all[a.Name] = samples[a.Kind]
		if a.Required {
			least[a.Name] = samples[a.Kind]
		}
	}
	var errs []error
	for _, values := range []map[string]string{all, least} {
		asked, err := p.Fill(values, l.Now)
		if err != nil {
			return err
		}
		for _, q := range asked {
			if _, err := l.Parse(q.Text); err != nil {
				errs = append(errs, fmt.Errorf("question %s: %s: %w", q.ID, q.Text, err))
			}
		}
	}
	return errors.Join(errs...)
}
