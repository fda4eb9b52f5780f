package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// A config is the file recourse.yaml. A flag or an environment variable counts
// before it. There is no place in it for a password.
type config struct {
	Target             []string `yaml:"target"`
	RESTTarget         string   `yaml:"restTarget"`
	Username           string   `yaml:"username"`
	PasswordFile       string   `yaml:"passwordFile"`
	CAFile             string   `yaml:"caFile"`
	CertFile           string   `yaml:"certFile"`
	KeyFile            string   `yaml:"keyFile"`
	InsecureSkipVerify bool     `yaml:"insecureSkipVerify"`
	Cluster            string   `yaml:"cluster"`
	Interval           duration `yaml:"interval"`
	Overlap            duration `yaml:"overlap"`
	Retention          duration `yaml:"retention"`
	Rules              []string `yaml:"rules"`
}

// readConfig reads the file of --config or RECOURSE_CONFIG, which then has to
// be there, or else recourse.yaml in the data folder, which need not.
func readConfig(path, data string) (config, error) {
	var c config
	asked := path != ""
	if !asked {
		path = filepath.Join(data, "recourse.yaml")
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return c, nil
	}
	if err != nil {
		return c, inputErr(fmt.Errorf("read configuration: %w", err))
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict())
	if err := dec.Decode(&c); err != nil && len(bytes.TrimSpace(raw)) > 0 {
		return config{}, inputErr(fmt.Errorf("read configuration: %s:%s", path, strings.TrimPrefix(err.Error(), "[")))
	}
	return c, nil
}

// A duration is written as Harper writes one: 3d, 12h, 500ms.
type duration time.Duration

// UnmarshalText reads a duration.
func (d *duration) UnmarshalText(b []byte) error {
	got, err := parseDuration(string(b))
	*d = duration(got)
	return err
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
