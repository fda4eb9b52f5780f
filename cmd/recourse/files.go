package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"recourse/rules"
)

// The program opens the files that it is told of through an env alone: a command
// that another process carries out has its paths from where it was called, and
// tells of them as they were given.

// at is where a path leads. One that is relative begins in the folder in which
// the command was called.
func (e *env) at(path string) string {
	if e.dir == "" || path == "" || filepath.IsAbs(path) {
		return path
	}
	return e.dir + string(filepath.Separator) + path
}

// folder is the absolute path of the folder that relative paths are from.
func (e *env) folder() string {
	dir, err := filepath.Abs(e.dir)
	if err != nil {
		return string(filepath.Separator) // the process's own folder is gone
	}
	return dir
}

// told is an error that names a path as it was given, not where it leads.
func (e *env) told(err error, paths ...string) error {
	for _, p := range paths {
		to := e.at(p)
		if err == nil || to == p {
			continue
		}
		err = &asGiven{err, to, p}
		if clean := filepath.Clean(to); clean != to {
			err = &asGiven{err, clean, p}
		}
	}
	return err
}

// An asGiven is an error of a path that was given in another way.
type asGiven struct {
	err         error
	path, given string
}

func (e *asGiven) Error() string { return strings.ReplaceAll(e.err.Error(), e.path, e.given) }
func (e *asGiven) Unwrap() error { return e.err }

// errReadOnly refuses what would write, from those who may only ask.
var errReadOnly = &exitError{code: exitUsage, err: errors.New("nothing can be written from here"), hint: "run the command on the machine of the data folder"}

func (e *env) open(path string) (*os.File, error) {
	f, err := os.Open(e.at(path))
	return f, e.told(err, path)
}

// input opens a file for reading; - is standard input.
func (e *env) input(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(e.stdin), nil
	}
	return e.open(path)
}

// eachLine calls f with each line that is not blank, and its number from 1 on, which
// an error of f's then names.
func eachLine(ctx context.Context, r io.Reader, f func(line []byte) error) error {
	br := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if bad := f(line); bad != nil {
				return fmt.Errorf("line %d: %w", n, bad)
			}
		}
		if err = cmp.Or(ctx.Err(), err); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// create makes a new file for its owner alone, where none may be.
func (e *env) create(path string) (*os.File, error) {
	if e.readOnly {
		return nil, errReadOnly
	}
	f, err := os.OpenFile(e.at(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return f, e.told(err, path)
}

// A scratch file has no name, so that nothing of it is left behind by a program that is
// killed; where a file must have one it is removed when it is closed.
type scratch struct {
	*os.File
	gone bool
}

// scratch makes one beside a file, for its owner alone; beside standard output, which is
// "-" or none: where the system keeps such.
func (e *env) scratch(beside string) (*scratch, error) {
	dir := ""
	if beside != "" && beside != "-" {
		dir = filepath.Dir(e.at(beside))
	}
	f, err := os.CreateTemp(dir, ".recourse-*")
	if err != nil {
		return nil, withoutPath(err)
	}
	return &scratch{f, os.Remove(f.Name()) == nil}, nil
}

func (f *scratch) Close() error {
	err := f.File.Close()
	if !f.gone {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

func (e *env) readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(e.at(path))
	return data, e.told(err, path)
}

func (e *env) stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(e.at(path))
	return info, e.told(err, path)
}

func (e *env) readFolder(path string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(e.at(path))
	return entries, e.told(err, path)
}

func (e *env) remove(path string) error {
	if e.readOnly {
		return errReadOnly
	}
	return e.told(os.Remove(e.at(path)), path)
}

// makeFolder makes a folder, and those above it, for its owner alone.
func (e *env) makeFolder(path string) error {
	if e.readOnly {
		return errReadOnly
	}
	return e.told(os.MkdirAll(e.at(path), 0o700), path)
}

// ruleFiles reads rule files, which keep the names that they were given by.
func (e *env) ruleFiles(paths []string) ([]rules.File, error) {
	var all []rules.File
	for _, p := range paths {
		files, err := rules.ReadFiles(e.at(p))
		if err != nil {
			return nil, e.told(err, p)
		}
		if e.at(p) != p {
			for i := range files {
				if name, err := filepath.Rel(e.dir, files[i].Name); err == nil {
					files[i].Name = name
				}
			}
		}
		all = append(all, files...)
	}
	return all, nil
}
