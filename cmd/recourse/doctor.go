package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/internal/harper"
	"recourse/internal/report"
)

func doctorCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "check the server, the rights, the settings and the data folder",
		Description: "Looks at everything that a whole log depends on, and prints for each failure what to do. It\n" +
			"changes nothing, neither in Harper nor in the data folder. Without a target only what is here\n" +
			"is looked at; with --rest-target also the REST API and the feed component.\n\n" +
			"Exit codes: 0 nothing failed; 5 something failed, or with --strict is not as it should be or not\n" +
			"known; 12 Harper not reachable or refuses.\n\n" +
			"Example:\n   recourse doctor --target https://db1:9925 --username auditor --password-file pw",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "strict", Usage: "take warnings, and what could not be found out, for failures"},
			&cli.StringFlag{Name: "retention", Usage: "how long Harper keeps its log; default: what it says itself, else 3d"},
		}, harperFlags()...),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runDoctor(c, e)
		},
	}
}

// A doctor looks at one thing after the other. What one check finds out, later
// ones use.
type doctor struct {
	e      *env
	c      *cli.Context
	dir    string
	cfg    config
	w      *workspace // nil: there is no data folder, or another process has it
	checks []report.Check

	keeps   time.Duration // the shortest time for which a Harper says that it keeps its log; 0: none says
	refused bool          // a Harper is not reachable, or refuses
	node    string        // that is looked at; empty where there is only one
	server                // that is looked at
}

// A server is what was found out about a Harper so far.
type server struct {
	client  *harper.Client
	target  harper.Options
	user    harper.User
	tables  []harper.TableInfo
	version string
	line    string // lmdb or rocksdb; empty: not known
}

func (d *doctor) ok(name, format string, args ...any) {
	d.add(name, report.CheckOK, "", format, args...)
}

func (d *doctor) warn(name, fix, format string, args ...any) {
	d.add(name, report.CheckWarn, fix, format, args...)
}

func (d *doctor) fail(name, fix, format string, args ...any) {
	d.add(name, report.CheckFail, fix, format, args...)
}

func (d *doctor) unknown(name, fix, format string, args ...any) {
	d.add(name, report.CheckUnknown, fix, format, args...)
}

func (d *doctor) add(name string, state report.CheckState, fix, format string, args ...any) {
	if d.node != "" {
		name = d.node + " " + name
	}
	seen := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ") // of errors that were joined
	d.checks = append(d.checks, report.Check{Name: name, State: state, Seen: seen, Fix: fix})
}

func runDoctor(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	d := &doctor{e: e, c: c}
	if d.dir, err = dataFolder(e, c.String("data")); err != nil {
		return err
	}
	d.checkConfig()
	d.checkPermissions()
	d.openStore()
	if d.w != nil {
		defer closeWith(&err, d.w.close)
	}
	d.checkIndex()
	d.checkHarpers(c.Context)
	d.checkReading(c.Context)
	d.checkDisk(c.Context)
	if c.Context.Err() != nil {
		return c.Context.Err()
	}
	if err := p.Checks(d.checks); err != nil {
		return err
	}
	return d.exit()
}

func (d *doctor) exit() error {
	failed := map[report.CheckState]int{}
	for _, check := range d.checks {
		failed[check.State]++
	}
	switch {
	case d.refused:
		return exit(exitHarper)
	case failed[report.CheckFail] > 0:
		return exit(exitPartly)
	case d.c.Bool("strict") && failed[report.CheckWarn]+failed[report.CheckUnknown] > 0:
		return exit(exitPartly)
	}
	return nil
}

// cause is an error without the words around it that the check's name says.
func cause(err error) string {
	var own *exitError
	if errors.As(err, &own) && own.err != nil {
		err = own.err
	}
	return err.Error()
}

// checkConfig reads the configuration; what is wrong with it is a failure, and
// the rest is looked at without it.
func (d *doctor) checkConfig() {
	cfg, err := readConfig(d.e, d.c.String("config"), d.dir)
	if err != nil {
		d.fail("config", hintOf(err), "%s", cause(err))
		return
	}
	d.cfg = cfg
	switch path, there := d.configFile(); {
	case !there:
		d.ok("config", "no file: flags and environment alone count")
	default:
		d.ok("config", "%s: every key is known", path)
	}
}
