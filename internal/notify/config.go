package notify

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// A Config is one sink as the configuration has it. It holds no secrets: those are
// read from the files and the environment variables that it names.
type Config struct {
	Name string
	Type string // one of Types

	URL     string // of webhook, pagerduty and alertmanager
	URLFile string // the same, if the URL itself is a secret, as Slack's are
	URLEnv  string

	SecretFile string // of a webhook what it is signed with, of PagerDuty the routing key
	SecretEnv  string
	TokenFile  string // of webhook and alertmanager a bearer token
	TokenEnv   string

	Address string // HOST:PORT of syslog and mail
	Network string // of syslog: tls, tcp or udp
	TLS     string // of mail: starttls, tls or none

	From         string // of mail
	To           []string
	Username     string
	PasswordFile string
	PasswordEnv  string

	Path string // of file
	Form string // recourse, ocsf or ecs; of webhook, syslog, file and stdout

	CAFile, CertFile, KeyFile string

	MinSeverity  string
	Rules        []string
	States       *bool // nil: as the type has it
	Redact       Redaction
	Template     string
	TemplateFile string
	MaxAge       time.Duration // 0: DefaultMaxAge
	Timeout      time.Duration // of one delivery; 0: DefaultTimeout
	Repeat       time.Duration // of Alertmanager; 0: a minute
	ActiveFor    time.Duration // of Alertmanager; 0: a day
}

// The defaults of a Config.
const (
	DefaultMaxAge  = 72 * time.Hour
	DefaultTimeout = 30 * time.Second
)

// Options are what all sinks have in common. Lookup is needed.
type Options struct {
	Lookup func(string) (string, bool) // an environment variable
	// Egress are the hosts that sinks may reach, as HOST or HOST:PORT with * and ?;
	// nil: those that the sinks themselves name.
	Egress []string
	Salt   []byte // of hashes that stand for values
	Stdout interface{ Write([]byte) (int, error) }
	// Transport is in place of the network, for tests; TLSConfig is what TLS trusts
	// beside the system, for tests too.
	Transport http.RoundTripper
	TLSConfig *tls.Config
	// Host is the name by which this machine signs what it sends.
	Host string
}

// A kind is one type of sink.
type kind struct {
	states bool     // it is told of states unless the configuration says otherwise
	has    []string // what else than what all have may be set
	needs  []string // one of each "a|b" has to be
	make   func(*Config, *Options) (Sink, error)
}

func kinds() map[string]kind {
	tls := []string{"caFile", "certFile", "keyFile"}
	return map[string]kind{
		"webhook":      {true, append([]string{"url", "urlFile", "urlEnv", "secretFile", "secretEnv", "tokenFile", "tokenEnv", "form", "template", "templateFile"}, tls...), []string{"url|urlFile|urlEnv", "secretFile|secretEnv"}, newWebhook},
		"slack":        {false, append([]string{"urlFile", "urlEnv", "template", "templateFile"}, tls...), []string{"urlFile|urlEnv"}, newSlack},
		"pagerduty":    {true, append([]string{"url", "secretFile", "secretEnv", "template", "templateFile"}, tls...), []string{"secretFile|secretEnv"}, newPagerDuty},
		"alertmanager": {true, append([]string{"url", "urlFile", "urlEnv", "tokenFile", "tokenEnv", "repeat", "activeFor"}, tls...), []string{"url|urlFile|urlEnv"}, newAlertmanager},
		"syslog":       {true, append([]string{"address", "network", "form", "template", "templateFile"}, tls...), []string{"address"}, newSyslog},
		"mail":         {false, append([]string{"address", "tls", "from", "to", "username", "passwordFile", "passwordEnv", "template", "templateFile"}, tls...), []string{"address", "from", "to"}, newMail},
		"file":         {true, []string{"path", "form", "template", "templateFile"}, []string{"path"}, newFile},
		"stdout":       {true, []string{"form", "template", "templateFile"}, nil, newStdout},
	}
}

// Types are the types of sinks.
func Types() []string {
	return []string{"webhook", "slack", "pagerduty", "alertmanager", "syslog", "mail", "file", "stdout"}
}

var sinkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Check says what is wrong with a Config, and of which key; the key is empty if it
// is of the sink as a whole.
func (c *Config) Check(egress []string) (key string, err error) {
	k, known := kinds()[c.Type]
	switch {
	case !sinkName.MatchString(c.Name):
		return "name", fmt.Errorf("a sink needs a name of letters, digits, dots and dashes, up to 64")
	case !known:
		return "type", fmt.Errorf("%q is no type of sink; there are %s", c.Type, strings.Join(Types(), ", "))
	case c.MinSeverity != "" && audit.SeverityRank(c.MinSeverity) < 0:
		return "minSeverity", fmt.Errorf("want one of %s", strings.Join(audit.Severities, ", "))
	}
	set := c.set()
	for _, name := range slices.Sorted(slices.Values(set)) {
		if !slices.Contains(k.has, name) {
			return name, fmt.Errorf("a sink of type %s has no %s", c.Type, name)
		}
	}
	for _, need := range k.needs {
		if !slices.ContainsFunc(strings.Split(need, "|"), func(name string) bool { return slices.Contains(set, name) }) {
			return "", fmt.Errorf("a sink of type %s needs %s", c.Type, strings.ReplaceAll(need, "|", " or "))
		}
	}
	for _, pair := range []string{"url|urlFile|urlEnv", "secretFile|secretEnv", "tokenFile|tokenEnv", "passwordFile|passwordEnv", "template|templateFile", "form|template", "form|templateFile"} {
		if n := count(set, strings.Split(pair, "|")); n > 1 {
			return strings.Split(pair, "|")[0], fmt.Errorf("only one of %s can be given", strings.ReplaceAll(pair, "|", ", "))
		}
	}
	return c.checkValues(egress)
}

func count(set, names []string) int {
	n := 0
	for _, name := range names {
		if slices.Contains(set, name) {
			n++
		}
	}
	return n
}

// set are the names of what is set, but for what all types have.
func (c *Config) set() []string {
	var all []string
	for name, there := range map[string]bool{
		"url": c.URL != "", "urlFile": c.URLFile != "", "urlEnv": c.URLEnv != "",
		"secretFile": c.SecretFile != "", "secretEnv": c.SecretEnv != "", "tokenFile": c.TokenFile != "", "tokenEnv": c.TokenEnv != "",
		"address": c.Address != "", "network": c.Network != "", "tls": c.TLS != "", "from": c.From != "", "to": len(c.To) > 0,
		"username": c.Username != "", "passwordFile": c.PasswordFile != "", "passwordEnv": c.PasswordEnv != "",
		"path": c.Path != "", "form": c.Form != "", "caFile": c.CAFile != "", "certFile": c.CertFile != "", "keyFile": c.KeyFile != "",
		"template": c.Template != "", "templateFile": c.TemplateFile != "", "repeat": c.Repeat != 0, "activeFor": c.ActiveFor != 0,
	} {
		if there {
			all = append(all, name)
		}
	}
	return all
}

func (c *Config) checkValues(egress []string) (string, error) {
	for _, v := range []struct {
		key, value string
		want       []string
	}{
		{"redact", string(c.Redact), []string{"", string(NamesOnly), string(Hash), string(Full)}},
		{"form", c.Form, []string{"", "recourse", "ocsf", "ecs"}},
		{"network", c.Network, []string{"", "tls", "tcp", "udp"}},
		{"tls", c.TLS, []string{"", "starttls", "tls", "none"}},
	} {
		if !slices.Contains(v.want, v.value) {
			return v.key, fmt.Errorf("want one of %s", strings.Join(v.want[1:], ", "))
		}
	}
	if c.URL != "" {
		if err := checkURL(c.URL, egress); err != nil {
			return "url", err
		}
	}
	if c.Address != "" {
		if err := checkAddress(c.Address, egress); err != nil {
			return "address", err
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return "certFile", fmt.Errorf("certFile and keyFile belong together")
	}
	if c.Template != "" {
		if _, err := parseTemplate(c.Template); err != nil {
			return "template", err
		}
	}
	return "", nil
}

// checkURL does not quote the URL: it may hold a secret.
func checkURL(raw string, egress []string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return fmt.Errorf("want a URL that begins with https:// or http://")
	case u.User != nil:
		return fmt.Errorf("the URL holds a user or a password: take it out; tokenFile gives a token")
	}
	return mayReach(hostPort(u), egress)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Hostname() + ":" + port
}

// mayReach is whether the allow-list has a host.
func mayReach(address string, egress []string) error {
	host := address[:strings.LastIndex(address, ":")]
	if egress == nil || audit.AnyGlob(egress, address) || audit.AnyGlob(egress, strings.Trim(host, "[]")) {
		return nil
	}
	return fmt.Errorf("%s is not among the hosts that egress allows", address)
}

// Route is which alerts the sink is told of.
func (c *Config) Route() audit.Route {
	states := kinds()[c.Type].states
	if c.States != nil {
		states = *c.States
	}
	return audit.Route{Sink: c.Name, MinSeverity: c.MinSeverity, Rules: c.Rules, States: states}
}

// New makes a sink of a Config that is well; what it names is read.
func New(c Config, o Options) (Sink, error) {
	if _, err := c.Check(o.Egress); err != nil {
		return nil, fmt.Errorf("sink %s: %w", c.Name, err)
	}
	c.Redact = cmp.Or(c.Redact, NamesOnly)
	s, err := kinds()[c.Type].make(&c, &o)
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", c.Name, err)
	}
	return s, nil
}
