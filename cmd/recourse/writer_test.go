package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A writer makes changes by the operations API, by SQL and by REST, such that
// the log stays readable as a whole.
type writer struct {
	*site
	made int // changes so far
	next int // the next id
}

// write makes changes until there are so many.
func (w *writer) write(t *testing.T, upTo int) {
	t.Helper()
	for w.made < upTo {
		if err := w.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// round makes some changes of every kind.
func (w *writer) round(ctx context.Context) error {
	n := w.next
	w.next += 10
	first := fmt.Sprintf("%s-%d", w.prefix, n)
	id := func(i int) string { return fmt.Sprintf("%s-%d", w.prefix, n+i) }
	var batch []any
	for i := range 10 {
		batch = append(batch, map[string]any{"id": id(i), "n": n + i, "note": "first"})
	}
	for _, op := range []map[string]any{
		{"operation": "insert", "records": batch},
		{"operation": "update", "records": []any{map[string]any{"id": first, "note": "second"}}},
		{"operation": "upsert", "records": []any{map[string]any{"id": first, "extra": n}}},
		{"operation": "sql", "sql": fmt.Sprintf("UPDATE %s SET note = 'by sql' WHERE id = '%s'", w.table, id(1))},
		{"operation": "delete", "ids": []any{id(2)}, "hash_values": []any{id(2)}},
	} {
		if err := w.op(ctx, op); err != nil {
			return err
		}
	}
	w.made += 14
	if w.restTable.Name == "" {
		return nil
	}
	err := w.send(ctx, "PUT", first, restRecord)
	for _, patch := range restPatches {
		err = errors.Join(err, w.send(ctx, "PATCH", first, patch))
	}
	w.made += 1 + len(restPatches)
	return err
}

// What is written to a record over REST.
const restRecord = `{"name":"rex","n":1}`

var restPatches = []string{`{"n":2}`, `{"owner":"ann"}`}

func (w *writer) op(ctx context.Context, op map[string]any) error {
	op["database"], op["schema"], op["table"] = w.table.Database, w.table.Database, w.table.Name
	if _, err := w.client.Call(ctx, op); err != nil {
		return fmt.Errorf("%v: %w", op["operation"], err)
	}
	return nil
}

func (w *writer) send(ctx context.Context, method, id, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, w.rest+"/"+w.restTable.Name+"/"+id, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(w.user, w.password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %s", method, id, resp.Status, answer)
	}
	return nil
}

// A busyWriter writes without an end, in the background.
type busyWriter struct {
	writer
	pause atomic.Int64 // between two rounds, in nanoseconds
	stop  context.CancelFunc
	done  chan error
}

func startWriting(t *testing.T, s *site, pause time.Duration) *busyWriter {
	ctx, stop := context.WithCancel(context.Background())
	w := &busyWriter{writer: writer{site: s}, stop: stop, done: make(chan error, 1)}
	w.pause.Store(int64(pause))
	t.Cleanup(stop)
	go func() {
		for ctx.Err() == nil {
			if err := w.round(context.Background()); err != nil { // a round is made to its end
				w.done <- err
				return
			}
			time.Sleep(time.Duration(w.pause.Load()))
		}
		w.done <- nil
	}()
	return w
}

// end ends the writing and says how many changes were made.
func (w *busyWriter) end(t *testing.T) int {
	t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		t.Fatal(err)
	}
	return w.made
}
