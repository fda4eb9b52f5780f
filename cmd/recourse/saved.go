package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"recourse/query"
)

// A savedFile is a saved query or a list: a file of its own in the data folder.
// Saving another text by the same name makes the next version, and keeps the one
// before as NAME.vN.yaml.
type savedFile struct {
	APIVersion string   `yaml:"apiVersion"`
	Name       string   `yaml:"name"`
	Version    int      `yaml:"version"`
	Saved      string   `yaml:"saved"` // when, RFC 3339 in UTC
	Query      string   `yaml:"query,omitempty"`
	Items      []string `yaml:"items,omitempty"`
}

// A shelf is the folder of files of one kind.
type shelf struct {
	env  *env
	dir  string
	kind string // query or list
}

func (w *workspace) queries() shelf { return shelf{w.env, filepath.Join(w.dir, "queries"), "query"} }
func (w *workspace) lists() shelf   { return shelf{w.env, filepath.Join(w.dir, "lists"), "list"} }

func (s shelf) apiVersion() string { return s.kind + "/v1" }

// what is the kind in words.
func (s shelf) what() string {
	if s.kind == "query" {
		return "saved query"
	}
	return s.kind
}

func (s shelf) path(name string) string { return filepath.Join(s.dir, name+".yaml") }

// maxSaved is how large a file may be.
const maxSaved = 64 << 20

// read is the newest version of what has the name.
func (s shelf) read(name string) (savedFile, error) {
	if !query.SavedName(name) {
		return savedFile{}, fmt.Errorf("%w: %q is no name for a %s: letters, digits, - and _, at most 64", query.ErrUnknownName, name, s.what())
	}
	return s.readFile(s.path(name), name)
}

// version is a version of what has the name; 0 is the newest.
func (s shelf) version(name string, n int) (savedFile, error) {
	newest, err := s.read(name)
	if err != nil || n == 0 || n == newest.Version {
		return newest, err
	}
	return s.readFile(filepath.Join(s.dir, fmt.Sprintf("%s.v%d.yaml", name, n)), fmt.Sprintf("%s, version %d", name, n))
}

func (s shelf) readFile(path, name string) (savedFile, error) {
	f, err := s.env.open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return savedFile{}, fmt.Errorf("%w: there is no %s %q", query.ErrUnknownName, s.what(), name)
	}
	if err != nil {
		return savedFile{}, inputErr(fmt.Errorf("read %s: %w", s.what(), err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSaved+1))
	if err == nil && len(data) > maxSaved {
		err = fmt.Errorf("larger than %d bytes", maxSaved)
	}
	var out savedFile
	if err == nil {
		err = yaml.UnmarshalWithOptions(data, &out, yaml.Strict())
	}
	if err == nil && out.APIVersion != s.apiVersion() {
		err = fmt.Errorf("apiVersion is %q; want %q", out.APIVersion, s.apiVersion())
	}
	if err != nil {
		return savedFile{}, inputErr(fmt.Errorf("read %s %s: %w", s.what(), path, err))
	}
	return out, nil
}

// save keeps a new version, unless it is as the newest. It tells the version.
func (s shelf) save(f savedFile) (int, error) {
	old, err := s.read(f.Name)
	switch {
	case errors.Is(err, query.ErrUnknownName) && !query.SavedName(f.Name):
		return 0, usagef("%v", err)
	case errors.Is(err, query.ErrUnknownName):
	case err != nil:
		return 0, err
	case old.Query == f.Query && slices.Equal(old.Items, f.Items):
		return old.Version, nil
	}
	if s.kind == "query" {
		if err := s.refuseCircle(f.Name, f.Query, map[string]bool{}); err != nil {
			return 0, err
		}
	}
	if err := s.env.makeFolder(s.dir); err != nil {
		return 0, inputErr(fmt.Errorf("save %s: %w", s.what(), err))
	}
	if old.Version > 0 {
		if err := s.write(filepath.Join(s.dir, fmt.Sprintf("%s.v%d.yaml", f.Name, old.Version)), old); err != nil {
			return 0, err
		}
	}
	f.APIVersion, f.Version, f.Saved = s.apiVersion(), old.Version+1, s.env.now().UTC().Format("2006-01-02T15:04:05Z")
	return f.Version, s.write(s.path(f.Name), f)
}

// refuseCircle refuses a query that would name itself, by way of others too. Those
// that do not exist yet, or cannot be read, lead nowhere. Seen are the queries that
// were followed.
func (s shelf) refuseCircle(name, text string, seen map[string]bool) error {
	language := query.Language{Now: s.env.now(), Condition: compiled}
	p, err := language.Parse(text)
	if err != nil {
		return nil // who uses it is told
	}
	for _, inner := range p.Filter.SavedNames() {
		if inner == name {
			return usagef("save query %s: it would name itself", name)
		}
		if seen[inner] {
			continue
		}
		seen[inner] = true
		next, err := s.read(inner)
		if err != nil {
			continue
		}
		if err := s.refuseCircle(name, next.Query, seen); err != nil {
			return err
		}
	}
	return nil
}

func (s shelf) write(path string, f savedFile) error {
	data, err := yaml.Marshal(f)
	if err != nil {
		return fmt.Errorf("save %s: %w", s.what(), err)
	}
	if len(data) > maxSaved {
		return inputErr(fmt.Errorf("save %s: larger than %d bytes", s.what(), maxSaved))
	}
	return writeFile(s.env, path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// all are the newest versions of all, by name.
func (s shelf) all() ([]savedFile, error) {
	entries, err := s.env.readFolder(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, inputErr(fmt.Errorf("read %ss: %w", s.what(), err))
	}
	var out []savedFile
	for _, entry := range entries {
		name, yes := strings.CutSuffix(entry.Name(), ".yaml")
		if !yes || !query.SavedName(name) {
			continue // an earlier version, or not ours
		}
		f, err := s.read(name)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}
