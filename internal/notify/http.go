package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A poster posts to one URL, which may be a secret: no error quotes it.
type poster struct {
	url    string
	secret secret // in place of url
	suffix string // of the path
	egress []string
	token  secret // a bearer token, if there is one
	client *http.Client
}

func newPoster(c *Config, o *Options, def string) (*poster, error) {
	trust, err := tlsConfig(c, o)
	if err != nil {
		return nil, err
	}
	p := &poster{
		url: cmp.Or(c.URL, def), egress: o.Egress,
		secret: secret{file: c.URLFile, env: c.URLEnv, lookup: o.Lookup}, token: secret{file: c.TokenFile, env: c.TokenEnv, lookup: o.Lookup},
	}
	if p.secret.there() {
		p.url = ""
	}
	transport := o.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
			ResponseHeaderTimeout: cmp.Or(c.Timeout, DefaultTimeout),
		}
	}
	p.client = &http.Client{Transport: transport, CheckRedirect: sameHost}
	return p, nil
}

// sameHost lets redirects within one host pass, never to another or out of TLS:
// what is sent may hold secrets. After 301, 302 and 303 a client asks with GET and
// sends nothing: the answer to that would say that all is well.
func sameHost(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	if next.Method != via[0].Method {
		return errors.New("it redirects so that the message would be lost (301, 302 or 303): configure the URL that it names")
	}
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return errors.New("it redirects to another host")
	}
	if len(via) >= 3 {
		return errors.New("it redirects again and again")
	}
	return nil
}

// tlsConfig is what a sink trusts, and what it presents.
func tlsConfig(c *Config, o *Options) (*tls.Config, error) {
	t := &tls.Config{}
	if o.TLSConfig != nil {
		t = o.TLSConfig.Clone()
	}
	t.MinVersion = tls.VersionTLS12
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read caFile: %w", err)
		}
		if t.RootCAs = x509.NewCertPool(); !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read caFile: %s holds no certificate", c.CAFile)
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read certFile and keyFile: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}

// target is the URL to post to.
func (p *poster) target() (*url.URL, error) {
	raw := p.url
	if p.secret.there() {
		var err error
		if raw, err = p.secret.read(); err != nil {
			return nil, err
		}
	}
	if err := checkURL(raw, p.egress); err != nil {
		return nil, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("it is no URL") // checkURL has said so
	}
	return u.JoinPath(p.suffix), nil
}

// post sends a body and is content with any answer of the 200s. What else is secret in
// it is named, for receivers that quote what they were sent.
func (p *poster) post(ctx context.Context, body []byte, contentType string, header map[string]string, secrets ...string) error {
	u, err := p.target()
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	if p.secret.there() {
		secrets = append(secrets, u.String(), u.RequestURI(), u.Path, u.RawQuery)
		secrets = append(secrets, strings.Split(u.Path, "/")...)
	}
	return hide(p.send(ctx, u, body, contentType, header, &secrets), &secrets)
}

func (p *poster) send(ctx context.Context, u *url.URL, body []byte, contentType string, header map[string]string, secrets *[]string) error {
	host := u.Host
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post to %s: %w", host, withoutURL(err))
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "recourse")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	if p.token.there() {
		token, err := p.token.read()
		if err != nil {
			return fmt.Errorf("post to %s: %w", host, err)
		}
		*secrets = append(*secrets, token)
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("post to %s: %w", host, withoutURL(err))
	}
	defer res.Body.Close()
	if res.StatusCode/100 == 2 {
		rest(res.Body)
		return nil
	}
	// What broke off of an answer that refuses is not missed.
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	return statusError(host, res, answer)
}

// rest reads what is left of an answer that is of no interest, so that the connection
// can be used again. A receiver that takes long to say it is not waited for.
func rest(body io.ReadCloser) {
	slow := time.AfterFunc(patience, func() { _ = body.Close() })
	defer slow.Stop()
	_, _ = io.CopyN(io.Discard, body, 4<<10)
}

// A hidden error says what its cause does, without secrets.
type hidden struct {
	text string
	err  error
}

func (e *hidden) Error() string { return e.text }

// Unwrap is the cause.
func (e *hidden) Unwrap() error { return e.err }

// hide takes secrets out of what an error says: a receiver may quote the address that
// it does not know, or the token that it does not like. Short ones are none.
func hide(err error, secrets *[]string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	slices.SortFunc(*secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range *secrets {
		if len(s) >= 6 {
			text = strings.ReplaceAll(text, s, "[secret]")
		}
	}
	if text == err.Error() {
		return err
	}
	return &hidden{text, err}
}

// withoutURL is an error of net/http without the URL, which may be a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// statusError says what an answer that is no success means: whether it is the
// message that is refused, or that it may be tried again.
func statusError(host string, res *http.Response, answer []byte) error {
	err := fmt.Errorf("post to %s: it answers %d: %s", host, res.StatusCode, cut(clean(string(answer)), 200))
	switch res.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return &RefusedError{err}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if n, bad := strconv.Atoi(res.Header.Get("Retry-After")); bad == nil && n > 0 {
			return &RetryError{min(time.Duration(n)*time.Second, time.Hour), err}
		}
	}
	return err
}
