package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"recourse/revert"
)

func revertKeygenCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "keygen",
		Usage: "make a key to approve plans with",
		Description: "The private key goes into the file, which only you may read (PEM, ed25519), and is never\n" +
			"printed. What is printed is the entry for the file of approvers. A file that is there is left alone.\n\n" +
			"Exit codes: 0; 64 usage; 65 the file is there already or cannot be written.\n\n" +
			"Example:\n   recourse revert keygen --name ann -o ann.key >>approvers.yaml",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the private key to `FILE`"},
			&cli.StringFlag{Name: "name", Usage: "the approver's `NAME`; without it $USER"},
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runRevertKeygen(c, e)
		},
	}
}

func runRevertKeygen(c *cli.Context, e *env) error {
	path, name := c.String("output"), c.String("name")
	if name == "" {
		name = e.get("USER")
	}
	if path == "" || path == "-" || name == "" {
		return usagef("revert keygen: want -o FILE for the private key, and --name NAME")
	}
	key, err := revert.GenerateKey()
	if err != nil {
		return err
	}
	data, err := revert.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	f, err := e.create(path)
	if err != nil {
		return inputErr(fmt.Errorf("write key: %w", err))
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write key: %w", err), e.remove(path))
	}
	quoted, err := json.Marshal(name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "  - name: %s\n    key: %s\n", quoted, revert.PublicKey(key.Public().(ed25519.PublicKey)))
	return err
}

// readKey reads a private key, which nobody else may be able to read.
func readKey(e *env, path string) (ed25519.PrivateKey, error) {
	f, err := e.open(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read key: %w", err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, inputErr(fmt.Errorf("read key: %w", err))
	}
	const others, longest = 0o077, 1 << 16
	if info.Mode().Perm()&others != 0 {
		return nil, &exitError{code: exitInput, err: fmt.Errorf("read key: %s can be read by others (mode %o)", path, info.Mode().Perm()), hint: "chmod 600 it, and make a new key if somebody may have read it"}
	}
	if info.Size() > longest {
		return nil, inputErr(fmt.Errorf("read key: %s is no key: %d bytes", path, info.Size()))
	}
	data := make([]byte, info.Size())
	if _, err := f.ReadAt(data, 0); err != nil {
		return nil, inputErr(fmt.Errorf("read key: %w", err))
	}
	key, err := revert.ParsePrivateKey(data)
	if err != nil {
		return nil, inputErr(fmt.Errorf("%s: %w", path, err))
	}
	return key, nil
}
