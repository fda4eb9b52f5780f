package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/internal/harper"
)

// harperFlags are those of every command that talks to Harper. There is none
// for a password: a command line can be read by every user of the machine.
func harperFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "target", Usage: "Harper's operations API at `URL` (https://host:9925 or unix:///path); repeated for the nodes of a cluster; also HARPER_CLI_TARGET"},
		&cli.StringSliceFlag{Name: "rest-target", Usage: "Harper's REST API at `URL` (https://host:9926), for attribute-wise writes and for feeds; without it all writes go through the operations API"},
		&cli.StringFlag{Name: "username", Usage: "sign in as `NAME`; also HARPER_CLI_USERNAME"},
		&cli.StringFlag{Name: "password-file", Usage: "read the password from `FILE`; or set HARPER_CLI_PASSWORD"},
		&cli.StringFlag{Name: "ca-file", Usage: "trust the certificates in `FILE` for Harper's TLS"},
		&cli.StringFlag{Name: "cert-file", Usage: "present the client certificate in `FILE`"},
		&cli.StringFlag{Name: "key-file", Usage: "the client certificate's key in `FILE`"},
		&cli.BoolFlag{Name: "insecure-skip-verify", Usage: "do not check Harper's certificate"},
		&cli.StringFlag{Name: "cluster", Usage: "name the cluster `NAME` in what is stored", Value: ""},
		&cli.DurationFlag{Name: "timeout", Usage: "wait at most so long for Harper to go on with an answer", Value: 2 * time.Minute},
	}
}

// harperOptions gathers how to reach Harper: flags before environment before
// the file. A user and a password always come from one place.
func harperOptions(c *cli.Context, e *env, cfg config, target string) (harper.Options, error) {
	o := harper.Options{
		Target:             target,
		CAFile:             cmp.Or(c.String("ca-file"), cfg.CAFile),
		CertFile:           cmp.Or(c.String("cert-file"), cfg.CertFile),
		KeyFile:            cmp.Or(c.String("key-file"), cfg.KeyFile),
		InsecureSkipVerify: c.Bool("insecure-skip-verify") || cfg.InsecureSkipVerify,
		Timeout:            c.Duration("timeout"),
		UserAgent:          "recourse/" + version,
	}
	fromEnv := harper.CredentialsFromEnv(e.lookup)
	if u, err := url.Parse(o.Target); err == nil && u.User != nil {
		return o, usagef("the target holds a password: take it out, and give --username and --password-file")
	}
	var err error
	if o.Username, o.Password, err = credentials(c, e, cfg, fromEnv); err != nil {
		return o, err
	}
	if o.Username == "" && !strings.HasPrefix(o.Target, "unix:") {
		return o, usagef("no user is named: give --username NAME and --password-file FILE, or set HARPER_CLI_USERNAME and HARPER_CLI_PASSWORD")
	}
	return o, nil
}

// credentials are the flags' if there are any, else the environment's, else the
// file's; all empty where there are none. A name is never joined with a password
// from elsewhere: that would send one user's password as another's.
func credentials(c *cli.Context, e *env, cfg config, fromEnv harper.Credentials) (user, password string, err error) {
	user, file := c.String("username"), c.String("password-file")
	switch {
	case file != "" && user == "":
		return "", "", usagef("--password-file is given without --username: a user and a password are taken from one place")
	case file != "":
	case user != "" && user == fromEnv.Username:
		return user, fromEnv.Password, nil
	case user != "" && user == cfg.Username && cfg.PasswordFile != "":
		file = cfg.PasswordFile
	case user != "":
		return "", "", usagef("there is no password for user %q: give --password-file FILE", user)
	case fromEnv.Username != "":
		return fromEnv.Username, fromEnv.Password, nil
	case cfg.Username == "" && cfg.PasswordFile == "":
		return "", "", nil
	case cfg.Username == "" || cfg.PasswordFile == "":
		return "", "", usagef("the configuration has only one of username and passwordFile")
	default:
		user, file = cfg.Username, cfg.PasswordFile
	}
	text, err := e.readFile(file)
	if err != nil {
		return "", "", inputErr(fmt.Errorf("read password: %w", err))
	}
	return user, strings.TrimRight(string(text), "\r\n"), nil
}

// connect makes the client of the one Harper that the flags describe; it sends
// nothing yet.
func connect(c *cli.Context, e *env, cfg config) (*harper.Client, harper.Options, error) {
	targets, rests, err := addresses(c, e, cfg)
	if err != nil {
		return nil, harper.Options{}, err
	}
	if len(targets) > 1 || len(rests) > 1 {
		return nil, harper.Options{}, usagef("this command speaks to one Harper: give one --target and one --rest-target")
	}
	o, err := harperOptions(c, e, cfg, targets[0])
	if err != nil {
		return nil, o, err
	}
	if len(rests) > 0 {
		o.REST = rests[0]
	}
	client, err := newClient(e, o)
	if err != nil {
		return nil, o, inputErr(err)
	}
	return client, o, nil
}

// newClient makes a client; the files of its certificates may be relative.
func newClient(e *env, o harper.Options) (*harper.Client, error) {
	given := []string{o.CAFile, o.CertFile, o.KeyFile}
	o.CAFile, o.CertFile, o.KeyFile = e.at(o.CAFile), e.at(o.CertFile), e.at(o.KeyFile)
	client, err := harper.New(o)
	return client, e.told(err, given...)
}

// nodeName names a server by its address, without what is secret in it.
func nodeName(target string) string {
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		return u.Host
	}
	return strings.TrimPrefix(target, "unix://")
}
