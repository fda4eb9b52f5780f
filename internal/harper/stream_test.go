package harper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"recourse/audit"
)

// TestLargeGroupStreams decodes a group of 20 000 records while it is being
// written, and looks how far the writer is ahead of the rows: what lies between
// them is all that is held.
func TestLargeGroupStreams(t *testing.T) {
	const records, recordSize = 20_000, 500
	text := strings.Repeat("x", recordSize-20)
	for _, format := range []string{"JSON", "CBOR"} {
		t.Run(format, func(t *testing.T) {
			r, w := io.Pipe()
			var written atomic.Int64
			go func() {
				w.CloseWithError(writeLargeGroup(w, format, records, text, &written))
			}()
			var ahead int64
			n := 0
			for row, err := range DecodeAuditLog(r, DecodeOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				if row.Err != nil || string(row.ID) != fmt.Sprint(n) || row.Index != n || row.Size != records || row.Record.Get("t").Text() != text {
					t.Fatalf("row %d: %v", n, row)
				}
				n++
				ahead = max(ahead, written.Load()-int64(n))
			}
			if n != records {
				t.Errorf("%d rows", n)
			}
			// One buffer of input, and the records held until it is clear that
			// their group is large.
			const most = inputSize/recordSize + heldRecords + 2
			if ahead > most {
				t.Errorf("up to %d records were held, want at most %d", ahead, most)
			}
		})
	}
}

func writeLargeGroup(w io.Writer, format string, records int, text string, written *atomic.Int64) error {
	var ids, b []byte
	if format == "JSON" {
		for i := range records {
			ids = fmt.Appendf(ids, ",%d", i)
		}
		b = fmt.Appendf(nil, `[{"operation":"insert","user_name":"bulk","timestamp":1795470364242.5806,"hash_values":[%s],"records":[`, ids[1:])
	} else {
		for i := range records {
			ids = append(ids, audit.Int(int64(i))...)
		}
		b = append([]byte{0x9f, 0xb9, 0, 5}, audit.Text("operation")...)
		b = append(append(b, audit.Text("insert")...), audit.Text("user_name")...)
		b = append(append(b, cborUndefined), audit.Text("timestamp")...)
		b = append(appendFloat64(b, 1795470364242.5806), audit.Text("ids")...)
		b = append(append(appendCBORHead(b, cborArray, uint64(records)), ids...), audit.Text("records")...)
		b = appendCBORHead(b, cborArray, uint64(records))
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	for i := range records {
		b = b[:0]
		if format == "JSON" {
			if i > 0 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `{"id":%d,"t":"%s"}`, i, text)
		} else {
			b = append(append(append(b, 0xb9, 0, 2), audit.Text("id")...), audit.Int(int64(i))...)
			b = append(append(b, audit.Text("t")...), audit.Text(text)...)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		written.Add(1)
	}
	tail := []byte{0xff}
	if format == "JSON" {
		tail = []byte("]}]")
	}
	_, err := w.Write(tail)
	return err
}

// TestHugeRecordIsNotKept passes a record that claims a gigabyte by a reader
// that makes it up, and looks at the buffer.
func TestHugeRecordIsNotKept(t *testing.T) {
	const size = 1 << 30
	head := append([]byte{0x9f, 0xb9, 0, 4}, audit.Text("operation")...)
	head = append(append(head, audit.Text("insert")...), audit.Text("timestamp")...)
	head = append(append(head, audit.Int(1)...), audit.Text("ids")...)
	head = append(append(append(head, 0x82, 1, 2), audit.Text("records")...), 0x82)
	head = appendCBORHead(head, cborBytes, size)
	src := io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, size), bytes.NewReader([]byte{0x07, 0xff}))
	var rows []AuditRow
	d := newLogDecoder(src, DecodeOptions{MaxRecord: 1 << 20}, func(r AuditRow) bool {
		rows = append(rows, r)
		return true
	})
	if err := d.run(); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || !errors.Is(rows[0].Err, errTooLarge) || rows[1].Record.JSON() != "7" {
		t.Errorf("%+v", rows)
	}
	if len(d.in.buf) > 4<<20 {
		t.Errorf("a buffer of %d bytes", len(d.in.buf))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// fuzzLog holds what must be so of any input: rows or an error, bounded memory,
// the same again, and the same byte by byte.
func fuzzLog(t *testing.T, raw []byte) {
	o := DecodeOptions{MaxRecord: 1 << 16, MaxGroup: 1 << 18}
	read := func() (string, *logDecoder) {
		var b strings.Builder
		rows := 0
		d := newLogDecoder(bytes.NewReader(raw), o, func(r AuditRow) bool {
			if r.ID == "" && r.Err == nil {
				t.Error("a row without an id and without an error")
			}
			if r.Err != nil && r.Record != nil && !errors.Is(r.Err, errNoKey) && r.Original == nil && r.ID != "" && !strings.Contains(r.Err.Error(), "before-image") {
				t.Errorf("an image beside the error %v", r.Err)
			}
			rows++
			fmt.Fprintf(&b, "%s %q %v %d/%d %s %s %s %v\n", r.Operation, r.User, r.Time, r.Index, r.Size, r.ID, r.Record.JSON(), r.Original.JSON(), r.Err)
			return true
		})
		err := d.run()
		fmt.Fprintf(&b, "%v", err)
		var truncated *TruncatedError
		if errors.As(err, &truncated) && truncated.Rows != rows {
			t.Errorf("%d rows, and the error says %d", rows, truncated.Rows)
		}
		return b.String(), d
	}
	first, d := read()
	if kept := len(d.in.buf) + cap(d.g.held) + 8*cap(d.g.ends) + keyChunk*len(d.g.keys.chunks); kept > 4<<20 {
		t.Errorf("%d bytes are held of an input of %d", kept, len(raw))
	}
	if again, _ := read(); again != first {
		t.Errorf("first\n%s\nthen\n%s", first, again)
	}
}

func seeds(f *testing.F, inCBOR bool) {
	for _, line := range []string{"captures/lmdb", "captures/rocksdb"} {
		for _, c := range auditCaptures(f, line) {
			if raw := c.body(f); (c.accept() == "application/cbor") == inCBOR && len(raw) < 2<<10 {
				f.Add(raw)
			}
		}
	}
}

func FuzzAuditLogJSON(f *testing.F) {
	seeds(f, false)
	f.Add([]byte(`[{"operation":"update","timestamp":1,"records":[{"id":1}],"hash_values":[1],"original_records":[{"id":1}]}]`))
	f.Fuzz(fuzzLog)
}

func FuzzAuditLogCBOR(f *testing.F) {
	seeds(f, true)
	f.Add(asCBOR([]field{{"operation", "patch"}, {"timestamp", 1.5}, {"ids", []any{1, "1"}}, {"records", []any{[]byte{0x9f, 0x01, 0xff}, nil}}}))
	f.Fuzz(fuzzLog)
}

// benchLog is a log of groups of ten records each of about 270 bytes.
func benchLog(format string) []byte {
	var out []byte
	groups := make([]any, 0, 200)
	for g := range 200 {
		ids, records := []any{}, []any{}
		for i := range 10 {
			id := fmt.Sprintf("cust-%05d-%d", g, i)
			ids = append(ids, id)
			v, err := audit.Of(map[string]any{
				"id": id, "name": "Ada Lovelace", "email": "ada@example.com", "age": 36, "balance": 1234.5, "tags": []any{"a", "b"},
				"address": map[string]any{"street": "12 St James's Square", "city": "London", "zip": "SW1Y 4JH"}, "active": true,
				"note": strings.Repeat("n", 60), "created": 1795470364242.5806, "updated": 1795470364242.5806,
			})
			if err != nil {
				panic(err)
			}
			records = append(records, v)
		}
		groups = append(groups, []field{{"operation", "insert"}, {"user_name", "svc"}, {"timestamp", 1795470364242.5806}, {"hash_values", ids}, {"records", records}})
	}
	if format == "CBOR" {
		return asCBOR(groups...)
	}
	out = append(out, '[')
	for i, g := range groups {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '{')
		for j, f := range g.([]field) {
			if j > 0 {
				out = append(out, ',')
			}
			v, err := audit.Of(f.value)
			if err != nil {
				panic(err)
			}
			out = fmt.Appendf(out, "%q:%s", f.name, v.JSON())
		}
		out = append(out, '}')
	}
	return append(out, ']')
}

func benchmarkDecode(b *testing.B, format string) {
	raw := benchLog(format)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = 0
		for r, err := range DecodeAuditLog(bytes.NewReader(raw), DecodeOptions{}) {
			if err != nil || r.Err != nil {
				b.Fatal(err, r.Err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkDecodeCBOR(b *testing.B) { benchmarkDecode(b, "CBOR") }
func BenchmarkDecodeJSON(b *testing.B) { benchmarkDecode(b, "JSON") }
