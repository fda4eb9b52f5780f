package api

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The schemas of the answers are written; docs/json.md says in words what is in
// them. What is asked comes from the routes.
//
//go:embed schemas.json
var schemas embed.FS

type object = map[string]any

// Document is the server's questions and answers, as OpenAPI 3.1 has them.
func Document(v Version) ([]byte, error) {
	written, err := schemas.ReadFile("schemas.json")
	if err != nil {
		return nil, err
	}
	var components object
	if err := json.Unmarshal(written, &components); err != nil {
		return nil, fmt.Errorf("read schemas: %w", err)
	}
	paths := object{
		"/metrics":         object{"get": plain("metrics", "Figures for Prometheus; docs/metrics.md has them.", "text/plain")},
		"/healthz":         object{"get": health("healthz", "200 while the daemon moves.")},
		"/readyz":          object{"get": health("readyz", "200 while what it answers can be relied on.")},
		"/v1/openapi.json": object{"get": plain("openapi", "This document.", "application/json")},
		"/v1/attach":       object{"get": attachOperation()},
	}
	for _, r := range routes() {
		paths[r.path] = object{"get": r.operation()}
	}
	return json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "recourse", "version": cmp.Or(v.Version, "dev"),
			"description": "What is stored of a Harper cluster's audit logs. Read only. docs/api.md says who may ask, docs/json.md what the fields mean.",
		},
		"paths": paths,
		"components": object{
			"schemas":         components,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "A token of the file that --api-token-file names. Over the socket in the data folder none is needed."}},
		},
	}, "", " ")
}

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	doc, err := Document(s.o.Version)
	if err != nil {
		refuse(w, http.StatusInternalServerError, Outcome{Code: codeInternal, Message: err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(doc) // whoever asked may be gone
}

func ref(schema string) object { return object{"$ref": "#/components/schemas/" + schema} }

func content(kind string, schema object) object { return object{kind: object{"schema": schema}} }

// operation is a route as OpenAPI has it.
func (r route) operation() object {
	answers := content("application/json", ref(r.answer))
	about := "The answer."
	if r.line != "" {
		maps.Copy(answers, content(ndjson, object{"anyOf": []any{ref(r.line), ref("Summary"), ref("Error")}}))
		about += " As NDJSON, a document a line, the last of them the summary; or an error, if the answer broke off."
	}
	responses := object{"200": object{"description": about, "content": answers}}
	for status, why := range map[int]string{
		http.StatusBadRequest:          "A parameter, or the query, is wrong; `position` says where in the query, in characters from 1.",
		http.StatusUnauthorized:        "The token is missing or unknown.",
		http.StatusForbidden:           "The server has no tokens, and answers over the socket in the data folder alone.",
		http.StatusNotFound:            "There is nothing of the kind, or it is not known.",
		http.StatusNotAcceptable:       "The answer has another form than those that are accepted.",
		http.StatusMisdirectedRequest:  "The request calls the server by a name that it does not have.",
		http.StatusInternalServerError: "The question could not be answered.",
		http.StatusServiceUnavailable:  "So many questions are being answered already, or the daemon stops, or the answer takes more memory than there is.",
		http.StatusGatewayTimeout:      "The answer took longer than it may.",
	} {
		responses[fmt.Sprint(status)] = object{"description": why, "content": content("application/json", ref("Error"))}
	}
	params := []any{}
	for _, p := range slices.Concat(r.takes, r.flags) {
		params = append(params, p.object())
	}
	return object{
		"operationId": r.name, "summary": r.summary,
		"description": "As `recourse " + strings.Join(r.command, " ") + "`.",
		"parameters":  params, "responses": responses, "security": []any{object{"token": []any{}}},
	}
}

func (p param) object() object {
	schema := object{"type": string(p.kind)}
	in := "query"
	switch {
	case p.kind == someText:
		schema["items"] = object{"type": "string"}
	case p.kind == aNumber:
		schema["minimum"] = 0
	}
	if p.path {
		in = "path"
	}
	return object{"name": p.name, "in": in, "required": p.need, "description": p.about, "schema": schema}
}

func plain(name, summary, kind string) object {
	return object{"operationId": name, "summary": summary, "security": []any{},
		"responses": object{"200": object{"description": "The answer.", "content": content(kind, object{})}}}
}

func health(name, summary string) object {
	answer := content("application/json", ref("Health"))
	answer["text/plain"] = object{"schema": object{"type": "string"}}
	return object{"operationId": name, "summary": summary, "security": []any{},
		"parameters": []any{param{name: "format", kind: aText, about: "json, or text"}.object()},
		"responses": object{
			"200": object{"description": "It is so.", "content": answer},
			"503": object{"description": "It is not.", "content": answer},
		}}
}

func attachOperation() object {
	return object{
		"operationId": "attach", "summary": "Have a command carried out; for recourse itself, on the socket in the data folder alone.", "security": []any{},
		"responses": object{
			"101":     object{"description": "The connection is the command's: frames, no longer HTTP."},
			"default": object{"description": "Why not.", "content": content("application/json", ref("Error"))},
		},
	}
}
