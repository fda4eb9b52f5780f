package harper

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"recourse/audit"
)

// TestPageLeavesExpiredRecordsAlone: a page asks for no record that would have to
// be deleted or fetched to be read, and tells such records apart from those that
// could not be read.
func TestPageLeavesExpiredRecordsAlone(t *testing.T) {
	searches := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body, err := audit.Decode(raw)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", mimeJSON)
		answer := `[]`
		switch op := body.Get("operation").Text(); op {
		case "describe_table":
			answer = `{"primary_key":"id","attributes":[{"attribute":"id","is_primary_key":true,"type":"Int"}],"expiration":"2s"}`
		case "search_by_conditions":
			if !body.Get("onlyIfCached").Bool() || !body.Get("noCacheStore").Bool() {
				t.Errorf("%s without the word that nothing is to be fetched", body.JSON())
			}
			switch searches++; {
			case searches == 1:
				answer = `[{"id":-5,"message":"This entry has expired"},{"$id":-4,"$updatedtime":1795715733529.845,"$record":{"id":-4,"message":"This entry has expired"}},{"id":-3,"message":"Error: bad","error":"Error"}]`
			case strings.Contains(body.JSON(), `"search_type":"equals"`): // the key 0, which is read apart
				answer = `[{"id":0,"message":"This entry has expired"}]`
			}
		default:
			t.Errorf("asked for %s", op)
		}
		_, _ = io.WriteString(w, answer)
	})
	page, err := c.Page(t.Context(), dogs, "", 10)
	if err != nil || len(page) != 3 {
		t.Fatalf("%+v, %v; want three records", page, err)
	}
	if s := page[0]; s.ID != "-5" || !errors.Is(s.Err, ErrExpired) {
		t.Errorf("%+v, want an expired record", s)
	}
	if s := page[1]; s.ID != "-4" || s.Err != nil || s.Version != 1795715733529.845 {
		t.Errorf("%+v, want a record that only looks like one", s)
	}
	if s := page[2]; s.ID != "-3" || s.Err == nil || errors.Is(s.Err, ErrExpired) {
		t.Errorf("%+v, want a record that could not be read", s)
	}
}
