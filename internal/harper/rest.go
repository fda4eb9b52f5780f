package harper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"recourse/audit"
)

// ErrNotExported says that a table has no REST API, or none that is certainly
// its own.
var ErrNotExported = errors.New("the table is not exported over REST")

// A resource is a table as the REST API knows it.
type resource struct {
	name       string // in the path
	primaryKey string
	keyType    string
	attributes []Attribute
}

// Exported says whether the table is exported over REST. It reads the
// resource's description, which changes nothing, and believes it only if it
// names this very database and table: tables of one name share a path.
func (c *Client) Exported(ctx context.Context, t audit.Table) (bool, error) {
	_, err := c.describeREST(ctx, t)
	if errors.Is(err, ErrNotExported) {
		return false, nil
	}
	return err == nil, err
}

// resourceOf is the table's resource, asked for once.
func (c *Client) resourceOf(ctx context.Context, t audit.Table) (*resource, error) {
	c.mu.Lock()
	r := c.resources[t]
	c.mu.Unlock()
	if r != nil {
		return r, nil
	}
	return c.describeREST(ctx, t)
}

func (c *Client) describeREST(ctx context.Context, t audit.Table) (*resource, error) {
	refuse := func(why string) (*resource, error) {
		return nil, fmt.Errorf("describe %s over REST: %w: %s", t, ErrNotExported, why)
	}
	if c.rest == nil {
		return refuse("no REST address is known")
	}
	name := t.Name
	if p := c.paths[t]; p != "" {
		name = p
	}
	if name == "" || escapeSegment(name) != name {
		return refuse("its name cannot stand in a path")
	}
	resp, err := c.do(ctx, call{op: "describe " + t.String(), method: http.MethodGet, url: c.restURL(name, "")})
	if errors.Is(err, ErrNotFound) {
		return refuse("there is no such path")
	}
	if err != nil {
		return nil, err
	}
	v, err := readAll("describe "+t.String(), resp, false)
	if err != nil {
		return nil, err
	}
	if v.Get("name").Text() != t.Name || v.Get("database").Text() != t.Database {
		return refuse(fmt.Sprintf("the path is that of %s.%s", v.Get("database").Text(), v.Get("name").Text()))
	}
	r := &resource{name: name}
	for a := range v.Get("attributes").Elems() {
		at := attribute(a)
		if r.attributes = append(r.attributes, at); at.PrimaryKey {
			r.primaryKey, r.keyType = at.Name, at.Type
		}
	}
	if r.primaryKey == "" {
		return refuse("its description names no primary key")
	}
	c.mu.Lock()
	c.resources[t] = r
	c.mu.Unlock()
	return r, nil
}

// restURL is the resource itself, or with a segment one of its records.
func (c *Client) restURL(name, segment string) *url.URL {
	u := *c.rest
	u.Path += "/" + name
	if segment != "" {
		plain, err := url.PathUnescape(segment)
		if err == nil {
			u.RawPath = u.EscapedPath() + "/" + segment
			u.Path += "/" + plain
		}
	}
	return &u
}

// record is the URL of one record, past the guard.
func (c *Client) record(ctx context.Context, t audit.Table, id audit.ID) (*url.URL, *resource, error) {
	v, err := guardID(id)
	if err != nil {
		return nil, nil, err
	}
	r, err := c.resourceOf(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	if strings.ContainsRune(v.Text(), '.') {
		// Only the attributes of this moment tell how Harper will take the dot.
		if r, err = c.describeREST(ctx, t); err != nil {
			return nil, nil, err
		}
	}
	segment, err := pathSegment(v, r.keyType, r.attributes)
	if err != nil {
		return nil, nil, err
	}
	if segment == "" {
		return nil, nil, fmt.Errorf("id %q: %w", string(id), ErrEmptyID)
	}
	return c.restURL(r.name, segment), r, nil
}

// GetREST reads one record as it is stored, and whether it is there. A caching
// table may fetch it from its source.
func (c *Client) GetREST(ctx context.Context, t audit.Table, id audit.ID) (audit.Value, bool, error) {
	op := "GET " + t.String()
	u, _, err := c.record(ctx, t, id)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", op, err)
	}
	resp, err := c.do(ctx, call{op: op, method: http.MethodGet, url: u})
	if errors.Is(err, ErrNotFound) {
		var e *Error
		if errors.As(err, &e) && e.Message == "Not found" {
			return nil, false, err // Harper's answer where there is no resource
		}
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	v, err := readAll(op, resp, false)
	if err != nil {
		return nil, false, err
	}
	return v, v.Kind() == audit.KindObject, nil
}

// Put replaces a record, or makes it: attributes that are not in the record are
// gone. It returns ErrIDNotOnREST, before anything is sent, for an id that a
// path cannot say, and ErrNotExported for a table without REST.
func (c *Client) Put(ctx context.Context, t audit.Table, id audit.ID, record audit.Value) error {
	return c.writeREST(ctx, http.MethodPut, t, id, record)
}

// Patch sets single attributes of a record and leaves the others, whatever they
// are by then; nested objects are replaced whole. An attribute
// {"__op__":"add","value":n} is added to. A record that is not there is made,
// without its primary key, so look first. Errors are those of Put.
func (c *Client) Patch(ctx context.Context, t audit.Table, id audit.ID, set audit.Value) error {
	return c.writeREST(ctx, http.MethodPatch, t, id, set)
}

func (c *Client) writeREST(ctx context.Context, method string, t audit.Table, id audit.ID, body audit.Value) error {
	op := method + " " + t.String()
	u, r, err := c.record(ctx, t, id)
	if err == nil {
		err = guardBody(r.primaryKey, id.Value(), body)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	resp, err := c.do(ctx, call{op: op, method: method, url: u, body: encodeForHarper(body), write: true})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	return nil
}
