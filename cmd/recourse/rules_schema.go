package main

import (
	"github.com/urfave/cli/v2"

	"recourse/rules"
)

func rulesSchemaCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "schema", Usage: "print the JSON schema of rule files",
		Description: "For editors: draft 2020-12. It has exactly the keys that rules lint accepts.\n\n" +
			"Exit codes: 0.\n\nExample:\n   recourse rules schema >rules.schema.json\n" +
			"   # in a rule file: # yaml-language-server: $schema=rules.schema.json",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			_, err := e.stdout.Write(rules.Schema())
			return err
		},
	}
}
