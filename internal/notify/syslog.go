package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"text/template"
	"time"

	"recourse/audit"
)

// A syslog sends messages of RFC 5424: over TLS as RFC 5425 has it, over TCP with
// the same framing (RFC 6587), or as datagrams (RFC 5426), of which nobody learns
// whether they arrive. Each message has a connection of its own, and counts as taken
// when the receiver has closed it or says nothing against it.
type syslog struct {
	network, address string
	trust            *tls.Config
	redact           redactor
	form             string // empty: the message is the title
	template         *template.Template
	host             string
}

func newSyslog(c *Config, o *Options) (Sink, error) {
	trust, err := tlsConfig(c, o)
	if err != nil {
		return nil, err
	}
	t, err := templateOf(c)
	return &syslog{cmp.Or(c.Network, "tls"), c.Address, trust, redactor{c.Redact, o.Salt}, c.Form, t, cmp.Or(headerText(o.Host, 255), "-")}, err
}

// checkAddress is whether an address is HOST:PORT and may be reached.
func checkAddress(address string, egress []string) error {
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
		return fmt.Errorf("want HOST:PORT")
	}
	return mayReach(address, egress)
}

// Send sends the delivery as one message.
func (s *syslog) Send(ctx context.Context, d *audit.Delivery) (Result, error) {
	doc := s.redact.document(d)
	text, trouble, err := []byte(headline(doc)), "", error(nil)
	if s.form != "" || s.template != nil {
		text, trouble, err = content(doc, s.form, s.template)
	}
	if err == nil {
		err = s.send(ctx, s.message(doc, text))
	}
	if err != nil {
		return Result{}, fmt.Errorf("send to %s: %w", s.address, err)
	}
	return Result{Trouble: trouble}, nil
}

// facility is that of log audits.
const facility = 13

// message is a message as RFC 5424 has it. Line ends would end it for many readers.
func (s *syslog) message(d *Document, text []byte) []byte {
	severity := [...]int{5, 6, 5, 4, 3, 2}[rank(d.Severity)]
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%d>1 %s %s recourse %d %s ", facility*8+severity, time.UnixMilli(int64(d.Time)).UTC().Format("2006-01-02T15:04:05.000Z"), s.host, os.Getpid(), cmp.Or(headerText(d.Rule, 32), "-"))
	// 32473 is the number that RFC 5612 keeps for names that nobody registered.
	b.WriteString("[alert@32473")
	for _, p := range [][2]string{{"key", d.Key}, {"id", d.ID}, {"notice", d.Notice}, {"severity", d.Severity}, {"state", d.State}, {"rule", d.Rule}, {"count", strconv.Itoa(d.Count)}, {"user", d.Group["user"]}, {"table", d.Group["table"]}} {
		if p[1] != "" {
			fmt.Fprintf(&b, ` %s="%s"`, p[0], strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(p[1]))
		}
	}
	b.WriteString("] \xef\xbb\xbf")
	b.WriteString(strings.NewReplacer("\r", " ", "\n", " ").Replace(string(text)))
	return b.Bytes()
}

// headerText is printable ASCII without spaces, as the parts of a header are.
func headerText(s string, n int) string {
	return cutBytes(strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s), n)
}

func cutBytes(s string, n int) string { return s[:min(len(s), n)] }

// patience is how long a receiver has to say something against a message.
const patience = 2 * time.Second

func (s *syslog) send(ctx context.Context, message []byte) error {
	network := "tcp"
	if s.network == "udp" {
		network = "udp"
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if s.network == "udp" {
		_, err := conn.Write(message)
		return err
	}
	if s.network == "tls" {
		host, _, err := net.SplitHostPort(s.address)
		if err != nil {
			return err
		}
		trust := s.trust.Clone()
		trust.ServerName = cmp.Or(trust.ServerName, host)
		secured := tls.Client(conn, trust)
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = secured
	}
	if _, err := conn.Write(append(fmt.Appendf(nil, "%d ", len(message)), message...)); err != nil {
		return err
	}
	return taken(conn)
}

// taken ends our side of a connection and looks whether the other side had taken
// what was sent: one that is half closed resets it.
func taken(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return err
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
