package harper

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"recourse/audit"
)

// ServerTime is the server's clock: a moment not after that at which it
// answered, and by how much it may be before it. That is a millisecond, or a
// second where the user may not ask for the time and only the Date of the
// answer tells it.
func (c *Client) ServerTime(ctx context.Context) (audit.Time, time.Duration, error) {
	const op = "system_information"
	body := audit.Object(map[string]audit.Value{
		"operation":  audit.Text(op),
		"attributes": audit.Array(audit.Text("time")),
	})
	var header http.Header
	resp, err := c.do(ctx, call{
		op: op, method: http.MethodPost, url: c.ops, body: encodeForHarper(body),
		heard: func(h http.Header) { header = h },
	})
	var refused *Error
	switch {
	case err == nil:
		if v, err := readAll(op, resp, false); err == nil {
			if ms, ok := v.Get("time").Get("current").Float64(); ok && ms > 0 {
				return audit.Time(ms), time.Millisecond, nil
			}
		}
	case !errors.As(err, &refused) || errors.Is(err, ErrUnauthorized):
		return 0, 0, err
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0, 0, fmt.Errorf("read the server's time: no operation and no Date tells it: %w", err)
	}
	return audit.TimeOf(date), time.Second, nil
}

// Version is the server's version, such as 5.1.14. Harper tells it in
// registration_info, or else in the description of its REST API, and both to
// super users only: ErrForbidden.
func (c *Client) Version(ctx context.Context) (string, error) {
	const op = "registration_info"
	v, err := c.ask(ctx, op, audit.Object(map[string]audit.Value{"operation": audit.Text(op)}), false)
	if version := v.Get("version").Text(); err == nil && version != "" {
		return version, nil
	}
	if err != nil && (errors.Is(err, ErrUnreachable) || errors.Is(err, ErrUnauthorized) || ctx.Err() != nil) {
		return "", err
	}
	u := *c.ops
	u.Path += "/api/openapi/rest"
	resp, err := c.do(ctx, call{op: "openapi", method: http.MethodGet, url: &u, json: true})
	if err != nil {
		return "", fmt.Errorf("find Harper's version: %w", err)
	}
	v, err = readAll("openapi", resp, false)
	if err != nil {
		return "", fmt.Errorf("find Harper's version: %w", err)
	}
	if version := v.Get("info").Get("version").Text(); version != "" {
		return version, nil
	}
	return "", &Error{Op: "openapi", Status: 200, Message: "the answer names no version"}
}
