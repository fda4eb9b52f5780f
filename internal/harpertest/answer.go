package harpertest

import (
	"net/http"
	"slices"
	"strconv"
)

func contentType(format string) string {
	switch format {
	case "cbor":
		return "application/cbor"
	case "msgpack":
		return "application/x-msgpack"
	}
	return "application/json"
}

func encode(format string, v any) []byte {
	switch format {
	case "cbor":
		return binaryFormat{}.append(nil, v)
	case "msgpack":
		return binaryFormat{msgpack: true}.append(nil, v)
	}
	return appendJSON(nil, v)
}

const tooBigMessage = " was too large to fit in MessagePack 64-bit integer format, use useBigIntExtension, or set largeBigIntToFloat to convert to float-64, or set largeBigIntToString to convert to string"

func writeAnswer(w http.ResponseWriter, format string, status int, v any) {
	if format == "msgpack" {
		if n, big := tooBig(v); big {
			status, v = 500, obj{{"error", n + tooBigMessage}}
		}
	}
	body := encode(format, v)
	w.Header().Set("Content-Type", contentType(format))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller who has gone is no concern of the server
}

// writeStream sends a scan. JSON ends an unreadable one with an element that
// names the error; the other formats break off.
func writeStream(w http.ResponseWriter, r *http.Request, s *Server, format string, st *stream) {
	if format == "msgpack" && st.err != nil && len(st.items) == 0 {
		writeAnswer(w, format, 500, asOpError(st.err).object())
		return
	}
	w.Header().Set("Content-Type", contentType(format))
	items := st.items
	if st.err != nil && format == "json" {
		items = append(slices.Clip(items), obj{{"error", thrown(st.err)}})
	}
	flush := http.NewResponseController(w)
	out := []byte(map[string]string{"json": "[", "cbor": "\x9f"}[format])
	for i, item := range items {
		if i > 0 && format == "json" {
			out = append(out, ',')
		}
		if i < len(st.costs) && st.costs[i] > 0 {
			if _, err := w.Write(out); err != nil {
				return
			}
			out = out[:0]
			_ = flush.Flush()
			s.sleep(r.Context(), st.costs[i])
		}
		out = appendItem(out, format, item)
		if len(out) < 1<<16 {
			continue
		}
		if _, err := w.Write(out); err != nil {
			return
		}
		out = out[:0]
		_ = flush.Flush()
	}
	broken := st.err != nil && format != "json"
	if !broken {
		out = append(out, map[string]string{"json": "]", "cbor": "\xff"}[format]...)
	}
	_, _ = w.Write(out) // a caller who has gone is no concern of the server
	_ = flush.Flush()
	if broken {
		panic(http.ErrAbortHandler)
	}
}

// appendItem is one element of a stream, whose own head is a short one.
func appendItem(dst []byte, format string, item any) []byte {
	if format == "json" {
		return appendJSON(dst, item)
	}
	return binaryFormat{msgpack: format == "msgpack"}.item(dst, item, true)
}
