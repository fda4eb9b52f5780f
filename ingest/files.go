package ingest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"recourse/audit"
)

// A file to read, and the name that people know it by.
type file struct{ path, name string }

func (im *Importer) each(files []file, read lineReader, visit func(capture) error, skip func(where, why string)) error {
	for _, f := range files {
		r, err := os.Open(f.path)
		if err != nil {
			return &BadInputError{f.name, err}
		}
		err = eachCapture(r, f.name, im.Table, read, visit, skip)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// files lists what the paths stand for. Every file is read twice; standard
// input, pipes and the like, which cannot be, are set aside first.
func (im *Importer) files(ctx context.Context, paths []string) ([]file, func(), error) {
	var files []file
	var aside []string
	cleanup := func() {
		for _, tmp := range aside {
			_ = os.Remove(tmp)
		}
	}
	for _, p := range paths {
		name, at := p, p
		if im.Dir != "" && p != "-" && !filepath.IsAbs(p) {
			at = im.Dir + string(filepath.Separator) + p
		}
		if p == "-" {
			name = "standard input"
		} else if info, err := os.Stat(at); err != nil {
			return nil, cleanup, &BadInputError{p, err}
		} else if info.IsDir() {
			some, err := folder(at, p)
			if err != nil {
				return nil, cleanup, &BadInputError{p, err}
			}
			files = append(files, some...)
			continue
		} else if info.Mode().IsRegular() {
			files = append(files, file{at, p})
			continue
		}
		tmp, err := spool(ctx, im.Stdin, at)
		if tmp != "" {
			aside = append(aside, tmp)
		}
		if ctx.Err() != nil {
			return nil, cleanup, ctx.Err()
		}
		if err != nil {
			return nil, cleanup, &BadInputError{name, err}
		}
		files = append(files, file{tmp, name})
	}
	return files, cleanup, nil
}

// folder lists the captures in a folder, which people know by a name, and the
// folders within. A link to a file counts as the file; a link to a folder is not
// followed.
func folder(path, name string) ([]file, error) {
	var files []file
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") ||
			!slices.Contains([]string{".json", ".jsonl", ".ndjson"}, filepath.Ext(at)) {
			return err
		}
		info, err := os.Stat(at)
		if err == nil && info.Mode().IsRegular() {
			files = append(files, file{at, filepath.Join(name, strings.TrimPrefix(at, root))})
		}
		return err
	})
	return files, err
}

// spool copies what can be read but once to a file of its own: standard input,
// nil for the process's, or what a path names. An interrupt does not wait for
// whoever is at the other end.
func spool(ctx context.Context, stdin io.Reader, path string) (string, error) {
	tmp, err := os.CreateTemp("", "recourse-import-*") // mode 0600
	if err != nil {
		return "", err
	}
	copied := make(chan error, 1)
	go func() {
		err := audit.Guarded(func() error {
			if path == "-" {
				_, err := io.Copy(tmp, cmp.Or(stdin, io.Reader(os.Stdin)))
				return err
			}
			in, err := os.Open(path)
			if err != nil {
				return err
			}
			_, err = io.Copy(tmp, in)
			return errors.Join(err, in.Close())
		})
		copied <- errors.Join(err, tmp.Close())
	}()
	select {
	case err := <-copied:
		return tmp.Name(), err
	case <-ctx.Done():
		return tmp.Name(), ctx.Err()
	}
}
