package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// errLeased says that another apply writes to the same Harper now.
var errLeased = errors.New("another apply is writing to this Harper")

// lease makes sure that of all processes of this user on this machine only one
// applies to a Harper, from whatever data folder. (One data folder has one process
// anyway. Of other machines, the preflight sees the writes.) What it returns gives
// the lease back; so does the end of the process, however it comes.
func lease(e *env, target string) (release func(), err error) {
	release, taken, err := lockNamed(e, "apply", nodeName(target))
	switch {
	case err != nil:
		return nil, fmt.Errorf("take the lease of %s: %w", nodeName(target), err)
	case taken:
		return nil, &exitError{code: exitBusy, err: fmt.Errorf("apply plan to %s: %w", nodeName(target), errLeased), hint: "wait until it has ended"}
	}
	return release, nil
}

// lockNamed takes one of this user's locks on this machine, or says that another
// process has it.
func lockNamed(e *env, kind, name string) (release func(), taken bool, err error) {
	dir := filepath.Join(cmp.Or(e.get("XDG_RUNTIME_DIR"), e.get("TMPDIR"), os.TempDir()), fmt.Sprintf("recourse-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, err
	}
	sum := sha256.Sum256([]byte(name))
	return lockFile(filepath.Join(dir, kind+"-"+hex.EncodeToString(sum[:8])))
}
