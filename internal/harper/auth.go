package harper

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"

	"recourse/audit"
)

// An auth makes the Authorization header. It keeps the password behind a
// function, where nothing that prints values looks.
type auth struct {
	jwt   bool
	login func() (name, password string)

	mu      sync.Mutex
	token   string // for operations
	refresh string // buys another token
	stale   bool   // the token was refused as expired
}

// header is what to send; empty for no credentials. With JWT it asks for a
// token when there is none.
func (a *auth) header(ctx context.Context, c *Client) (string, error) {
	name, password := a.login()
	if name == "" {
		return "", nil
	}
	if !a.jwt {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)), nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && !a.stale {
		return "Bearer " + a.token, nil
	}
	if a.stale && a.refresh != "" {
		v, err := c.askToken(ctx, "refresh_operation_token", "Bearer "+a.refresh, nil)
		if err == nil {
			a.token, a.stale = v.Get("operation_token").Text(), false
			if a.token == "" {
				return "", errors.New("refresh_operation_token: the answer holds no token")
			}
			return "Bearer " + a.token, nil
		}
		if !errors.Is(err, ErrUnauthorized) {
			return "", err
		}
		a.refresh = "" // it has expired too: log in again
	}
	v, err := c.askToken(ctx, "create_authentication_tokens", "", map[string]audit.Value{
		"username": audit.Text(name), "password": audit.Text(password),
	})
	if err != nil {
		return "", err
	}
	a.token, a.refresh, a.stale = v.Get("operation_token").Text(), v.Get("refresh_token").Text(), false
	if a.token == "" {
		return "", errors.New("create_authentication_tokens: the answer holds no token")
	}
	return "Bearer " + a.token, nil
}

// expired says whether a request that was refused can be tried with another
// token. A refused token that someone else has replaced by now is tried again
// with theirs.
func (a *auth) expired(header string, err error) bool {
	var e *Error
	if !a.jwt || !errors.As(err, &e) {
		return false
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if token != a.token {
		return true
	}
	switch e.Message {
	case "token expired":
		a.stale = true
	case "invalid token": // the server has new keys; a refresh would be refused as well
		a.token, a.refresh = "", ""
	default:
		return false
	}
	return true
}

// askToken makes one exchange about tokens, past the usual credentials.
func (c *Client) askToken(ctx context.Context, op, authorization string, fields map[string]audit.Value) (audit.Value, error) {
	body := map[string]audit.Value{"operation": audit.Text(op)}
	maps.Copy(body, fields)
	resp, err := c.send(ctx, call{op: op, method: http.MethodPost, url: c.ops, body: encodeForHarper(audit.Object(body))}, authorization)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, answerError(op, resp)
	}
	v, err := readAll(op, resp, false)
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	return v, nil
}
