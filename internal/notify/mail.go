package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"text/template"

	"recourse/audit"
)

// A mailer sends a mail a delivery. Its Message-ID is made of the key, by which
// mail systems know a message that came twice; what belongs to one alert is one
// thread.
type mailer struct {
	address, host string
	how           string // starttls, tls or none
	trust         *tls.Config
	from          *mail.Address
	to            []*mail.Address
	username      string
	password      secret
	redact        redactor
	template      *template.Template // of the text
}

func newMail(c *Config, o *Options) (Sink, error) {
	trust, err := tlsConfig(c, o)
	if err != nil {
		return nil, err
	}
	m := &mailer{address: c.Address, how: cmp.Or(c.TLS, "starttls"), trust: trust, username: c.Username, host: cmp.Or(headerText(o.Host, 255), "recourse"),
		password: secret{file: c.PasswordFile, env: c.PasswordEnv, lookup: o.Lookup}, redact: redactor{c.Redact, o.Salt}}
	if m.from, err = mail.ParseAddress(c.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	for _, to := range c.To {
		a, err := mail.ParseAddress(to)
		if err != nil {
			return nil, fmt.Errorf("to: %w", err)
		}
		m.to = append(m.to, a)
	}
	if (m.username != "") != m.password.there() {
		return nil, errors.New("username and a password belong together")
	}
	if m.username != "" && m.how == "none" {
		return nil, errors.New("a password is not sent without TLS")
	}
	m.template, err = templateOf(c)
	return m, err
}

// Send sends the delivery as one mail.
func (m *mailer) Send(ctx context.Context, d *audit.Delivery) (Result, error) {
	doc := m.redact.document(d)
	text, trouble := plainText(doc), ""
	if m.template != nil {
		var b []byte
		b, trouble = render(m.template, doc)
		text = string(b)
	}
	message, err := m.message(doc, text)
	if err == nil {
		err = m.send(ctx, message)
	}
	if err != nil {
		return Result{}, fmt.Errorf("send mail through %s: %w", m.address, err)
	}
	return Result{Trouble: trouble}, nil
}

func (m *mailer) message(d *Document, text string) ([]byte, error) {
	var b bytes.Buffer
	var to []string
	for _, a := range m.to {
		to = append(to, a.String())
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	id := func(key string) string {
		return "<recourse." + headerText(key, 200) + "@" + headerText(domain, 200) + ">"
	}
	head := [][2]string{
		{"From", m.from.String()}, {"To", strings.Join(to, ",\r\n ")}, {"Subject", mime.QEncoding.Encode("utf-8", cut(headline(d), 200))},
		{"Date", audit.Time(d.Time).Go().Format("Mon, 02 Jan 2006 15:04:05 -0700")}, {"Message-ID", id(d.Key)},
		{"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
		{"Auto-Submitted", "auto-generated"},
	}
	if first := d.ID + "-1"; first != d.Key {
		head = append(head, [2]string{"In-Reply-To", id(first)}, [2]string{"References", id(first)})
	}
	for _, h := range head {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

func (m *mailer) send(ctx context.Context, message []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	host, _, err := net.SplitHostPort(m.address)
	if err != nil {
		return err
	}
	trust := m.trust.Clone()
	trust.ServerName = cmp.Or(trust.ServerName, host)
	if m.how == "tls" {
		conn = tls.Client(conn, trust)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := m.greet(c, host, trust); err != nil {
		return err
	}
	if err := hand(c, m.from, m.to, message); err != nil {
		return smtpError(err)
	}
	// It is taken; whether we part well does not matter.
	_ = c.Quit()
	return nil
}

// greet says who we are, over TLS unless the configuration wants none.
func (m *mailer) greet(c *smtp.Client, host string, trust *tls.Config) error {
	if err := c.Hello(m.host); err != nil {
		return err
	}
	if m.how == "starttls" {
		if there, _ := c.Extension("STARTTLS"); !there {
			return errors.New("the server offers no STARTTLS")
		}
		if err := c.StartTLS(trust); err != nil {
			return err
		}
	}
	if m.username == "" {
		return nil
	}
	password, err := m.password.read()
	if err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", m.username, password, host)); err != nil {
		var e *textproto.Error
		if errors.As(err, &e) {
			return fmt.Errorf("the server refuses the password: %d", e.Code) // its text may quote what was sent
		}
		return err
	}
	return nil
}

// hand gives the server the message.
func hand(c *smtp.Client, from *mail.Address, to []*mail.Address, message []byte) error {
	if err := c.Mail(from.Address); err != nil {
		return err
	}
	for _, a := range to {
		if err := c.Rcpt(a.Address); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	return w.Close()
}

// smtpError tells the answers that say never from those that say not now.
func smtpError(err error) error {
	var e *textproto.Error
	if !errors.As(err, &e) {
		return err
	}
	err = fmt.Errorf("it answers %d: %s", e.Code, cut(clean(e.Msg), 200))
	if e.Code/100 == 5 && e.Code != 530 && e.Code != 535 {
		return &RefusedError{err}
	}
	return err
}
