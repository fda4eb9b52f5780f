package harper

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"recourse/audit"
)

// A Client speaks to one Harper. It may be used by many goroutines at once.
type Client struct {
	ops       *url.URL
	rest      *url.URL // nil without a REST API
	shown     string   // the target, fit to be shown
	http      *http.Client
	auth      *auth
	timeout   time.Duration
	agent     string
	maxRecord int
	paths     map[audit.Table]string

	requests, bytes atomic.Int64

	mu        sync.Mutex
	tables    map[audit.Table]TableInfo
	resources map[audit.Table]*resource
}

// New makes a client. It reads the files that the options name and sends
// nothing yet.
func New(o Options) (*Client, error) {
	ops, socket, err := parseBase("target", o.Target)
	if err != nil {
		return nil, err
	}
	c := &Client{
		ops: ops, shown: o.Target, timeout: o.Timeout, agent: o.UserAgent, maxRecord: o.MaxRecord,
		paths: o.Paths, tables: map[audit.Table]TableInfo{}, resources: map[audit.Table]*resource{},
	}
	if c.timeout <= 0 {
		c.timeout = 2 * time.Minute
	}
	if c.agent == "" {
		c.agent = "recourse"
	}
	c.maxRecord = DecodeOptions{MaxRecord: o.MaxRecord}.withDefaults().MaxRecord
	if o.REST != "" {
		rest, restSocket, err := parseBase("REST address", o.REST)
		if err != nil {
			return nil, err
		}
		if restSocket != "" {
			return nil, &OptionError{Option: "REST address", Err: errors.New("there is no socket for REST"), hint: "write http://HOST:PORT"}
		}
		c.rest = rest
	}
	tlsConfig, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	c.http = newHTTP(socket, tlsConfig)
	c.auth = &auth{jwt: o.JWT, login: func() (string, string) { return o.Username, o.Password }}
	return c, nil
}

// newHTTP speaks HTTP/1.1, where a server that gives up in the middle of an
// answer cannot be mistaken for one that has finished.
func newHTTP(socket string, tlsConfig *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: 15 * time.Second,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 16,
		// Harper closes idle connections after 30 s.
		IdleConnTimeout: 20 * time.Second,
	}
	if socket != "" {
		direct := t.DialContext
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "localhost:80" { // parseBase's stand-in for the socket
				return dialer.DialContext(ctx, "unix", socket)
			}
			return direct(ctx, network, addr)
		}
	}
	return &http.Client{
		Transport: t,
		// A redirect could take the credentials elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Traffic is how many requests were sent since the client was made, and how many
// bytes of answers came.
func (c *Client) Traffic() (requests, bytes int64) { return c.requests.Load(), c.bytes.Load() }

// Close lets go of idle connections. The client can still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// String is the target.
func (c *Client) String() string { return c.shown }

// Format writes the target, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.shown) }

// LogValue is the target.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.shown) }

// A call is one request, before its credentials.
type call struct {
	op     string // what it is for, in errors
	method string
	url    *url.URL
	body   []byte            // CBOR
	json   bool              // ask for JSON, not CBOR
	events bool              // ask for server-sent events, between which Harper may be silent for ever
	write  bool              // it may change records
	heard  func(http.Header) // told the headers of every answer, if set
}

// do sends a request and returns a good answer, whose body the caller closes
// and reads within the client's timeouts. Credentials that have expired are
// renewed once.
func (c *Client) do(ctx context.Context, k call) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		header, err := c.auth.header(ctx, c)
		if err != nil {
			return nil, err
		}
		resp, err := c.send(ctx, k, header)
		if err != nil {
			return nil, err
		}
		if k.heard != nil {
			k.heard(resp.Header)
		}
		if resp.StatusCode/100 == 2 {
			return resp, nil
		}
		err = answerError(k.op, resp)
		resp.Body.Close()
		if attempt == 0 && errors.Is(err, ErrUnauthorized) && c.auth.expired(header, err) {
			continue
		}
		if k.write && (resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusGatewayTimeout) {
			err = fmt.Errorf("%w; %w", err, ErrOutcomeUnknown)
		}
		return nil, err
	}
}

// send makes one exchange. What it returns is watched: the timeout runs while
// we wait for Harper, not while the caller is busy.
func (c *Client) send(ctx context.Context, k call, authorization string) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	req, err := http.NewRequestWithContext(traced, k.method, k.url.String(), bytes.NewReader(k.body))
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("%s: %w", k.op, err)
	}
	req.URL = k.url // exactly as it was escaped
	if k.body != nil {
		req.Header.Set("Content-Type", mimeCBOR)
	} else {
		req.Body, req.ContentLength = nil, 0
	}
	req.Header.Set("Accept", mimeCBOR)
	switch {
	case k.events:
		req.Header.Set("Accept", mimeEvents)
	case k.json:
		req.Header.Set("Accept", mimeJSON)
	}
	req.Header.Set("User-Agent", c.agent)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	c.requests.Add(1)
	timer := time.AfterFunc(c.timeout, func() { cancel(ErrTimeout) })
	resp, err := c.http.Do(req)
	timer.Stop()
	if err != nil {
		err = cause(ctx, err)
		cancel(nil)
		return nil, &transportError{op: k.op, target: c.shown, sent: sent.Load(), write: k.write, err: err}
	}
	resp.Body = &watchedBody{body: resp.Body, ctx: ctx, cancel: cancel, timer: timer, timeout: c.timeout, patient: k.events, count: &c.bytes}
	return resp, nil
}

// cause says why a request failed, in place of "context canceled".
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err // without the URL, which is told apart
	}
	return err
}

// A watchedBody gives up when Harper sends nothing for too long.
type watchedBody struct {
	body    io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
	patient bool          // it never gives up; that the peer is gone, TCP's keep-alive tells
	count   *atomic.Int64 // the client's, of bytes read
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if !b.patient {
		b.timer.Reset(b.timeout)
	}
	n, err := b.body.Read(p)
	b.count.Add(int64(n))
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = cause(b.ctx, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.body.Close()
}
