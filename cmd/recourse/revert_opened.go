package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/urfave/cli/v2"

	"recourse/revert"
)

// An openedPlan is a plan that stays in its file as long as a command is about it.
type openedPlan struct {
	*revert.OpenedPlan
	file io.Closer
}

func (p *openedPlan) close() error { return p.file.Close() }

// openedAt opens a plan. What cannot be read twice, such as a pipe, is kept.
func openedAt(e *env, path string) (*openedPlan, error) {
	f, err := e.open(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read plan: %w", err))
	}
	var from io.ReaderAt = f
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		all, err := io.ReadAll(f)
		if err != nil {
			f.Close()
			return nil, inputErr(fmt.Errorf("read plan: %w", err))
		}
		from = bytes.NewReader(all)
	}
	p, err := revert.OpenPlan(from)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &openedPlan{p, f}, nil
}

// planDigest is the digest of the plan in a file.
func planDigest(e *env, path string) (string, error) {
	p, err := openedAt(e, path)
	if err != nil {
		return "", err
	}
	return p.Outline.Header.Digest, p.close()
}

// openPlan opens the plan that a command is about, and the data folder. A plan that is
// damaged is told of before the folder is touched. Close both.
func openPlan(c *cli.Context, e *env) (*openedPlan, *workspace, error) {
	plan, err := openedAt(e, c.Args().First())
	if err != nil {
		return nil, nil, err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		plan.close()
		return nil, nil, err
	}
	return plan, w, nil
}

// lives are the stored histories of the records that a plan says something of.
func (w *workspace) lives(ctx context.Context, e *env, plan *openedPlan) iter.Seq2[revert.Record, error] {
	return revert.OfCluster(plan.Histories(ctx, w.store, keysBeside(e)), plan.Outline.Header.Policy.Cluster)
}

// keysBeside makes the files in which the keys of many records are kept.
func keysBeside(e *env) func() (revert.TempFile, error) {
	if e.readOnly {
		return nil
	}
	return func() (revert.TempFile, error) { return e.scratch("") }
}

// withLife are the records that have a history.
func withLife(records iter.Seq2[revert.Record, error]) iter.Seq2[revert.Record, error] {
	return func(yield func(revert.Record, error) bool) {
		for rec, err := range records {
			if (err != nil || len(rec.Changes) > 0) && !yield(rec, err) {
				return
			}
		}
	}
}
