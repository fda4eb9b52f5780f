package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A relative path that a command is told of is from where the command was
// called, which need not be the folder of the process that carries it out. So
// files are opened through the env, and this is a statement of policy: of the
// program's own files, only those below may do without.
func TestFilesAreOpenedThroughTheEnv(t *testing.T) {
	exempt := map[string]string{
		"files.go":       "it is the env's way",
		"outfile.go":     "makes the path one of the env itself",
		"main.go":        "the process",
		"env.go":         "the process",
		"memory.go":      "the process",
		"demo.go":        "runs in its own process, in a folder that it makes",
		"demo_judge.go":  "as demo.go",
		"demo_revert.go": "as demo.go",
		"lease_flock.go": "an absolute path",
	}
	opens := []string{"Open", "OpenFile", "Create", "CreateTemp", "ReadFile", "WriteFile", "Stat", "Lstat", "ReadDir", "DirFS",
		"Mkdir", "MkdirAll", "MkdirTemp", "Remove", "RemoveAll", "Rename", "Getenv", "LookupEnv", "Environ", "Getwd", "Chdir"}
	allowed := map[string]bool{"revert_lease.go MkdirAll": true, "workspace.go DirFS": true}
	for name, file := range programFiles(t) {
		if exempt[name] != "" {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "os" && slices.Contains(opens, s.Sel.Name) && !allowed[name+" "+s.Sel.Name] {
				t.Errorf("%s: os.%s: use the env's way (files.go)", name, s.Sel.Name)
			}
			return true
		})
	}
}

// What others open is opened where a path leads, too.
func TestLoadersAreGivenPathsThroughTheEnv(t *testing.T) {
	loaders := []string{"playbook.Load", "rules.ReadFiles", "api.ReadTokens", "api.ReadCertificate"}
	seen := 0
	for name, file := range programFiles(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := s.X.(*ast.Ident)
			if !ok || !slices.Contains(loaders, pkg.Name+"."+s.Sel.Name) {
				return true
			}
			for _, arg := range call.Args {
				seen++
				inner, ok := arg.(*ast.CallExpr)
				if !ok {
					t.Errorf("%s: %s.%s: a path is not through at (files.go)", name, pkg.Name, s.Sel.Name)
					continue
				}
				if at, ok := inner.Fun.(*ast.SelectorExpr); !ok || at.Sel.Name != "at" {
					t.Errorf("%s: %s.%s: a path is not through at (files.go)", name, pkg.Name, s.Sel.Name)
				}
			}
			return true
		})
	}
	if seen < len(loaders) {
		t.Errorf("%d paths seen", seen)
	}
}

// programFiles are the program's own files, parsed.
func programFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("find the program's files: %v, %v", paths, err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = file
	}
	return files
}

// What is opened relative to another folder is spoken of as it was given.
func TestPathsKeepTheNamesTheyWereGiven(t *testing.T) {
	dir := t.TempDir()
	e := &env{dir: dir}
	if _, err := e.readFile("sub/none"); err == nil || strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "open sub/none: ") {
		t.Errorf("a file that is not there: %v", err)
	}
	absolute := filepath.Join(dir, "none")
	if _, err := e.open(absolute); err == nil || !strings.Contains(err.Error(), absolute) {
		t.Errorf("an absolute path: %v", err)
	}
	if err := writeFile(e, "out.json", func(w io.Writer) error { _, err := io.WriteString(w, "{}"); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "out.json")); err != nil {
		t.Error(err)
	}
	if err := writeFile(e, "no/out.json", func(io.Writer) error { return nil }); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := e.readFile("gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	if err := os.WriteFile(absolute+".yaml", []byte("rules: [}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{".", "none.yaml", "./none.yaml"} {
		files, err := e.ruleFiles([]string{path})
		if err != nil || len(files) != 1 || files[0].Name != "none.yaml" {
			t.Errorf("rules of %q: %v, %v", path, files, err)
		}
	}
}
