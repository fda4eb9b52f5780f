package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"recourse/internal/notify"
)

// A sinkConfig is one of the sinks that the configuration names, and where it does.
type sinkConfig struct {
	notify.Config
	node ast.Node
}

// sinkKeys are the keys of a sink.
type sinkKeys struct {
	Name         string   `yaml:"name"`
	Type         string   `yaml:"type"`
	URL          string   `yaml:"url"`
	URLFile      string   `yaml:"urlFile"`
	URLEnv       string   `yaml:"urlEnv"`
	SecretFile   string   `yaml:"secretFile"`
	SecretEnv    string   `yaml:"secretEnv"`
	TokenFile    string   `yaml:"tokenFile"`
	TokenEnv     string   `yaml:"tokenEnv"`
	Address      string   `yaml:"address"`
	Network      string   `yaml:"network"`
	TLS          string   `yaml:"tls"`
	From         string   `yaml:"from"`
	To           []string `yaml:"to"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"passwordFile"`
	PasswordEnv  string   `yaml:"passwordEnv"`
	Path         string   `yaml:"path"`
	Form         string   `yaml:"form"`
	CAFile       string   `yaml:"caFile"`
	CertFile     string   `yaml:"certFile"`
	KeyFile      string   `yaml:"keyFile"`
	MinSeverity  string   `yaml:"minSeverity"`
	Rules        []string `yaml:"rules"`
	States       *bool    `yaml:"states"`
	Redact       string   `yaml:"redact"`
	Template     string   `yaml:"template"`
	TemplateFile string   `yaml:"templateFile"`
	MaxAge       duration `yaml:"maxAge"`
	Timeout      duration `yaml:"timeout"`
	Repeat       duration `yaml:"repeat"`
	ActiveFor    duration `yaml:"activeFor"`
}

// UnmarshalYAML reads a sink, as strictly as the whole file is read.
func (s *sinkConfig) UnmarshalYAML(node ast.Node) error {
	var k sinkKeys
	if err := yaml.NodeToValue(node, &k, yaml.Strict()); err != nil {
		return err
	}
	s.node = node
	s.Config = notify.Config{
		Name: k.Name, Type: k.Type, URL: k.URL, URLFile: k.URLFile, URLEnv: k.URLEnv, SecretFile: k.SecretFile, SecretEnv: k.SecretEnv,
		TokenFile: k.TokenFile, TokenEnv: k.TokenEnv, Address: k.Address, Network: k.Network, TLS: k.TLS, From: k.From, To: k.To,
		Username: k.Username, PasswordFile: k.PasswordFile, PasswordEnv: k.PasswordEnv, Path: k.Path, Form: k.Form,
		CAFile: k.CAFile, CertFile: k.CertFile, KeyFile: k.KeyFile, MinSeverity: k.MinSeverity, Rules: k.Rules, States: k.States,
		Redact: notify.Redaction(k.Redact), Template: k.Template, TemplateFile: k.TemplateFile,
		MaxAge: time.Duration(k.MaxAge), Timeout: time.Duration(k.Timeout), Repeat: time.Duration(k.Repeat), ActiveFor: time.Duration(k.ActiveFor),
	}
	return nil
}

// checkSinks says which of the sinks is wrong, and where.
func (c *config) checkSinks(path string) error {
	named := map[string]bool{}
	for i := range c.Sinks {
		s := &c.Sinks[i]
		key, err := s.Check(c.Egress)
		if err == nil && named[s.Name] {
			key, err = "name", fmt.Errorf("another sink has the name %s", s.Name)
		}
		if err != nil {
			return badConfig(path, &yaml.SyntaxError{Message: err.Error(), Token: s.at(key)})
		}
		named[s.Name] = true
	}
	return nil
}

// at is where the sink has a key, or where it begins.
func (s *sinkConfig) at(key string) *token.Token {
	if m, ok := s.node.(*ast.MappingNode); ok {
		for _, v := range m.Values {
			if v.Key.String() == key {
				return v.Key.GetToken()
			}
		}
		if len(m.Values) > 0 {
			return m.Values[0].Key.GetToken()
		}
	}
	return s.node.GetToken()
}

// inFolder makes the files that the configuration at path names relative to its own
// folder, so that it does not matter where the program is started. One that is not
// there, and that no sink names, is looked for where the command was called.
func (c *config) inFolder(e *env, path string) {
	dir := filepath.Dir(path)
	named := []*string{&c.PasswordFile, &c.CAFile, &c.CertFile, &c.KeyFile, &c.APITokenFile, &c.TLSCertFile, &c.TLSKeyFile, &c.Approvers}
	for i := range c.Rules {
		named = append(named, &c.Rules[i])
	}
	for _, p := range named {
		if *p == "" || filepath.IsAbs(*p) {
			continue
		}
		there := filepath.Join(dir, *p)
		if _, err := e.stat(there); err == nil {
			*p = there
		}
	}
	dir = e.at(dir) // sinks open their files by themselves
	for i := range c.Sinks {
		s := &c.Sinks[i]
		for _, p := range []*string{&s.URLFile, &s.SecretFile, &s.TokenFile, &s.PasswordFile, &s.TemplateFile, &s.CAFile, &s.CertFile, &s.KeyFile, &s.Path} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
	}
}
