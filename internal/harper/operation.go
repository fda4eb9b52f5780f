package harper

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"recourse/audit"
)

// maxAnswer is the most bytes of an answer that is read whole.
const maxAnswer = 256 << 20

// ask sends an operation and reads its whole answer.
func (c *Client) ask(ctx context.Context, op string, body audit.Value, write bool) (audit.Value, error) {
	resp, err := c.do(ctx, call{op: op, method: http.MethodPost, url: c.ops, body: encodeForHarper(body), write: write})
	if err != nil {
		return nil, err
	}
	return readAll(op, resp, write)
}

// readAll reads and closes the body of a good answer.
func readAll(op string, resp *http.Response, write bool) (audit.Value, error) {
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		err = fmt.Errorf("%s: read answer: %w", op, err)
	case len(raw) > maxAnswer:
		err = fmt.Errorf("%s: read answer: %w", op, errTooLarge)
	case len(raw) == 0:
		return nil, nil
	}
	var v audit.Value
	if err == nil {
		if v, err = decodeBody(resp.Header, raw); err != nil {
			err = &Error{Op: op, Status: resp.StatusCode, Message: "an answer that cannot be read: " + oneLine(err.Error())}
		}
	}
	if err != nil && write {
		err = fmt.Errorf("%w; %w", err, ErrOutcomeUnknown)
	}
	return v, err
}

// Call asks for any operation of the operations API and returns its whole
// answer. What it takes as parameters is what [audit.Of] takes. It passes the
// guard too, so it cannot delete a record without an id.
func (c *Client) Call(ctx context.Context, operation map[string]any) (audit.Value, error) {
	body, err := audit.Of(operation)
	if err != nil {
		return nil, err
	}
	op := body.Get("operation").Text()
	if err := guardOperation(op, body); err != nil {
		return nil, err
	}
	return c.ask(ctx, op, body, !onlyReads(op))
}

// onlyReads says that an operation changes nothing, by its name.
func onlyReads(op string) bool {
	for _, prefix := range []string{"describe_", "get_", "list_", "read_", "search_", "system_information", "registration_info", "user_info", "cluster_status"} {
		if strings.HasPrefix(op, prefix) {
			return true
		}
	}
	return false
}

// request is the body of an operation on a table. Harper wants the database
// under one name or the other, depending on the version; it gets both.
func request(op string, t audit.Table, more map[string]audit.Value) audit.Value {
	fields := map[string]audit.Value{
		"operation": audit.Text(op),
		"schema":    audit.Text(t.Database),
		"database":  audit.Text(t.Database),
		"table":     audit.Text(t.Name),
	}
	maps.Copy(fields, more)
	return audit.Object(fields)
}
