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
		// Position is where in the query it is wrong, in characters from 1; null:
		// the error is not about a place in a query.
		Position *int `json:"position,omitempty"`
	} `json:"error"`
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status, code int, message, hint string) {
	var body errorBody
	body.Error.Code, body.Error.Message, body.Error.Hint = code, message, hint
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked may be gone
}
