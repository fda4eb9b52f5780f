package harper

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"strings"
	"syscall"

	"recourse/audit"
)

// Errors that callers ask for with errors.Is.
var (
	// ErrUnauthorized: Harper did not accept the credentials, or there were none.
	ErrUnauthorized = errors.New("harper did not accept the credentials")
	// ErrForbidden: the user's role does not allow the operation.
	ErrForbidden = errors.New("harper does not allow this user the operation")
	// ErrNotFound: there is no such database, table or REST resource.
	ErrNotFound = errors.New("harper has no such thing")
	// ErrUnreachable: no answer came at all.
	ErrUnreachable = errors.New("harper is not reachable")
	// ErrTimeout: the connection stood, but Harper sent nothing for Options.Timeout.
	ErrTimeout = errors.New("harper sent nothing for too long")
	// ErrBusy: Harper has too much to do and asks to come later; nothing was written.
	ErrBusy = errors.New("harper is too busy")
	// ErrOutcomeUnknown: a write was sent and no answer came, so that it may or
	// may not have happened.
	ErrOutcomeUnknown = errors.New("whether the write happened is not known")
)

// An Error is Harper's answer that it did not do what it was asked.
type Error struct {
	Op      string   // the operation, or the REST method and table
	Status  int      // of HTTP; 200 when the error stood in a good answer
	Message string   // Harper's own words
	Denied  []string // of a 403: what the role lacks, if Harper said so
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: harper answered %d: %s", e.Op, e.Status, e.Message)
	if len(e.Denied) > 0 {
		s += " (" + strings.Join(e.Denied, "; ") + ")"
	}
	return s
}

// Is says which of the package's errors e is.
func (e *Error) Is(target error) bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrForbidden
	case http.StatusNotFound:
		return target == ErrNotFound
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return target == ErrBusy
	}
	return false
}

// Hint says what a person can do.
func (e *Error) Hint() string {
	switch {
	case e.Status == http.StatusUnauthorized && strings.Contains(e.Message, "inactive"):
		return "the user is set inactive; have an administrator activate it or use another"
	case e.Status == http.StatusUnauthorized:
		return "check --username and --password-file, or HARPER_CLI_USERNAME and HARPER_CLI_PASSWORD"
	case e.Status == http.StatusForbidden && e.Op == "read_audit_log":
		return "reading the audit log needs a super_user, or from Harper 5 a role with the operation read_audit_log"
	case e.Status == http.StatusForbidden:
		return "use a user whose role allows this operation"
	case e.Status == http.StatusNotFound && e.Op == "describe_all":
		return "check that the target is Harper's operations API (port 9925 by default), and not its REST port"
	case e.Status == http.StatusNotFound:
		return "check the names of database and table; Harper tells upper from lower case"
	case e.Status >= 300 && e.Status < 400:
		return "set the target to the address that Harper itself listens on"
	case e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests:
		return "wait and try again"
	case e.Status == http.StatusNotAcceptable || e.Status == http.StatusUnsupportedMediaType, e.Status == http.StatusOK && e.Op == "":
		return "check that the target is Harper's operations API (port 9925 by default)"
	}
	return ""
}

// A transportError says that a request got no answer.
type transportError struct {
	op     string
	target string
	sent   bool // the request may have reached Harper
	write  bool
	err    error
}

func (e *transportError) Error() string {
	s := fmt.Sprintf("%s: reach %s: %v", e.op, e.target, e.err)
	if e.write && e.sent {
		s += "; " + ErrOutcomeUnknown.Error()
	}
	return s
}

func (e *transportError) Unwrap() error { return e.err }

func (e *transportError) Is(target error) bool {
	return target == ErrUnreachable && !errors.Is(e.err, ErrTimeout) ||
		target == ErrOutcomeUnknown && e.write && e.sent
}

// Hint says what a person can do.
func (e *transportError) Hint() string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(e.err, &unknown):
		return "name the authority's certificate with --ca-file"
	case errors.As(e.err, &host):
		return "use a host name that the server's certificate has"
	case errors.As(e.err, &record), strings.Contains(e.err.Error(), "HTTP response to HTTPS client"):
		return "the port does not speak TLS; try http:// or another port"
	case errors.As(e.err, &dns):
		return "check the host name of the target"
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return "check that Harper runs and that the port is that of its operations API (9925 by default)"
	case errors.Is(e.err, fs.ErrPermission):
		return "this user may not open Harper's socket"
	case errors.Is(e.err, fs.ErrNotExist):
		return "there is no such socket; Harper's is operations-server in its root folder"
	case errors.Is(e.err, ErrTimeout):
		return "Harper may be busy with a long transaction; allow more time or read a smaller window"
	}
	return "check the target's address and the network between"
}

// answerError makes an Error of an answer that is not good. Harper's bodies are
// objects, strings, fastify's shape, problem objects, or plain text.
func answerError(op string, resp *http.Response) error {
	const enough = 64 << 10
	e := &Error{Op: op, Status: resp.StatusCode}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, enough))
	v, err := decodeBody(resp.Header, raw)
	if err != nil {
		v = audit.Text(strings.TrimSpace(string(raw)))
	}
	e.Message, e.Denied = message(v), denied(v.Get("unauthorized_access"))
	if to := resp.Header.Get("Location"); resp.StatusCode/100 == 3 && to != "" {
		e.Message = "a redirect, which is not followed"
	}
	if e.Message == "" {
		e.Message = http.StatusText(e.Status)
	}
	return e
}

// A language is what an answer is written in.
type language uint8

const (
	foreign  language = iota // neither
	unstated                 // no content type, as with some of Harper's refusals
	inCBOR
	inJSON
	inEvents // an open stream of server-sent events
)

func languageOf(h http.Header) language {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case kind == "":
		return unstated
	case kind == mimeCBOR:
		return inCBOR
	case kind == mimeJSON || strings.HasSuffix(kind, "+json"):
		return inJSON
	case kind == mimeEvents:
		return inEvents
	}
	return foreign
}

// decodeBody makes a value of a whole body.
func decodeBody(h http.Header, raw []byte) (audit.Value, error) {
	switch languageOf(h) {
	case inCBOR:
		return audit.Decode(raw)
	case inJSON:
		return audit.FromJSON(raw)
	case inEvents: // a refusal, which is one event
		return audit.FromJSON(bytes.TrimPrefix(bytes.TrimSpace(raw), []byte("data: ")))
	case unstated:
		if len(raw) > 0 && raw[0]>>5 == cborMap {
			return audit.Decode(raw)
		}
		return audit.FromJSON(raw)
	}
	return nil, notSpoken(h)
}

func notSpoken(h http.Header) error {
	return fmt.Errorf("content type %q is neither CBOR nor JSON", h.Get("Content-Type"))
}

// message is the text of an error, whatever its shape, cut to what fits a line.
func message(v audit.Value) string {
	s := ""
	switch v.Kind() {
	case audit.KindText:
		s = v.Text()
	case audit.KindObject:
		for _, name := range []string{"message", "title", "detail", "error"} {
			if field := v.Get(name); field.Kind() == audit.KindText && field.Text() != "" {
				s = field.Text()
				break
			}
		}
		if s == "" {
			s = v.JSON()
		}
	case audit.KindMissing, audit.KindNull:
	default:
		s = v.JSON()
	}
	return oneLine(s)
}

// oneLine keeps what a server sends from writing over a terminal.
func oneLine(s string) string {
	const longest = 500
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if s = strings.TrimSpace(s); len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

// denied lists what a 403 says the role lacks: texts, or objects that name a
// table and its permissions.
func denied(v audit.Value) []string {
	var list []string
	for e := range v.Elems() {
		if e.Kind() == audit.KindText {
			list = append(list, oneLine(e.Text()))
			continue
		}
		var needs []string
		for p := range e.Get("required_table_permissions").Elems() {
			needs = append(needs, p.Text())
		}
		list = append(list, oneLine(fmt.Sprintf("%s.%s needs %s", e.Get("schema").Text(), e.Get("table").Text(), strings.Join(needs, ", "))))
	}
	return list
}
