package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Tokens are those who may ask, by the file that names them. A line of it is a name
// and a token, with a space between; what begins with # is a comment. The file is
// read again when it has changed: who is taken out may ask no more.
type Tokens struct {
	path string

	mu    sync.Mutex
	stamp fileStamp
	list  []bearer
	err   error // why the file cannot be read as it now is: nobody may ask
}

type bearer struct {
	name string
	sum  [sha256.Size]byte
}

// A fileStamp is another when a file has changed.
type fileStamp struct {
	size    int64
	changed time.Time
}

const (
	shortestToken  = 32
	longestTokens  = 1 << 20 // bytes of the file
	othersMayRead  = fs.FileMode(0o077)
	tokenAlphabet  = `[A-Za-z0-9._~+/=-]`
	tokenNameWords = `[A-Za-z0-9][A-Za-z0-9._@-]{0,63}`
)

var tokenLine = regexp.MustCompile(`^(` + tokenNameWords + `)[ \t]+(` + tokenAlphabet + `+)$`)

// A TokenError says what is wrong with a file of tokens. It quotes none of them.
type TokenError struct {
	path string
	line int // 0: the whole file
	why  string
}

func (e *TokenError) Error() string {
	if e.line == 0 {
		return fmt.Sprintf("read tokens: %s: %s", e.path, e.why)
	}
	return fmt.Sprintf("read tokens: %s:%d: %s", e.path, e.line, e.why)
}

// Hint says what to do.
func (e *TokenError) Hint() string {
	return "a line is a name and a token of at least 32 characters, such as `openssl rand -hex 32` makes; the file is for its owner alone (chmod 600)"
}

// ReadTokens reads a file of tokens.
func ReadTokens(path string) (*Tokens, error) {
	t := &Tokens{path: path}
	t.refresh()
	return t, t.err
}

// refresh reads the file if it has changed. The caller holds the lock, or nobody
// else has t.
func (t *Tokens) refresh() {
	info, err := os.Stat(t.path)
	if err != nil {
		t.list, t.stamp, t.err = nil, fileStamp{}, fmt.Errorf("read tokens: %w", err)
		return
	}
	if stamp := (fileStamp{info.Size(), info.ModTime()}); stamp == t.stamp && t.err == nil {
		return
	} else {
		t.stamp = stamp
	}
	t.list, t.err = readTokens(t.path, info)
}

func readTokens(path string, info fs.FileInfo) ([]bearer, error) {
	switch {
	case !info.Mode().IsRegular():
		return nil, &TokenError{path: path, why: "it is no file"}
	case info.Mode().Perm()&othersMayRead != 0:
		return nil, &TokenError{path: path, why: fmt.Sprintf("others may read it (mode %04o)", info.Mode().Perm())}
	case info.Size() > longestTokens:
		return nil, &TokenError{path: path, why: fmt.Sprintf("it is larger than %d bytes", longestTokens)}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	var list []bearer
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, longestTokens)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		parts := tokenLine.FindStringSubmatch(line)
		if parts == nil {
			return nil, &TokenError{path, n, "want a name and a token"}
		}
		if len(parts[2]) < shortestToken {
			return nil, &TokenError{path, n, fmt.Sprintf("the token has %d characters, want at least %d", len(parts[2]), shortestToken)}
		}
		next := bearer{parts[1], sha256.Sum256([]byte(parts[2]))}
		for _, other := range list {
			if other.name == next.name || other.sum == next.sum {
				return nil, &TokenError{path, n, fmt.Sprintf("the name, or the token, is that of %s above", other.name)}
			}
		}
		list = append(list, next)
	}
	if err := lines.Err(); err != nil {
		return nil, &TokenError{path: path, why: err.Error()}
	}
	if len(list) == 0 {
		return nil, &TokenError{path: path, why: "there is no token in it"}
	}
	return list, nil
}

// owner is whose token it is. The time it takes does not tell how much of a token
// is right.
func (t *Tokens) owner(given string) (name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh()
	sum := sha256.Sum256([]byte(given))
	for _, k := range t.list {
		if subtle.ConstantTimeCompare(k.sum[:], sum[:]) == 1 {
			name = k.name
		}
	}
	return name, t.err
}

// admit says who asks, or refuses.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (who string, ok bool) {
	if s.o.Local {
		return "local", true
	}
	if s.o.Tokens == nil {
		refuse(w, http.StatusForbidden, Outcome{Code: exitUsage, Message: "questions need a token, and this server has none",
			Hint: "start watch with --api-token-file, or ask over the socket in the data folder"})
		return "", false
	}
	kind, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	who, err := s.o.Tokens.owner(strings.TrimSpace(given))
	if err != nil {
		s.o.Log.Error("nobody may ask: the tokens cannot be read", "err", err)
		refuse(w, http.StatusServiceUnavailable, Outcome{Code: codeBusy, Message: "the tokens cannot be read; the log of the daemon says why"})
		return "", false
	}
	if !strings.EqualFold(kind, "Bearer") || who == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="recourse"`)
		refuse(w, http.StatusUnauthorized, Outcome{Code: exitUsage, Message: "the token is missing or unknown", Hint: "send Authorization: Bearer TOKEN"})
		s.o.Log.Warn("refused a question", "from", r.RemoteAddr, "route", r.Pattern)
		return "", false
	}
	return who, true
}
