package harper

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"recourse/audit"
)

// Options say which Harper to speak to and as whom. Target is needed; the rest
// may be left zero.
type Options struct {
	// Target is the operations API: http://host:9925, https://host:9925, or
	// unix:///path/operations-server.
	Target string
	// REST is the REST API, such as http://host:9926. Empty is none.
	REST string
	// Paths are the REST names of tables that are exported under another name
	// than their own.
	Paths map[audit.Table]string

	// Username and Password are the credentials. Without a name none are sent,
	// which suffices on Harper's own socket.
	Username string
	Password string `json:"-" yaml:"-"`
	// JWT trades the credentials for a token at the first request, so that the
	// password is not sent with each.
	JWT bool

	// CAFile holds the only authorities trusted, in PEM. Empty is the system's.
	CAFile string
	// CertFile and KeyFile are a client certificate and its key, in PEM.
	CertFile, KeyFile string
	// InsecureSkipVerify trusts any certificate.
	InsecureSkipVerify bool

	// Timeout is how long Harper may send nothing: before an answer begins and
	// between two pieces of it. There is no limit on a whole answer. Zero is
	// two minutes; Harper needs long to read back bulk updates.
	Timeout time.Duration
	// UserAgent is sent with each request; "recourse" if empty.
	UserAgent string
	// MaxRecord is the most bytes of one record, as sent. Zero is 64 MiB.
	MaxRecord int
}

// Format writes the options without the password, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) { fmt.Fprint(f, o.String()) }

// String is the options without the password.
func (o Options) String() string {
	return fmt.Sprintf("harper.Options{Target: %q, REST: %q, Username: %q, JWT: %v}",
		withoutUser(o.Target), withoutUser(o.REST), o.Username, o.JWT)
}

// LogValue is String.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// Credentials are where to go and as whom, from the environment.
type Credentials struct {
	Target   string
	Username string
	Password string `json:"-" yaml:"-"`
}

// Format writes the credentials without the password, whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// String is the credentials without the password.
func (c Credentials) String() string {
	return fmt.Sprintf("harper.Credentials{Target: %q, Username: %q}", withoutUser(c.Target), c.Username)
}

// LogValue is String.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// CredentialsFromEnv reads what Harper's own command line reads:
// HARPER_CLI_TARGET, HARPER_CLI_USERNAME and HARPER_CLI_PASSWORD, and then the
// older CLI_TARGET, CLI_TARGET_USERNAME and CLI_TARGET_PASSWORD. A name is never
// joined with the other family's password. Set but empty counts as not set. The
// lookup is [os.LookupEnv] or like it.
func CredentialsFromEnv(lookup func(string) (string, bool)) Credentials {
	get := func(name string) string {
		s, _ := lookup(name)
		return s
	}
	var c Credentials
	for _, family := range [][3]string{
		{"HARPER_CLI_TARGET", "HARPER_CLI_USERNAME", "HARPER_CLI_PASSWORD"},
		{"CLI_TARGET", "CLI_TARGET_USERNAME", "CLI_TARGET_PASSWORD"},
	} {
		if c.Target == "" {
			c.Target = get(family[0])
		}
		name, password := get(family[1]), get(family[2])
		if c.Username == "" && name != "" && password != "" {
			c.Username, c.Password = name, password
		}
	}
	return c
}

// withoutUser is a URL fit to be shown.
func withoutUser(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "", raw
	}
	host, path, slash := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = "…@" + host[at+1:]
	}
	if slash {
		host += "/" + path
	}
	if ok {
		return scheme + "://" + host
	}
	return host
}

// An OptionError says which option cannot be used, and what to do.
type OptionError struct {
	Option string
	Err    error
	hint   string
}

func (e *OptionError) Error() string { return fmt.Sprintf("use %s: %v", e.Option, e.Err) }

// Unwrap is the cause.
func (e *OptionError) Unwrap() error { return e.Err }

// Hint says what a person can do.
func (e *OptionError) Hint() string { return e.hint }

// parseBase reads the URL of an API. For a socket it returns the path too.
func parseBase(option, raw string) (base *url.URL, socket string, err error) {
	const hint = "write http://HOST:PORT, https://HOST:PORT or unix:///PATH"
	fail := func(format string, args ...any) (*url.URL, string, error) {
		return nil, "", &OptionError{Option: option, Err: fmt.Errorf(format, args...), hint: hint}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return fail("%q is no URL", withoutUser(raw)) // url's own error repeats the whole text
	}
	switch {
	case u.User != nil:
		return nil, "", &OptionError{Option: option, Err: errors.New("credentials in a URL"), hint: "give the name and the password apart from the URL"}
	case u.RawQuery != "" || u.Fragment != "":
		return fail("%q has a query or a fragment", raw)
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		return &url.URL{Scheme: "http", Host: "localhost"}, u.Path, nil
	case u.Scheme != "http" && u.Scheme != "https":
		return fail("%q does not begin with http:// or https://", raw)
	case u.Host == "":
		return fail("%q names no host", raw)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, "", nil
}

func (o Options) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.InsecureSkipVerify}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, &OptionError{Option: "CA file", Err: err}
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &OptionError{Option: "CA file", Err: fmt.Errorf("%s holds no certificate in PEM", o.CAFile)}
		}
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, &OptionError{Option: "client certificate", Err: errors.New("certificate and key belong together"), hint: "give both --cert-file and --key-file"}
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, &OptionError{Option: "client certificate", Err: err}
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
