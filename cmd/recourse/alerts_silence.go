package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
	"recourse/store"
)

func alertsSilenceCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "silence", Usage: "have nobody told of certain alerts for a while", ArgsUsage: "[ID]",
		Description: "An alert that matches all that is given is recorded and counted, and no sink is told of it, until\n" +
			"the silence expires. Patterns may have * and ?. With the ID of a silence it is ended (--end), made to\n" +
			"last until another time, or commented on (--comment).\n\n" +
			"Exit codes: 0 done; 2 there is no such silence; 9 busy; 64 usage.\n\n" +
			"Example:\n   recourse alerts silence --user 'etl-*' --table 'shop.*' --for 8h --reason 'load of the new catalogue'",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "rule", Usage: "of this rule, a pattern; may be repeated"},
			&cli.StringSliceFlag{Name: "severity", Usage: "of this severity; may be repeated"},
			&cli.StringSliceFlag{Name: "user", Usage: "whose group has this user, a pattern; may be repeated"},
			&cli.StringSliceFlag{Name: "table", Usage: "whose group has this table, a pattern; may be repeated"},
			&cli.StringSliceFlag{Name: "group", Usage: "whose group has a value: `FIELD=PATTERN`; may be repeated"},
			&cli.StringFlag{Name: "for", Usage: "for so long: `D`, such as 8h or 3d"},
			&cli.StringFlag{Name: "until", Usage: "until `TIME`"},
			&cli.StringFlag{Name: "reason", Usage: "why: `TEXT`"},
			&cli.StringFlag{Name: "comment", Usage: "say something of a silence that there is: `TEXT`"},
			&cli.BoolFlag{Name: "end", Usage: "end a silence that there is"},
			byFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := wantArgs(c, 0, 1); err != nil {
				return err
			}
			return runAlertsSilence(c, e)
		},
	}
}

func runAlertsSilence(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	until, err := silenceEnd(c, e)
	if err != nil {
		return err
	}
	match, err := silenceMatch(c)
	if err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	by, err := w.actor(c, e)
	if err != nil {
		return err
	}
	var s audit.Silence
	if c.Args().Present() {
		s, err = w.changeSilence(c, e, until, by)
	} else {
		s, err = w.addSilence(c, audit.Silence{Match: match, By: by, Reason: c.String("reason"), Expires: until})
	}
	if err != nil {
		return err
	}
	return p.List(silenceListing([]audit.Silence{s}, audit.TimeOf(e.now())))
}

// silenceEnd is when a silence is to end; 0: that is not said.
func silenceEnd(c *cli.Context, e *env) (audit.Time, error) {
	switch until, long := c.String("until"), c.String("for"); {
	case until != "" && long != "":
		return 0, usagef("--until and --for: give one of them")
	case until != "":
		at, err := query.ParseTime(until, e.now())
		if err != nil {
			return 0, usagef("--until: %v", err)
		}
		if at <= audit.TimeOf(e.now()) {
			return 0, usagef("--until %q: that is past; --end ends a silence", until)
		}
		return at, nil
	case long != "":
		d, err := parseDuration(long)
		if err != nil || d <= 0 {
			return 0, usagef("--for: %q is no duration: write 8h, 3d", long)
		}
		return audit.TimeOf(e.now().Add(d)), nil
	}
	return 0, nil
}

func silenceMatch(c *cli.Context) (audit.SilenceMatch, error) {
	m := audit.SilenceMatch{Rules: c.StringSlice("rule"), Severities: c.StringSlice("severity"), Group: map[string][]string{}}
	for _, field := range []string{"user", "table"} {
		if all := c.StringSlice(field); len(all) > 0 {
			m.Group[field] = all
		}
	}
	for _, g := range c.StringSlice("group") {
		field, pattern, ok := strings.Cut(g, "=")
		if !ok || field == "" {
			return m, usagef("--group %q: want FIELD=PATTERN", g)
		}
		m.Group[field] = append(m.Group[field], pattern)
	}
	return m, nil
}

func (w *workspace) addSilence(c *cli.Context, s audit.Silence) (audit.Silence, error) {
	if s.Expires == 0 {
		return s, usagef("how long the silence lasts is not said: give --for D or --until TIME")
	}
	if c.Bool("end") || c.String("comment") != "" {
		return s, usagef("--end and --comment are about a silence that there is: give its ID")
	}
	s.Made = s.Expires - 1 // the store sets it; here it is for the check alone
	if err := s.Check(); err != nil {
		return s, usagef("silence: %v", err)
	}
	return w.store.AddSilence(c.Context, s)
}

var errSilenceEnded = errors.New("it was ended, and cannot be made to last again")

func (w *workspace) changeSilence(c *cli.Context, e *env, until audit.Time, by string) (audit.Silence, error) {
	for _, name := range []string{"rule", "severity", "user", "table", "group", "reason"} {
		if c.IsSet(name) {
			return audit.Silence{}, usagef("--%s: what a silence is about cannot be changed: end it, and make another one", name)
		}
	}
	if until == 0 && !c.Bool("end") && c.String("comment") == "" {
		return audit.Silence{}, usagef("what is to become of the silence is not said: give --end, --comment, --for or --until")
	}
	now := audit.TimeOf(e.now())
	id := c.Args().First()
	s, err := w.store.UpdateSilence(c.Context, id, func(s *audit.Silence) error {
		if until != 0 && s.Ended != 0 {
			return errSilenceEnded
		}
		say := func(text string) { s.Log = append(s.Log, audit.SilenceComment{At: now, By: by, Text: text}) }
		if text := c.String("comment"); text != "" {
			say(text)
		}
		if until != 0 {
			s.Expires = until
			say("it is to last until " + until.Go().Format(time.RFC3339))
		}
		if c.Bool("end") && s.Active(now) {
			s.Ended = now
			say("ended")
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return s, &exitError{code: exitNothing, err: fmt.Errorf("find silence %q: there is none", id), hint: "recourse alerts silences prints the ids"}
	}
	if errors.Is(err, errSilenceEnded) {
		return s, &exitError{code: exitUsage, err: err, hint: "recourse alerts silence makes another one"}
	}
	return s, err
}
