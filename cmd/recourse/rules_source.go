package main

import (
	"crypto/sha256"
	"fmt"
	"maps"

	"recourse/rules"
)

// A ruleSource is where the rules that are at work come from, and what stood there.
type ruleSource struct {
	env     *env
	paths   []string
	builtin bool
	seen    map[string]string // hashes of the files, and of the lists that they name
}

// read compiles what stands there now.
func (s *ruleSource) read() (*rules.Set, error) {
	files, seen, err := s.files()
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		if f.Open != nil {
			files[i].Open = noting(seen, f)
		}
	}
	s.seen = seen
	if s.builtin {
		files = append(rules.BuiltinFiles(), files...)
	}
	return rules.Compile(files...)
}

func (s *ruleSource) files() ([]rules.File, map[string]string, error) {
	files, err := s.env.ruleFiles(s.paths)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]string{}
	for _, f := range files {
		seen[f.Name] = hashOf(f.Data, nil)
	}
	return files, seen, nil
}

// listSeparator parts a rule file's name from that of a list of its.
const listSeparator = "\x00"

// noting is a file's Open, which also notes what it read.
func noting(seen map[string]string, f rules.File) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		data, err := f.Open(path)
		seen[f.Name+listSeparator+path] = hashOf(data, err)
		return data, err
	}
}

func hashOf(data []byte, err error) string {
	if err != nil {
		return "unreadable: " + err.Error()
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// moved says that something else stands there than was read last. What cannot be
// read is something else as well, once.
func (s *ruleSource) moved() bool {
	files, now, err := s.files()
	if err != nil {
		now = map[string]string{"": hashOf(nil, err)}
	}
	for _, f := range files {
		for name := range s.seen {
			prefix := f.Name + listSeparator
			if f.Open != nil && len(name) > len(prefix) && name[:len(prefix)] == prefix {
				data, err := f.Open(name[len(prefix):])
				now[name] = hashOf(data, err)
			}
		}
	}
	if maps.Equal(now, s.seen) {
		return false
	}
	if err != nil {
		s.seen = now
	}
	return true
}
