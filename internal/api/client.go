package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"recourse/query"
)

// A Client asks a daemon over HTTP.
type Client struct {
	// Base is the server's address, such as https://host:9927; empty: that of Socket.
	Base string
	// Token is what the server asks for; over Socket none is needed.
	Token string
	// Socket is the path of the socket in a data folder.
	Socket string
	// HTTP does the asking; nil: a client of its own for each question.
	HTTP *http.Client
}

var _ query.Searcher = (*Client)(nil)

// A QuestionError is why a question was not answered.
type QuestionError struct {
	Status   int // of HTTP
	Code     int // the exit code that the command would have
	Message  string
	hint     string
	Position int // where in the query it is wrong, in characters from 1; 0: nowhere
}

func (e *QuestionError) Error() string { return e.Message }

// Hint says what to do.
func (e *QuestionError) Hint() string { return e.hint }

// errCutOff says that an answer ended before all was said.
var errCutOff = errors.New("the answer broke off")

// Get asks a question, such as /v1/history, whose answer is one document.
func (c *Client) Get(ctx context.Context, path string, params url.Values, answer any) error {
	body, err := c.open(ctx, path, params, "application/json")
	if err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("read answer: %w: %w", errCutOff, err)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// Lines asks a question whose answer is a document a line; the last is
// {"summary":…}. An answer of any length takes the memory of a line.
func (c *Client) Lines(ctx context.Context, path string, params url.Values) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		body, err := c.open(ctx, path, params, ndjson)
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		r := bufio.NewReader(body)
		for {
			line, err := r.ReadBytes('\n')
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("read answer: %w: %w", errCutOff, err))
				return
			}
			if failed := failedLine(line); failed != nil {
				yield(nil, failed)
				return
			}
			if !yield(json.RawMessage(bytes.TrimSpace(line)), nil) {
				return
			}
		}
	}
}

// failedLine is the error that a line tells of, if it tells of one.
func failedLine(line []byte) error {
	if !bytes.HasPrefix(line, []byte(`{"error":{`)) {
		return nil
	}
	var body errorBody
	if json.Unmarshal(line, &body) != nil {
		return nil
	}
	return questionError(http.StatusOK, body)
}

func questionError(status int, b errorBody) *QuestionError {
	return &QuestionError{status, b.Error.Code, b.Error.Message, b.Error.Hint, b.Error.Position}
}

func (c *Client) open(ctx context.Context, path string, params url.Values, accept string) (io.ReadCloser, error) {
	base, client := c.Base, c.HTTP
	if base == "" {
		base = "http://localhost"
	}
	own := client == nil
	if own {
		t := &http.Transport{DisableKeepAlives: true}
		if c.Socket != "" {
			t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialLocal(ctx, c.Socket) }
		}
		client = &http.Client{Transport: t}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path+"?"+params.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", path, err)
	}
	req.Header.Set("Accept", accept)
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", path, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var body errorBody
	const longest = 1 << 20
	if err := json.NewDecoder(io.LimitReader(resp.Body, longest)).Decode(&body); err != nil || body.Error.Message == "" {
		return nil, &QuestionError{Status: resp.StatusCode, Message: "the server answers " + resp.Status}
	}
	return nil, questionError(resp.StatusCode, body)
}

// Search asks for a page of changes, or for all of them where the limit is 0. Parts
// of a query that have no words in the language cannot be asked. Explanation stays
// empty, as do fields of changes that JSON does not have.
func (c *Client) Search(ctx context.Context, q query.Query) (*query.Result, error) {
	params := url.Values{"q": {q.Expr.String()}, "limit": {strconv.Itoa(q.Limit)}}
	if q.After != "" {
		params.Set("after", q.After)
	}
	if q.Skip > 0 {
		params.Set("skip", strconv.Itoa(q.Skip))
	}
	out, ended := &query.Result{}, false
	for line, err := range c.Lines(ctx, "/v1/search", params) {
		if err != nil {
			return nil, err
		}
		var doc struct {
			Summary *summaryDoc `json:"summary"`
			changeDoc
		}
		if err := json.Unmarshal(line, &doc); err != nil {
			return nil, fmt.Errorf("read answer: %w", err)
		}
		if doc.Summary != nil {
			out.Summary, ended = doc.Summary.summary(), true
			continue
		}
		out.Changes = append(out.Changes, doc.change())
	}
	if !ended {
		return nil, fmt.Errorf("read answer: %w", errCutOff)
	}
	return out, nil
}
