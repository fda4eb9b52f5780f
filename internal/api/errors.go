package api

import (
	"encoding/json"
	"net/http"
)

// The codes of errors are the exit codes of the program's commands (docs/cli.md).
const (
	codeInternal = 1
	codeBusy     = 9
)

// An errorBody is what an answer that is an error says.
type errorBody struct {
	Error struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint"`
		// Position is where in the query it is wrong, in characters from 1; left out
		// where the error is not about a place in a query.
		Position int `json:"position,omitempty"`
	} `json:"error"`
}

func bodyOf(o Outcome) (body errorBody) {
	body.Error.Code, body.Error.Message, body.Error.Hint, body.Error.Position = o.Code, o.Message, o.Hint, o.Position
	return body
}

// errorLine is an error as the last line of an answer that had begun.
func errorLine(o Outcome) []byte {
	line, err := json.Marshal(bodyOf(o))
	if err != nil {
		return nil // unreachable: it is numbers and text
	}
	return append(line, '\n')
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, o Outcome) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(errorLine(o)) // whoever asked may be gone
}
