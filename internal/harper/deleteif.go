package harper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"recourse/audit"
)

// ErrNoCondition says that a deletion cannot be made to depend on what the record
// holds: nothing was sent. Use [Client.Delete].
var ErrNoCondition = errors.New("no condition can be put on the deletion")

// Names and texts that stand for themselves in a query, whatever reads it.
var (
	plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
)

// mostConditions is how many attributes a deletion is made to depend on.
const mostConditions = 4

// mostDigits is how long a number in a condition may be: every reader takes such
// a one for the same integer.
const mostDigits = 9

// DeleteIf deletes one record if it still has the values, or some of them: those
// that can be said exactly in a query. It reports whether Harper was asked to;
// if the record did not have them when it was looked at, it was not, and err is
// nil. Whether a deletion that was asked for was made, its answer does not say.
//
// The query is tried out first, by reading with it: a deletion whose query is
// lost on the way, or means something else to the server, would empty the table.
// It returns ErrNoCondition where none can be said, and ErrNotExported for a table
// without REST.
func (c *Client) DeleteIf(ctx context.Context, t audit.Table, id audit.ID, only map[string]audit.Value) (asked bool, err error) {
	op := "DELETE " + t.String()
	u, err := c.conditional(ctx, t, id, only)
	if err != nil {
		return false, fmt.Errorf("%s: %w", op, err)
	}
	found, err := c.alone(ctx, t, u, id)
	if err != nil || !found {
		return false, err
	}
	resp, err := c.do(ctx, call{op: op, method: http.MethodDelete, url: u, write: true})
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	return true, nil
}

// conditional is the address of the records that have an id and some values.
func (c *Client) conditional(ctx context.Context, t audit.Table, id audit.ID, only map[string]audit.Value) (*url.URL, error) {
	if _, err := guardID(id); err != nil {
		return nil, err
	}
	r, err := c.resourceOf(ctx, t)
	if err != nil {
		return nil, err
	}
	key, ok := condition(r.primaryKey, r.keyType, id.Value())
	if !ok {
		return nil, ErrNoCondition
	}
	parts := []string{key}
	for _, name := range slices.Sorted(maps.Keys(only)) {
		kind, declared := r.typeOf(name)
		if part, ok := condition(name, kind, only[name]); ok && declared && name != r.primaryKey && len(parts) <= mostConditions {
			parts = append(parts, part)
		}
	}
	if len(parts) == 1 {
		return nil, ErrNoCondition
	}
	u := c.restURL(r.name, "")
	u.Path += "/"
	u.RawQuery = strings.Join(parts, "&")
	return u, nil
}

// typeOf is the type of an attribute, and whether it is declared: Harper answers
// 404 to a condition on another.
func (r *resource) typeOf(name string) (string, bool) {
	i := slices.IndexFunc(r.attributes, func(a Attribute) bool { return a.Name == name })
	if i < 0 {
		return "", false
	}
	return r.attributes[i].Type, true
}

// condition is name==value, and whether that can be said.
func condition(name, kind string, v audit.Value) (string, bool) {
	if !plainName.MatchString(name) {
		return "", false
	}
	switch {
	case v.Kind() == audit.KindText && (kind == "Any" || kind == "" || kind == "String" || kind == "ID"):
		return name + "==" + v.Text(), plainWord.MatchString(v.Text()) && plainText(v.Text())
	case v.Kind() == audit.KindInt && (kind == "Any" || kind == "" || kind == "Int" || kind == "Long"):
		text := v.JSON()
		return name + "==" + string(text), len(text) <= mostDigits
	}
	return "", false
}

// alone says whether the query finds the one record, and nothing else.
func (c *Client) alone(ctx context.Context, t audit.Table, u *url.URL, id audit.ID) (bool, error) {
	op := "GET " + t.String()
	resp, err := c.do(ctx, call{op: op, method: http.MethodGet, url: u})
	if err != nil {
		return false, err
	}
	v, err := readAll(op, resp, false)
	if err != nil {
		return false, err
	}
	r, err := c.resourceOf(ctx, t)
	if err != nil {
		return false, err
	}
	for e := range v.Elems() {
		if got, err := audit.IDOf(e.Get(r.primaryKey)); v.Len() != 1 || err != nil || got != id {
			return false, fmt.Errorf("%s: %w: the query finds other records", op, ErrNoCondition)
		}
	}
	if v.Kind() != audit.KindArray {
		return false, fmt.Errorf("%s: %w: the answer is no list", op, ErrNoCondition)
	}
	return v.Len() == 1, nil
}
