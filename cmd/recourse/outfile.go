package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile writes a file whole or not at all, readable by its owner alone. No
// path, or "-", is standard output.
func writeFile(e *env, path string, write func(io.Writer) error) error {
	if path == "" || path == "-" {
		return write(e.stdout)
	}
	if e.readOnly {
		return errReadOnly
	}
	to := e.at(path)
	tmp, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-*") // mode 0600
	if err != nil {
		return inputErr(fmt.Errorf("write %s: %w", path, withoutPath(err)))
	}
	err = errors.Join(write(tmp), tmp.Sync(), tmp.Close())
	if err == nil {
		if err = withoutPath(os.Rename(tmp.Name(), to)); err != nil {
			err = inputErr(err) // a folder has the name
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(tmp.Name()))
	}
	return nil
}

// withoutPath is why a file could not be made, without its name, which nobody gave.
func withoutPath(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}
