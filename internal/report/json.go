package report

import (
	"bytes"
	"encoding/json"
	"io"
)

// writeJSON writes x and a line break. Hidden characters are escaped, so that
// JSON can be looked at in a terminal.
func writeJSON(w io.Writer, x any, indent string) error {
	data, err := marshal(x)
	if err != nil {
		return err
	}
	if indent != "" {
		var b bytes.Buffer
		if err := json.Indent(&b, data, "", indent); err != nil {
			return err
		}
		data = b.Bytes()
	}
	_, err = io.WriteString(w, visibleJSON(string(append(data, '\n'))))
	return err
}

// marshal is x as JSON on one line, without the escapes for HTML.
func marshal(x any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(x); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
