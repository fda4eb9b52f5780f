package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/urfave/cli/v2"
)

// A config is the file recourse.yaml. A flag or an environment variable counts
// before it. There is no place in it for a password.
type config struct {
	Target             string     `yaml:"target"`
	Targets            []string   `yaml:"targets"` // the nodes of a cluster
	Discover           bool       `yaml:"discover"`
	Feeds              []string   `yaml:"feeds"`
	RESTTarget         string     `yaml:"restTarget"`
	Username           string     `yaml:"username"`
	PasswordFile       string     `yaml:"passwordFile"`
	CAFile             string     `yaml:"caFile"`
	CertFile           string     `yaml:"certFile"`
	KeyFile            string     `yaml:"keyFile"`
	InsecureSkipVerify bool       `yaml:"insecureSkipVerify"`
	Cluster            string     `yaml:"cluster"`
	Interval           duration   `yaml:"interval"`
	Overlap            duration   `yaml:"overlap"`
	Retention          duration   `yaml:"retention"`
	Rules              []string   `yaml:"rules"`
	Listen             string     `yaml:"listen"`
	ListenRemote       bool       `yaml:"listenRemote"`
	ListenHosts        []string   `yaml:"listenHosts"`
	APITokenFile       string     `yaml:"apiTokenFile"`
	TLSCertFile        string     `yaml:"tlsCertFile"`
	TLSKeyFile         string     `yaml:"tlsKeyFile"`
	Baseline           bool       `yaml:"baseline"`
	Memory             memorySize `yaml:"memory"`
	Approvers          string     `yaml:"approvers"` // the file that says who may approve plans

	Sinks      []sinkConfig `yaml:"sinks"`      // who is told of alerts
	Egress     []string     `yaml:"egress"`     // the hosts that sinks may reach; nil: those that they name
	MaxWaiting int          `yaml:"maxWaiting"` // deliveries that may wait for one sink
	By         string       `yaml:"by"`         // who acts on alerts, where no --by says so

	bulk  bool // much is going to be stored; the command says so, not the file
	alone bool // nothing else is done meanwhile
}

// targets are the nodes that the file names.
func (c *config) targets() []string {
	if len(c.Targets) == 0 && c.Target != "" {
		return []string{c.Target}
	}
	return c.Targets
}

// readConfig reads the file of --config or RECOURSE_CONFIG, which then has to
// be there, or else recourse.yaml in the data folder, which need not.
func readConfig(e *env, path, data string) (config, error) {
	var c config
	asked := path != ""
	if !asked {
		path = filepath.Join(data, "recourse.yaml")
	}
	raw, err := e.readFile(path)
	if !asked && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) {
		return c, nil
	}
	if err != nil {
		return c, inputErr(fmt.Errorf("read configuration: %w", err))
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict())
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) { // EOF: nothing is set
		return config{}, badConfig(path, err)
	}
	if err := c.checkSinks(path); err != nil {
		return config{}, err
	}
	if c.MaxWaiting < 0 {
		return config{}, inputErr(fmt.Errorf("read configuration: %s: maxWaiting is %d; want a number above 0", path, c.MaxWaiting))
	}
	c.inFolder(e, path)
	return c, nil
}

// configOf is the configuration, for a command that needs no data folder.
func configOf(c *cli.Context, e *env) (config, error) {
	dir, err := dataFolder(e, c.String("data"))
	if err != nil {
		return config{}, err
	}
	return readConfig(e, c.String("config"), dir)
}

// badConfig says where in the file the error is. It does not quote the file:
// somebody may have put a password into it.
func badConfig(path string, err error) error {
	out := &exitError{code: exitInput, err: fmt.Errorf("read configuration: %s: %w", path, err), hint: "docs/cli.md lists the keys"}
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil {
		pos := at.GetToken().Position
		message := at.GetMessage()
		var typ *yaml.TypeError
		if errors.As(err, &typ) {
			message = "want " + cmp.Or(map[reflect.Kind]string{reflect.Bool: "true or false", reflect.Slice: "a list"}[typ.DstType.Kind()], "text")
		}
		out.err = fmt.Errorf("read configuration: %s:%d:%d: %s", path, pos.Line, pos.Column, message)
	}
	return out
}

// A duration is written as Harper writes one: 3d, 12h, 500ms.
type duration time.Duration

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(node ast.Node) error {
	got, err := parseDuration(node.GetToken().Value)
	if err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: node.GetToken()}
	}
	*d = duration(got)
	return nil
}

// parseDuration is time.ParseDuration with days and weeks.
func parseDuration(s string) (time.Duration, error) {
	for unit, size := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			if f, err := strconv.ParseFloat(n, 64); err == nil && f >= 0 && f < 1e5 {
				return time.Duration(f * float64(size)), nil
			}
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration: write 3d, 12h, 500ms", s)
	}
	return d, nil
}

// dataFolder is where everything is kept.
func dataFolder(e *env, flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if d := e.get("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "recourse"), nil
	}
	if home := e.get("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "recourse"), nil
	}
	return "", usagef("find data folder: neither --data nor HOME is set")
}
