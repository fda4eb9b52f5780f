package notify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recourse/audit"
	"recourse/store"
)

// A receiver takes webhooks and honours their key. Its network can fail.
type receiver struct {
	t  *testing.T
	mu sync.Mutex
	// fault is asked before each request: nil lets it pass.
	fault func(*http.Request) fault
	seen  map[string]bool
	got   []string // keys, each once, in the order in which they came first
	tries int
}

// A fault is how a request fails.
type fault int

const (
	fine    fault = iota
	refuse        // nobody listens
	failing       // 500
	busy          // 503 with Retry-After
	mute          // no answer ever
	half          // taken, but the answer is cut off
)

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.tries++
	f := fine
	if r.fault != nil {
		f = r.fault(req)
	}
	r.mu.Unlock()
	res := httptest.NewRecorder()
	switch f {
	case refuse:
		return nil, errors.New("connection refused")
	case failing:
		res.WriteHeader(500)
	case busy:
		res.Header().Set("Retry-After", "90")
		res.WriteHeader(503)
	case mute:
		<-req.Context().Done()
		return nil, req.Context().Err()
	case half:
		r.take(req)
		return nil, io.ErrUnexpectedEOF
	default:
		r.take(req)
		res.WriteHeader(204)
	}
	return res.Result(), nil
}

func (r *receiver) take(req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	want := "v1=" + Sign([]byte("secret"), req.Header.Get("X-Recourse-Timestamp"), body)
	if req.Header.Get("X-Recourse-Signature") != want {
		r.t.Error("the signature is wrong")
	}
	key := req.Header.Get("Idempotency-Key")
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[key] {
		r.seen[key] = true
		r.got = append(r.got, key)
	}
}

// A post office is a store, workers on it, and who they tell.
type office struct {
	t     *testing.T
	dir   string
	db    *store.DB
	stop  func()
	names []string
	rs    map[string]*receiver
	age   time.Duration // after which deliveries are given up
	crash func() bool   // ends the process instead of noting what was delivered
}

func newOffice(t *testing.T, names ...string) *office {
	o := &office{t: t, dir: t.TempDir(), names: names, rs: map[string]*receiver{}}
	for _, name := range names {
		o.rs[name] = &receiver{t: t, seen: map[string]bool{}}
	}
	o.start()
	return o
}

var errKilled = errors.New("killed")

// A killed outbox ends the process between a delivery and the note of it.
type killed struct {
	*store.DB
	crash func() bool
	kill  func()
}

func (k killed) Settle(ctx context.Context, sink string, s audit.Settlement) error {
	if k.crash != nil && k.crash() {
		k.kill()
		return errKilled
	}
	return k.DB.Settle(ctx, sink, s)
}

// start opens the store and runs the workers until stop is called or a crash.
func (o *office) start() {
	o.t.Helper()
	db, err := store.Open(o.dir, store.Options{Memory: 1, NoSync: true, SkipCheck: true, MinFree: -1})
	if err != nil {
		o.t.Fatal(err)
	}
	o.db = db
	ctx, cancel := context.WithCancel(o.t.Context())
	var wg sync.WaitGroup
	var routes []audit.Route
	for i, name := range o.names {
		s, err := New(Config{Name: name, Type: "webhook", URL: "https://hooks.example/" + name, SecretEnv: "KEY"},
			Options{Lookup: func(string) (string, bool) { return "secret", true }, Transport: o.rs[name]})
		if err != nil {
			o.t.Fatal(err)
		}
		routes = append(routes, audit.Route{Sink: name, States: true})
		chance := rand.New(rand.NewPCG(uint64(i), 1))
		w := &Worker{Name: name, Sink: s, Outbox: killed{db, o.crash, cancel}, Log: slog.New(slog.DiscardHandler), Chance: chance.Float64, MaxAge: o.age}
		wg.Go(func() {
			if err := w.Run(ctx); err != nil {
				o.t.Error(err)
			}
		})
	}
	if err := db.Deliver(o.t.Context(), routes, 0); err != nil {
		o.t.Fatal(err)
	}
	o.stop = func() {
		cancel()
		wg.Wait()
		if err := db.Close(); err != nil {
			o.t.Error(err)
		}
	}
}

func (o *office) raise(id string, count int) {
	o.t.Helper()
	a := audit.Alert{ID: id, Rule: "r", Severity: "high", Count: count, State: audit.AlertOpen, Group: map[string]string{"user": "eve"}}
	if err := o.db.SaveAlerts(o.t.Context(), []audit.Alert{a}, nil, 0); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) close(id string) {
	o.t.Helper()
	_, err := o.db.Act(o.t.Context(), id, audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictTrue})
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) check(name string, want int) {
	o.t.Helper()
	r := o.rs[name]
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.got) != want {
		o.t.Errorf("%s was told %d things, want %d", name, len(r.got), want)
	}
	last := map[string]int{}
	for _, key := range r.got {
		id, number, _ := strings.Cut(key, "-")
		n, err := strconv.Atoi(number)
		if err != nil || n != last[id]+1 {
			o.t.Errorf("%s was told %s after %s-%d", name, key, id, last[id])
		}
		last[id] = n
	}
}

func (o *office) state(name string) audit.SinkState {
	o.t.Helper()
	all, err := o.db.SinkStates(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	if i := slices.IndexFunc(all, func(s audit.SinkState) bool { return s.Sink == name }); i >= 0 {
		return all[i]
	}
	return audit.SinkState{}
}

// handled answers requests by a handler, without a network.
type handled struct{ h http.Handler }

func (h handled) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	h.h.ServeHTTP(rec, req)
	res := rec.Result()
	res.Request = req
	return res, nil
}
