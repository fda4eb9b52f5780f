package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/index"
	"recourse/internal/report"
	"recourse/query"
	"recourse/rules"
	"recourse/store"
)

// A workspace is a data folder, open: the store, which is the truth, and what
// is derived from it.
type workspace struct {
	dir   string
	env   *env // of the command, which dir may be relative to
	cfg   config
	store *store.DB
	index *index.Index // nil when the command needs none
	asked bool         // the index is opened when a question needs it
	late  sync.Mutex   // held while it is opened so

	// judge is the rules engine, kept from one catching up to the next; own are
	// the changes that are our own writes, on which no rule alerts; counted is how
	// many records tables had.
	judge   *rules.Engine
	own     map[audit.ChangeID]string
	counted map[audit.Table][]rules.Rows

	quarantined     []string // rules, as was noted last
	evicted         evictedRules
	evictedNoted    bool // evicted is what the store has
	quarantineNoted bool

	// beside is the command's part in the workspace of a daemon; nil: it is its own.
	beside *companion
}

// openWorkspace opens the data folder that the flags name.
func openWorkspace(c *cli.Context, e *env, withIndex bool) (*workspace, error) {
	dir, cfg, err := configured(c, e)
	if err != nil {
		return nil, err
	}
	return openShared(c.Context, e, dir, cfg, withIndex)
}

// openToStore is openWorkspace, with the index, for who stores changes; much says that
// they may be many, alone that nothing else is done meanwhile.
func openToStore(c *cli.Context, e *env, much, alone bool) (*workspace, error) {
	dir, cfg, err := configured(c, e)
	if err != nil {
		return nil, err
	}
	cfg.bulk, cfg.alone = much, alone
	return openShared(c.Context, e, dir, cfg, true)
}

// configured is the data folder and the configuration that a command is to use.
func configured(c *cli.Context, e *env) (dir string, cfg config, err error) {
	if dir, err = dataFolder(e, c.String("data")); err != nil {
		return "", cfg, err
	}
	if cfg, err = readConfig(e, c.String("config"), dir); err != nil {
		return "", cfg, err
	}
	if s := c.String("memory"); s != "" {
		if cfg.Memory, err = parseMemory(s); err != nil {
			return "", cfg, usagef("--memory: %v", err)
		}
	}
	return dir, cfg, nil
}

// openShared opens a data folder, or has a part in the one that the daemon has open
// which carries the command out.
func openShared(ctx context.Context, e *env, dir string, cfg config, withIndex bool) (*workspace, error) {
	if e.beside != nil {
		return e.beside.share(e, dir, cfg, withIndex)
	}
	return openFolder(ctx, e, dir, cfg, withIndex)
}

// openFolder opens a data folder. What an earlier recourse left in it is made what
// this one has, which is said on stderr.
func openFolder(ctx context.Context, e *env, dir string, cfg config, withIndex bool) (*workspace, error) {
	if err := e.makeFolder(dir); err != nil {
		return nil, &exitError{code: exitInput, err: fmt.Errorf("create data folder: %w", err), hint: "name another folder with --data or RECOURSE_DATA"}
	}
	w := &workspace{dir: dir, env: e, cfg: cfg}
	w.cfg.Memory = cfg.Memory.orOfMachine(os.DirFS("/"))
	w.cfg.Memory.limit()
	if err := w.openStore(ctx, e); err != nil {
		return nil, err
	}
	if withIndex {
		if err := w.openIndex(e); err != nil {
			return nil, errors.Join(err, w.store.Close())
		}
	}
	return w, nil
}

func (w *workspace) indexDir() string { return filepath.Join(w.dir, "index") }

func (w *workspace) close() error {
	if w.beside != nil {
		w.beside.leave()
		return nil
	}
	var err error
	if w.index != nil {
		err = w.index.Close()
	}
	return errors.Join(err, w.store.Close())
}

// engine answers queries.
func (w *workspace) engine() *query.Engine {
	e := &query.Engine{Store: searched{w.store}, Names: w.names()}
	switch {
	case w.index != nil:
		e.Words = w.index
	case w.asked:
		e.Words = wordsOf{w}
	}
	return e
}

// A roomyReader follows the store as long as there is room on its disk: the index
// is not to take what the store needs to sort its files.
type roomyReader struct{ *store.DB }

func (roomyReader) leave() {}

// Follow ends with store.ErrDiskFull when the room is gone.
func (r roomyReader) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return store.Each(r.pages(ctx, after))
}

// pages is Follow with many changes at once. A page is the caller's.
func (r roomyReader) pages(ctx context.Context, after audit.Seq) iter.Seq2[[]audit.Change, error] {
	const often = 4 // pages
	return func(yield func([]audit.Change, error) bool) {
		n := 0
		for page, err := range r.FollowPages(ctx, after) {
			if n%often == 0 && err == nil {
				if err = r.CheckRoom(); err != nil {
					page = nil
				}
			}
			n++
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// catchUp brings everything that is derived from the store up to its newest
// change, at the same time: the index, and the alerts. Each keeps its own
// progress; that one fails does not hold up the other, whose alerts are returned
// beside the error.
//
// Beside a daemon it is that which does so, with its own rules.
func (w *workspace) catchUp(ctx context.Context, set *rules.Set) ([]audit.Alert, error) {
	if w.beside != nil {
		return w.beside.caughtUp(ctx)
	}
	return w.catchUpWith(ctx, set, roomyReader{w.store})
}

// catchUpWith is catchUp of a workspace of our own, whose store is read by r.
func (w *workspace) catchUpWith(ctx context.Context, set *rules.Set, r paged) ([]audit.Alert, error) {
	forIndex, forRules, end, err := w.readers(ctx, set, r)
	if err != nil {
		return nil, err
	}
	defer end()
	var indexed chan error // nil: there is no index
	if w.index != nil {
		indexed = make(chan error, 1)
		go func() { indexed <- audit.Guarded(func() error { return w.catchUpIndex(ctx, forIndex) }) }()
	}
	var alerts []audit.Alert
	if set != nil {
		alerts, err = w.runRules(ctx, set, forRules)
	}
	if indexed == nil {
		return alerts, err
	}
	behind := <-indexed
	if errors.Is(err, store.ErrDiskFull) && errors.Is(behind, store.ErrDiskFull) {
		return alerts, err // one reason is enough
	}
	return alerts, errors.Join(behind, err)
}

// readers are how the index and the rules read the store: together if they have
// much to read and are not far apart. end is to be called when both are done.
func (w *workspace) readers(ctx context.Context, set *rules.Set, plain paged) (forIndex, forRules follower, end func(), err error) {
	if w.index == nil || set == nil {
		return plain, plain, func() {}, nil
	}
	judged, err := w.store.Progress(ctx, rulesProgress)
	if err != nil {
		return nil, nil, nil, err
	}
	indexed := w.index.Progress()
	from := min(judged, indexed)
	if max(judged, indexed)-from > apart || w.store.Last() < from+2*audit.BlockSize {
		return plain, plain, func() {}, nil
	}
	t := readTogether(ctx, plain, from)
	return t.of(0), t.of(1), t.end, nil
}

// catchUpIndex leaves what it reads when it is done with it: others may wait.
func (w *workspace) catchUpIndex(ctx context.Context, r follower) error {
	_, err := w.index.Follow(ctx, r)
	r.leave()
	if err != nil {
		return err
	}
	return w.resum(ctx)
}

// printer prints results as the flags and the terminal have it.
// More are the formats that the command has besides what every command has.
func printer(c *cli.Context, e *env, more ...report.Format) (*report.Printer, error) {
	format := c.String("output")
	if format == "" {
		format = "ndjson"
		if e.terminal {
			format = "table"
		}
	}
	f, err := report.ParseFormat(format, more...)
	if err != nil {
		return nil, usagef("%v", err)
	}
	color, err := wantsColor(c.String("color"), e)
	if err != nil {
		return nil, err
	}
	return report.New(e.stdout, report.Options{Format: f, Color: color, Width: e.width, NoImages: c.Bool("no-images")}), nil
}

// wantsColor follows --color, then the customs of NO_COLOR and CLICOLOR_FORCE.
func wantsColor(flag string, e *env) (bool, error) {
	switch flag {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		if e.get("NO_COLOR") != "" {
			return false, nil
		}
		return e.terminal || e.get("CLICOLOR_FORCE") != "", nil
	}
	return false, usagef("--color %q: want auto, always or never", flag)
}
