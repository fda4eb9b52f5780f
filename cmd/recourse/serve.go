package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"recourse/internal/api"
	"recourse/query"
	"recourse/rules"
)

// listenFlags say where watch tells how it stands and answers questions, and to
// whom.
func listenFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Usage: "tell /metrics, /healthz and /readyz at `ADDRESS` (HOST:PORT, or unix:///PATH), and answer questions at /v1 to whoever has a token"},
		&cli.BoolFlag{Name: "listen-remote", Usage: "let other machines read what --listen tells; figures are not protected"},
		&cli.StringSliceFlag{Name: "listen-host", Usage: "also be called by the host `NAME`, as by a proxy that passes it on; may be repeated"},
		&cli.StringFlag{Name: "api-token-file", Usage: "answer questions at /v1 to those whom `FILE` names, a name and a token a line"},
		&cli.StringFlag{Name: "tls-cert-file", Usage: "speak TLS with the certificate in `FILE`"},
		&cli.StringFlag{Name: "tls-key-file", Usage: "the key of --tls-cert-file, in `FILE`"},
	}
}

// listen makes the server that says how the daemon stands and answers questions, if
// an address is given.
func (d *daemon) listen(ctx context.Context, c *cli.Context) error {
	addr := cmp.Or(c.String("listen"), d.w.cfg.Listen)
	if addr == "" || addr == "off" {
		return nil
	}
	o := api.Options{
		Addr: addr, AllowRemote: c.Bool("listen-remote") || d.w.cfg.ListenRemote, State: d.state, Log: d.log,
		Hosts: c.StringSlice("listen-host"), Ask: d.ask(c.String("config")), Version: programVersion(),
	}
	if len(o.Hosts) == 0 {
		o.Hosts = d.w.cfg.ListenHosts
	}
	var err error
	if path := cmp.Or(c.String("api-token-file"), d.w.cfg.APITokenFile); path != "" {
		if o.Tokens, err = api.ReadTokens(d.env.at(path)); err != nil {
			return &exitError{code: exitInput, err: d.env.told(err, path), hint: hintOf(err)}
		}
	}
	if o.Certificate, err = certificate(c, d.env, d.w.cfg); err != nil {
		return err
	}
	d.server = api.New(o)
	if err := d.server.Listen(ctx); err != nil {
		return &exitError{code: exitUsage, err: err, hint: hintOf(err)}
	}
	d.cluster.Options.Polled = d.server.ObservePoll
	return nil
}

// certificate is the server's own; nil: none is named.
func certificate(c *cli.Context, e *env, cfg config) (*api.Certificate, error) {
	cert, key := cmp.Or(c.String("tls-cert-file"), cfg.TLSCertFile), cmp.Or(c.String("tls-key-file"), cfg.TLSKeyFile)
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, usagef("--tls-cert-file and --tls-key-file go together")
	}
	out, err := api.ReadCertificate(e.at(cert), e.at(key))
	if err != nil {
		return nil, inputErr(e.told(err, cert, key))
	}
	return out, nil
}

// ask answers the questions that come over HTTP: by the commands that answer them,
// on the daemon's own data folder and with its configuration.
func (d *daemon) ask(config string) api.AskFunc {
	around := map[string]string{"RECOURSE_CONFIG": config}
	return func(ctx context.Context, args []string, out io.Writer) api.Outcome {
		dir, err := filepath.Abs(d.env.at(d.w.dir))
		if err != nil {
			return api.Outcome{Code: exitInternal, Message: err.Error()}
		}
		var o api.Outcome
		e := &env{
			dir: d.env.folder(), stdin: strings.NewReader(""), stdout: out, stderr: io.Discard, now: d.env.now, beside: d, readOnly: true,
			lookup: func(name string) (string, bool) {
				if name == "RECOURSE_DATA" {
					return dir, true
				}
				v, set := around[name]
				return v, set
			},
			failed: func(err error, code int) { o = outcomeOf(err, code) },
		}
		ctx, end := context.WithCancelCause(ctx)
		defer end(nil)
		me := d.enter("query", end)
		defer d.exit(me)
		o.Code = run(ctx, e, args)
		return o
	}
}

// outcomeOf is an error as it is told to whoever asked over HTTP.
func outcomeOf(err error, code int) api.Outcome {
	f := failureOf(err, code)
	if f.Hint == usageHint { // there is no --help
		f.Hint = "docs/api.md and /v1/openapi.json have the parameters"
	}
	return api.Outcome{Code: f.Code, Message: f.Message, Hint: f.Hint, Position: f.Position}
}

// positionOf is where in a query, or in a condition beside it, an error is, in
// characters from 1; 0: it is about no place.
func positionOf(err error) int {
	if syntax, ok := errors.AsType[*query.SyntaxError](err); ok {
		return 1 + len([]rune(syntax.Query[:syntax.Offset]))
	}
	if lint, ok := errors.AsType[*rules.LintError](err); ok && lint.File == "--where" {
		return lint.Column
	}
	return 0
}
