package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"recourse/audit"
)

// A logShape is how the entries of a synthetic log lie in groups.
type logShape int

const (
	manyGroups logShape = iota // inserts, updates and deletes of one to nine records
	oneInsert                  // one insert of all records
	oneUpdate                  // one update of them, of which Harper shows computed images
)

func (s logShape) String() string { return [...]string{"groups", "insert", "update"}[s] }

// A syntheticLog is a Harper of the RocksDB line that has one table with a long
// audit log, which it makes up as it streams it.
type syntheticLog struct {
	shape   logShape
	entries int
	first   audit.Time // the log is a second and a half long
	record  template
}

var syntheticTable = audit.Table{Database: "shop", Name: "orders"}

func newSyntheticLog(t testing.TB, shape logShape, entries int) *httptest.Server {
	l := &syntheticLog{shape: shape, entries: entries, first: audit.TimeOf(time.Now().Add(-10 * time.Minute))}
	l.record = newTemplate(audit.Object(map[string]audit.Value{
		"id": audit.Text("order-000000000"), "customer": audit.Text("customer 000000000"), "total": audit.Float(129.95),
		"status": audit.Text("awaiting payment"), "paid": audit.Bool(false),
		"address":         audit.Object(map[string]audit.Value{"street": audit.Text("12 Long Lane"), "city": audit.Text("Springfield"), "zip": audit.Text("49007")}),
		"items":           audit.Array(audit.Text("sku-1187"), audit.Text("sku-0042"), audit.Int(3)),
		"__createdtime__": audit.Float(1795470364242), "__updatedtime__": audit.Float(1795470364242),
	}))
	srv := httptest.NewServer(l)
	t.Cleanup(srv.Close)
	return srv
}

func (l *syntheticLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	request, err := audit.Decode(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/cbor")
	object := func(v map[string]audit.Value) { _, _ = w.Write(audit.Object(v)) }
	switch op := request.Get("operation").Text(); op {
	case "describe_all":
		table := audit.Object(map[string]audit.Value{
			"schema": audit.Text(syntheticTable.Database), "name": audit.Text(syntheticTable.Name),
			"primary_key": audit.Text("id"), "audit": audit.Bool(true),
		})
		object(map[string]audit.Value{syntheticTable.Database: audit.Object(map[string]audit.Value{syntheticTable.Name: table})})
	case "system_information":
		now := audit.Object(map[string]audit.Value{"current": audit.Float(float64(audit.TimeOf(time.Now())))})
		object(map[string]audit.Value{"time": now})
	case "read_audit_log":
		out := bufio.NewWriterSize(w, 64<<10)
		_ = out.WriteByte(0x9f) // an array without a length
		if request.Get("table").Text() == syntheticTable.Name {
			from, to := rangeOf(request.Get("search_values"))
			l.stream(out, from, to)
		}
		_ = out.WriteByte(0xff)
		_ = out.Flush()
	default:
		w.WriteHeader(http.StatusBadRequest)
		object(map[string]audit.Value{"error": audit.Text("Operation '" + op + "' not found")})
	}
}

// rangeOf is the range that a request asks for.
func rangeOf(values audit.Value) (from, to audit.Time) {
	to = audit.Time(math.Inf(1))
	i := 0
	for v := range values.Elems() {
		f, _ := v.Float64()
		*[]*audit.Time{&from, &to}[i] = audit.Time(f)
		i++
	}
	return from, to
}

// stream writes the groups of a range.
func (l *syntheticLog) stream(w *bufio.Writer, from, to audit.Time) {
	record := l.record.clone()
	next := 0
	for g := 0; next < l.entries; g++ {
		op, size := "insert", l.entries
		switch {
		case l.shape == oneUpdate:
			op = "update"
		case l.shape == manyGroups:
			op, size = []string{"insert", "update", "insert", "delete", "update"}[g%5], min(1+g%9, l.entries-next)
		}
		at := l.first + audit.Time(1500*float64(next)/float64(l.entries))
		if from <= at && at < to {
			first := next
			if l.shape == manyGroups && op != "insert" {
				first = max(0, next-60) // records that there are
			}
			writeGroup(w, record, op, at, first, size)
		}
		next += size
	}
}

// writeGroup writes a group of records from a number on.
func writeGroup(w *bufio.Writer, record template, op string, at audit.Time, first, size int) {
	text := func(s string) { _, _ = w.Write(audit.Text(s)) }
	array := func(n int) { _, _ = w.Write(binary.BigEndian.AppendUint32([]byte{0x9a}, uint32(n))) }
	_ = w.WriteByte(0xa5)
	text("operation")
	text(op)
	text("user_name")
	text(fmt.Sprint("clerk-", first/1000%7))
	text("timestamp")
	_, _ = w.Write(audit.Float(float64(at)))
	text("ids")
	array(size)
	for i := range size {
		text(fmt.Sprintf("order-%09d", first+i))
	}
	text("records")
	array(size)
	for i := range size {
		if op == "delete" {
			_ = w.WriteByte(0xf6)
			continue
		}
		_, _ = w.Write(record.number(first + i))
	}
}

// A template is a record in which a number is put wherever nine zeros stand.
type template struct {
	bytes []byte
	holes []int
}

func newTemplate(v audit.Value) template {
	t := template{bytes: v}
	for i := 0; i+9 <= len(v); i++ {
		if string(v[i:i+9]) == "000000000" {
			t.holes = append(t.holes, i)
		}
	}
	return t
}

func (t template) clone() template { return template{slices.Clone(t.bytes), t.holes} }

// number is the record with a number. It is valid until the next.
func (t template) number(n int) []byte {
	for _, at := range t.holes {
		for i, left := 8, n; i >= 0; i, left = i-1, left/10 {
			t.bytes[at+i] = byte('0' + left%10)
		}
	}
	return t.bytes
}
