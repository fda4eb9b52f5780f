package main

import (
	"bytes"
	"encoding/json"

	"github.com/urfave/cli/v2"

	"recourse/internal/report"
)

// printDocument prints an answer that is one document: as sentences for people,
// or as JSON, NDJSON or YAML. It is no table, so CSV and Markdown are refused.
func printDocument(c *cli.Context, e *env, name string, doc any, sentences func()) error {
	p, err := documentPrinter(c, e)
	if err != nil {
		return err
	}
	list := report.Listing{Name: name, Document: doc}
	switch p.Format() {
	case report.Table:
		sentences()
		return nil
	case report.NDJSON:
		var indented, line bytes.Buffer
		if err := report.New(&indented, report.Options{Format: report.JSON}).List(list); err != nil {
			return err
		}
		if err := json.Compact(&line, bytes.TrimSpace(indented.Bytes())); err != nil {
			return err
		}
		line.WriteByte('\n')
		_, err := e.stdout.Write(line.Bytes())
		return err
	}
	return p.List(list)
}

// documentPrinter is printer, for what is no table. A command asks for it before
// it does anything, so that a wrong format is not found out afterwards.
func documentPrinter(c *cli.Context, e *env) (*report.Printer, error) {
	p, err := printer(c, e)
	if err != nil {
		return nil, err
	}
	if f := p.Format(); f == report.CSV || f == report.Markdown {
		return nil, usagef("%s: -o %s: want table, json, ndjson or yaml", c.Command.FullName(), f)
	}
	return p, nil
}
