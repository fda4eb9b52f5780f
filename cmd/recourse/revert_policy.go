package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/revert"
)

func policyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "policy", Usage: "decide as the YAML `FILE` says; the flags beside it count on top of it"},
		&cli.StringFlag{Name: "strict", Usage: "how much must be untouched by others for a write: attribute, record or transaction (`LEVEL`)"},
		&cli.StringFlag{Name: "schema", Usage: "compare with the tables as Harper now describes them: live asks Harper, else the saved answer to describe_all in `FILE`; without it the plan says that they are not known"},
		&cli.StringSliceFlag{Name: "counter", Usage: "DATABASE.TABLE.ATTRIBUTE counts: changes add to it; may be repeated"},
		&cli.StringSliceFlag{Name: "register", Usage: "DATABASE.TABLE.ATTRIBUTE is set, never added to; may be repeated"},
		&cli.BoolFlag{Name: "strict-null", Usage: "keep null apart from an attribute that is not there"},
		&cli.BoolFlag{Name: "put", Usage: "take attributes away by replacing the record over REST, not by setting them to null"},
	}
}

// policyOf is the policy file, if one is named, with the flags on top of it.
func policyOf(c *cli.Context, e *env) (revert.Policy, error) {
	p, err := policyFile(e, c.String("policy"))
	if err != nil {
		return p, err
	}
	if level := c.String("strict"); level != "" {
		if p.Strict, err = revert.ParseStrictness(level); err != nil {
			return p, usagef("--strict: %v", err)
		}
	}
	p.StrictNull = p.StrictNull || c.Bool("strict-null")
	if p.Numbers == nil {
		p.Numbers = map[string]revert.Number{}
	}
	said := map[string]bool{}
	for flag, number := range map[string]revert.Number{"counter": revert.NumberCounter, "register": revert.NumberRegister} {
		for _, name := range c.StringSlice(flag) {
			if strings.Count(name, ".") < 2 {
				return p, usagef("--%s %q: want DATABASE.TABLE.ATTRIBUTE", flag, name)
			}
			if said[name] && p.Numbers[name] != number {
				return p, usagef("%q is said to be a counter and a register", name)
			}
			p.Numbers[name], said[name] = number, true
		}
	}
	if c.Bool("put") {
		p.Unset = revert.UnsetPut
	}
	ofCluster(c, &p)
	return p, nil
}

// ofCluster makes the plan one of the cluster that the flag names.
func ofCluster(c *cli.Context, p *revert.Policy) {
	if c.IsSet("cluster") {
		name := c.String("cluster")
		p.Cluster = &name
	}
}

func policyFile(e *env, path string) (revert.Policy, error) {
	if path == "" {
		return revert.Policy{}, nil
	}
	f, err := e.open(path)
	if err != nil {
		return revert.Policy{}, inputErr(fmt.Errorf("read policy: %w", err))
	}
	defer f.Close()
	p, err := revert.ReadPolicy(path, f)
	if err != nil {
		return p, inputErr(err)
	}
	return p, nil
}

// maxSchemaFile is far above what the largest installation describes.
const maxSchemaFile = 64 << 20

// schemaOf is what Harper says of its tables, or said when it was saved; nil
// when nobody wants to know. version is Harper's, if it was asked and told it.
func schemaOf(c *cli.Context, e *env, cfg config) (s *revert.Schema, version string, err error) {
	switch path := c.String("schema"); path {
	case "":
		return nil, "", nil
	case "live":
		client, _, err := connect(c, e, cfg)
		if err != nil {
			return nil, "", err
		}
		defer client.Close()
		if s, err = liveSchema(c.Context, client); err != nil {
			return nil, "", err
		}
		version, err = client.Version(c.Context)
		if errors.Is(err, harper.ErrForbidden) {
			err = nil // it tells super users alone
		}
		return s, version, err
	default:
		s, err = savedSchema(e, path)
		return s, "", err
	}
}

func liveSchema(ctx context.Context, client *harper.Client) (*revert.Schema, error) {
	infos, err := client.DescribeAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask Harper for its tables: %w", err)
	}
	return schemaFrom(infos), nil
}

// savedSchema reads an answer to describe_all.
func savedSchema(e *env, path string) (*revert.Schema, error) {
	f, err := e.stat(path)
	if err == nil && f.Size() > maxSchemaFile {
		err = fmt.Errorf("%s is larger than %d bytes", filepath.Base(path), maxSchemaFile)
	}
	var data []byte
	if err == nil {
		data, err = e.readFile(path)
	}
	if err != nil {
		return nil, inputErr(fmt.Errorf("read schema: %w", err))
	}
	answer, err := audit.FromJSON(data)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read schema: %s: %w", path, err))
	}
	if r := answer.Get("response"); r != nil { // a capture of the answer
		answer = r
	}
	infos := harper.Tables(answer)
	if len(infos) == 0 {
		return nil, inputErr(fmt.Errorf("read schema: %s: it describes no table", path))
	}
	return schemaFrom(infos), nil
}

// schemaFrom is what a plan wants to know of the tables.
func schemaFrom(infos []harper.TableInfo) *revert.Schema {
	s, described := &revert.Schema{Tables: map[audit.Table]revert.TableFacts{}}, map[audit.Table]bool{}
	for _, t := range infos {
		described[t.Table] = true
	}
	for _, t := range infos {
		facts := revert.TableFacts{PrimaryKey: t.PrimaryKey, Defined: t.SchemaDefined, Sealed: t.Sealed, Sourced: t.Sourced,
			Expires: t.Expires, Attributes: map[string]revert.AttributeFacts{}}
		for _, a := range t.Attributes {
			facts.Attributes[a.Name] = revert.AttributeFacts{Type: a.Type, Assigned: a.CreatedTime || a.UpdatedTime,
				Refused: a.Computed || a.Relationship}
		}
		for _, a := range t.Attributes {
			to := audit.Table{Database: t.Table.Database, Name: cmp.Or(a.Elements, a.Type)}
			if f, known := facts.Attributes[a.From]; known && a.From != "" && described[to] {
				f.Refers = to.String()
				facts.Attributes[a.From] = f
			}
		}
		s.Tables[t.Table] = facts
	}
	return s
}
