package harper

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const testdata = "../../testdata"

// A capture is a request to a real Harper and its answer.
type capture struct {
	path     string
	request  map[string]any
	status   int
	headers  map[string]string
	response json.RawMessage
}

// body is the answer as it was sent.
func (c capture) body(t testing.TB) []byte {
	t.Helper()
	var odd struct {
		Base64, Text *string
	}
	if json.Unmarshal(c.response, &odd) == nil {
		switch {
		case odd.Base64 != nil:
			raw, err := base64.StdEncoding.DecodeString(*odd.Base64)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		case odd.Text != nil:
			return []byte(*odd.Text)
		}
	}
	return c.response
}

func (c capture) accept() string {
	headers, _ := c.request["headers"].(map[string]any)
	accept, _ := headers["accept"].(string)
	return accept
}

// captures reads the files under a folder, of which those of an incident have
// the operation itself as their request.
func captures(t testing.TB, dir string) []capture {
	t.Helper()
	var list []capture
	err := filepath.WalkDir(filepath.Join(testdata, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var c struct {
			Request  map[string]any
			Status   int
			Headers  map[string]string
			Response json.RawMessage
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return err
		}
		if c.Request != nil {
			list = append(list, capture{path, c.Request, c.Status, c.Headers, c.Response})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (c capture) operation() string {
	if body, ok := c.request["body"].(map[string]any); ok {
		op, _ := body["operation"].(string)
		return op
	}
	op, _ := c.request["operation"].(string)
	return op
}

// auditCaptures are the good answers that hold an audit log.
func auditCaptures(t testing.TB, dir string) []capture {
	t.Helper()
	return slices.DeleteFunc(captures(t, dir), func(c capture) bool {
		op := c.operation()
		return c.status != 200 || op != "read_audit_log" && op != "read_transaction_log"
	})
}

// A rawGroup is a group as the standard library reads it.
type rawGroup struct {
	Error     *string           `json:"error"`
	Operation string            `json:"operation"`
	User      string            `json:"user_name"`
	Timestamp json.Number       `json:"timestamp"`
	Hashes    []json.RawMessage `json:"hash_values"`
	IDs       []json.RawMessage `json:"ids"`
	Records   []json.RawMessage `json:"records"`
}

// rawGroups reads an answer to a scan or to a search.
func rawGroups(t *testing.T, raw []byte) []rawGroup {
	t.Helper()
	var list []rawGroup
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var byKey map[string][]rawGroup
	if err := json.Unmarshal(raw, &byKey); err != nil {
		t.Fatal(err)
	}
	// Rows come in the order of the answer, which a map has lost.
	d := json.NewDecoder(bytes.NewReader(raw))
	_, _ = d.Token()
	for d.More() {
		_, _ = d.Token()
		var groups []rawGroup
		if err := d.Decode(&groups); err != nil {
			t.Fatal(err)
		}
		list = append(list, groups...)
	}
	return list
}

func collect(raw []byte, o DecodeOptions) (rows []AuditRow, err error) {
	for r, e := range DecodeAuditLog(bytes.NewReader(raw), o) {
		if e != nil {
			return rows, e
		}
		rows = append(rows, r)
	}
	return rows, nil
}
