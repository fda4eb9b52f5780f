package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/api"
)

// listenLocal has other processes of the same user send their commands here. That
// they cannot is no reason not to follow the logs.
func (d *daemon) listenLocal(c *cli.Context, e *env) {
	dir, err := filepath.Abs(e.at(d.w.dir))
	if err == nil {
		d.local = api.New(api.Options{
			Addr: "unix://" + filepath.Join(dir, socketName), State: d.state, Log: d.log, Now: e.now,
			Local: true, Ask: d.ask(c.String("config")), Command: d.carryOut, Version: programVersion(),
		})
		err = d.local.Listen(c.Context)
	}
	if err != nil {
		d.local = nil
		d.log.Error("other commands cannot use the data folder while this process runs", "err", err, "hint", hintOf(err))
	}
}

// carryOut carries out a command of another process as that would: with its
// folder, its environment and its streams, and this process's store.
func (d *daemon) carryOut(ctx context.Context, c api.Command, s api.Streams) int {
	e := &env{
		dir: c.Dir, stdin: s.In, stdout: s.Out, stderr: s.Err, now: d.env.now, beside: d,
		lookup:   func(name string) (string, bool) { v, set := c.Env[name]; return v, set },
		terminal: c.Terminal, width: c.Width, progress: c.Progress,
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	me := d.enter(c.Name, end)
	defer d.exit(me)
	return run(ctx, e, c.Args)
}

// share is the daemon's workspace as an attached command has it. dir is how the
// command names the data folder.
func (d *daemon) share(e *env, dir string, cfg config, withIndex bool) (*workspace, error) {
	theirs, err := e.stat(dir)
	if err != nil {
		return nil, inputErr(fmt.Errorf("open data folder: %w", err))
	}
	if ours, err := d.env.stat(d.w.dir); err != nil || !os.SameFile(ours, theirs) {
		return nil, &exitError{code: exitBusy, err: fmt.Errorf("open data folder: %s is not the one that this recourse watch has open", dir)}
	}
	cfg.Memory = d.w.cfg.Memory
	w := &workspace{env: e, dir: dir, cfg: cfg, store: d.w.store, beside: &companion{daemon: d}}
	if withIndex {
		w.index = d.w.index
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.companions[w.beside] = true
	return w, nil
}

// A companion is a command beside the daemon, and the alerts that began or grew
// since it came.
type companion struct {
	daemon *daemon
	mu     sync.Mutex
	alerts map[string]audit.Alert
}

func (c *companion) note(alerts []audit.Alert) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alerts == nil {
		c.alerts = map[string]audit.Alert{}
	}
	for _, a := range alerts {
		c.alerts[a.ID] = a
	}
}

func (c *companion) leave() {
	c.daemon.mu.Lock()
	defer c.daemon.mu.Unlock()
	delete(c.daemon.companions, c)
}

// caughtUp waits until the daemon has indexed and judged what is stored now, and
// returns the alerts that began or grew meanwhile.
func (c *companion) caughtUp(ctx context.Context) ([]audit.Alert, error) {
	d := c.daemon
	last := d.w.store.Last()
	for {
		round := d.nextRound()
		select {
		case d.wake <- struct{}{}:
		default: // it is told already
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-round.done:
		}
		judged, err := d.w.store.Progress(ctx, rulesProgress)
		if err != nil || round.err != nil {
			return nil, errors.Join(round.err, err)
		}
		if judged >= last {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.alerts)), nil
}

// A round is one look of the followers at what is new.
type round struct {
	done chan struct{} // closed when err is set
	err  error
}

// nextRound is the first that has not ended.
func (d *daemon) nextRound() *round {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.round
}

// ended ends a round and tells of what it brought.
func (d *daemon) ended(alerts []audit.Alert, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.companions {
		c.note(alerts)
	}
	d.round.err = err
	close(d.round.done)
	d.round = &round{done: make(chan struct{})}
}
