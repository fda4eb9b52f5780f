package notify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// A secret is read anew whenever it is needed, so that it can be changed while the
// program runs. It never gets into an error.
type secret struct {
	file, env string
	lookup    func(string) (string, bool)
}

// maxSecret bounds what is read of a file that is none.
const maxSecret = 64 << 10

func (s secret) there() bool { return s.file != "" || s.env != "" }

func (s secret) read() (string, error) {
	if s.env != "" {
		v, _ := s.lookup(s.env)
		if v == "" {
			return "", fmt.Errorf("read secret: the environment has no %s", s.env)
		}
		return v, nil
	}
	f, err := os.Open(s.file)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch text := strings.TrimRight(string(b), "\r\n"); {
	case err != nil:
		return "", fmt.Errorf("read secret: %w", err)
	case text == "" || len(b) > maxSecret || strings.ContainsAny(text, "\r\n\x00"):
		return "", errors.New("read secret: " + s.file + " is not one line of text")
	default:
		return text, nil
	}
}
