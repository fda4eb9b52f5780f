package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/store"
)

// configFile is the configuration's file, and whether it is there.
func (d *doctor) configFile() (string, bool) {
	path := d.c.String("config")
	if path == "" {
		path = filepath.Join(d.dir, "recourse.yaml")
	}
	_, err := d.e.stat(path)
	return path, err == nil
}

// checkPermissions finds what other users of the machine may read: what is
// stored holds the records of a whole database.
func (d *doctor) checkPermissions() {
	open, first := 0, ""
	err := filepath.WalkDir(d.e.at(d.dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // compacted away meanwhile
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 && entry.Type()&fs.ModeSymlink == 0 {
			if open++; first == "" {
				first = d.dir + strings.TrimPrefix(path, d.e.at(d.dir))
			}
			if entry.IsDir() && path == d.dir {
				return nil
			}
		}
		return err
	})
	fix := "chmod -R go= " + shellQuote(d.dir)
	info, statErr := d.e.stat(d.dir)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		d.ok("permissions", "there is no data folder yet; it will be made for its owner alone")
	case err != nil:
		d.unknown("permissions", "", "%s", err)
	case info.Mode().Perm()&0o077 != 0:
		d.fail("permissions", fix, "other users may look into %s (mode %04o)", d.dir, info.Mode().Perm())
	case open > 0:
		d.warn("permissions", fix, "%d files have a mode that lets others read them, but for the folder: %s", open, first)
	default:
		d.ok("permissions", "%s is for its owner alone", d.dir)
	}
	d.checkPasswordFile()
}

func (d *doctor) checkPasswordFile() {
	path := d.c.String("password-file")
	if path == "" {
		path = d.cfg.PasswordFile
	}
	if path == "" {
		return
	}
	info, err := d.e.stat(path)
	switch {
	case err != nil:
		d.fail("password file", "", "%s", err)
	case info.Mode().Perm()&0o077 != 0:
		d.warn("password file", "chmod 600 "+shellQuote(path), "other users may read %s (mode %04o)", path, info.Mode().Perm())
	default:
		d.ok("password file", "%s is for its owner alone", path)
	}
}

// shellQuote is a word for a shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// openStore opens the data folder if there is one. Opening it reads every table
// of the store and compares it with its checksum.
func (d *doctor) openStore() {
	if _, err := d.e.stat(filepath.Join(d.dir, "store")); errors.Is(err, fs.ErrNotExist) {
		d.ok("store", "there is none yet in %s", d.dir)
		return
	}
	w, err := openShared(d.c.Context, d.e, d.dir, d.cfg, d.e.beside != nil)
	switch {
	case errors.Is(err, store.ErrBusy):
		d.unknown("store", "wait until it has ended, and run this again", "another process has it open, and it is no `recourse watch`")
	case errors.Is(err, store.ErrCorrupt):
		d.fail("store", "recourse verify --data "+shellQuote(d.dir), "%s", err)
	case err != nil:
		d.fail("store", hintOf(err), "%s", err)
	case w.beside != nil:
		d.w = w
		d.ok("store", "recourse watch has it open; `recourse verify` reads every change")
	default:
		d.w = w
		d.ok("store", "opens, and every block matches its checksum; `recourse verify` reads every change")
	}
}

// checkReading looks at what of the logs was read.
func (d *doctor) checkReading(ctx context.Context) {
	if d.w == nil {
		return
	}
	r, err := d.w.reading(ctx, d.e)
	if err != nil {
		d.fail("coverage", hintOf(err), "%s", err)
		return
	}
	d.checkCoverage(r)
	d.checkGaps(r)
	d.checkLag(ctx, r)
}

func (d *doctor) checkCoverage(r *query.Reading) {
	if len(r.Spans) == 0 {
		d.warn("coverage", "recourse watch", "no log was read yet, or no account was kept of it")
		return
	}
	var holed []string
	oldest := audit.Time(0)
	for _, t := range r.Tables {
		c := r.Table(t, 0, audit.Time(math.Inf(1)))
		oldest = max(oldest, c.Oldest)
		if !c.Complete {
			holed = append(holed, t.String())
		}
	}
	if len(holed) > 0 {
		d.warn("coverage", "recourse coverage", "%d of %d tables are not covered in all of the time since their logs were first read: %s", len(holed), len(r.Tables), few(holed))
		return
	}
	d.ok("coverage", "%d tables are covered, every one since %s", len(r.Tables), oldest.ISO())
}

func (d *doctor) checkGaps(r *query.Reading) {
	kinds := map[audit.GapKind]int{}
	for _, g := range r.Gaps {
		if g.Healed == 0 {
			kinds[kindOf(g)]++
		}
	}
	n := kinds[audit.GapUnreadable]
	if n == 0 {
		d.ok("unreadable entries", "none")
		return
	}
	d.warn("unreadable entries", "cp -r deploy/harper-component ROOT/components/recourse-feed, in Harper's root folder, and restart Harper: the component shows what the log does not",
		"%d stretches of the log could not be read because Harper fails at an entry in them; anyone who may patch and delete can make such entries", n)
}

// checkDisk compares the room that is left with how fast the store grows.
func (d *doctor) checkDisk(ctx context.Context) {
	dir := d.dir
	for {
		if _, err := d.e.stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err := freeBytes(d.e.at(dir))
	if err != nil {
		d.unknown("disk", "", "%s", err)
		return
	}
	const least = 1 << 30
	state, fix, seen := report.CheckOK, "", fmt.Sprintf("%s free", bytesWords(free))
	if free < least {
		state, fix = report.CheckFail, "give "+shellQuote(dir)+" more room: ingest stops when the disk is full"
	}
	if d.w != nil {
		stats, err := d.w.store.Stats(ctx)
		if err != nil {
			d.fail("disk", hintOf(err), "%s", err)
			return
		}
		days := float64(stats.Newest-stats.Oldest) / float64(24*time.Hour/time.Millisecond)
		if perDay := float64(stats.Disk) / days; stats.Changes > 0 && days > 1.0/24 {
			left := float64(free) / perDay
			seen += fmt.Sprintf("; the store has %s and grew by %s a day: enough for %.0f days", bytesWords(stats.Disk), bytesWords(int64(perDay)), left)
			if left < 7 && state == report.CheckOK {
				state, fix = report.CheckWarn, "give "+shellQuote(dir)+" more room"
			}
		}
	}
	d.add("disk", state, fix, "%s", seen)
}

// bytesWords is a size for people.
func bytesWords(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}

// few are the first of a list of names.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}

// kindOf is a gap's kind; stores of before there were kinds have unreadable ones
// alone.
func kindOf(g audit.Gap) audit.GapKind {
	if g.Kind == "" {
		return audit.GapUnreadable
	}
	return g.Kind
}
