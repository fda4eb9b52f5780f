package harpertest

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"recourse/audit"
)

// InstallFeed installs the feed component, which tells the raw log whether its
// images can be read or not.
func (s *Server) InstallFeed() { s.Handle("/RecourseFeed/", http.HandlerFunc(s.serveFeed)) }

// HideFromFeed makes the component fail to decode an entry, the one of a record
// at a version: it is told with an error in place of its value.
func (s *Server) HideFromFeed(name audit.Table, id audit.ID, version audit.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.table(name); t != nil {
		for _, e := range t.log {
			e.hidden = e.hidden || e.ID == id && e.Version == version
		}
	}
}

func (s *Server) serveFeed(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	u, _ := r.Context().Value(userKey{}).(*User)
	allowed := u != nil && u.SuperUser
	s.mu.RUnlock()
	if !allowed {
		refuseFeed(w, 403, "The feed is for super_users")
		return
	}
	switch rest := strings.TrimPrefix(r.URL.Path, "/RecourseFeed/"); rest {
	case "info":
		writeAnswer(w, "json", 200, obj{
			{"component", "recourse-feed"}, {"version", "1"}, {"engine", s.line.String()}, {"time", s.now()}, {"node", s.node},
		})
	case "":
		s.feed(w, r)
	default:
		refuseFeed(w, 404, "There is /RecourseFeed/ and /RecourseFeed/info")
	}
}

func refuseFeed(w http.ResponseWriter, status int, msg string) {
	writeAnswer(w, "json", status, obj{{"error", msg}})
}

// feed streams a database's entries, as CBOR whatever is asked for.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) {
	limits := [2]audit.Time{0, audit.Time(maxTime)}
	for i, name := range []string{"from", "to"} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			refuseFeed(w, 400, name+" is no time")
			return
		}
		limits[i] = audit.Time(f)
	}
	database := r.URL.Query().Get("database")
	s.mu.Lock()
	s.retain()
	d := s.dbs[database]
	var all []*entry
	if d != nil && len(d.tables) > 0 {
		all = s.inOrder(append(s.entriesOf(d), d.dropped...))
	}
	s.mu.Unlock()
	if d == nil || len(d.tables) == 0 { // Harper opens the audit store with the tables only
		refuseFeed(w, 404, "Database "+strconv.Quote(database)+" does not exist")
		return
	}
	st := &stream{}
	for _, e := range all {
		if e.LocalTime >= limits[0] && e.LocalTime < limits[1] {
			st.items = append(st.items, e.fed(s.node))
		}
	}
	writeStream(w, r, s, "cbor", st)
}

// maxTime is later than any.
const maxTime = 1e300

// fed is an entry as the component tells it; what there is not is left out.
func (e *entry) fed(self string) obj {
	o := obj{{"localTime", e.LocalTime}, {"version", e.Version}, {"type", e.Type}, {"table", e.Table.Name}, {"id", shownID(e.ID)}, {"nodeId", e.NodeID}, {"node", cmp.Or(e.Node, self)}}
	if e.droppedAs != 0 {
		o[3].val = nil
		o = append(o, field{"tableId", e.droppedAs})
	}
	if e.Operation != "" {
		o = append(o, field{"operation", e.Operation})
	}
	if e.User != "" {
		o = append(o, field{"user", e.User})
	}
	if e.Prev != 0 {
		o = append(o, field{"prev", e.Prev})
	}
	if e.EndTxn {
		o = append(o, field{"endTxn", true})
	}
	switch {
	case e.hidden:
		o = append(o, field{"error", "Error: Data read, but end of buffer not reached"})
	case e.Raw != nil && e.droppedAs != 0:
		o = append(o, field{"error", "table " + strconv.Itoa(e.droppedAs) + " was dropped, and with it what its values are decoded by"})
	case e.Raw != nil:
		o = append(o, field{"value", e.Raw})
	}
	return o
}
