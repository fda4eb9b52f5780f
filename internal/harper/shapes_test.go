package harper

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"recourse/audit"
)

// TestShapes are answers that no capture has.
func TestShapes(t *testing.T) {
	const head = `"operation":"update","user_name":"u","timestamp":1.5,`
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for _, k := range []struct{ name, in, want, err string }{
		{"nothing", ``, ``, "breaks off"},
		{"empty", ` [ ] `, ``, ``},
		{"byte order mark", "\uFEFF[]", ``, ``},
		{"records before keys", `[{"records":[{"a":1},null],` + head + `"ids":[1,"1"]}]`, `1 {"a":1} | "1" null`, ``},
		{"unknown keys", `[{` + head + `"x":{"y":[1]},"ids":[1],"z":"]","records":[{}],"origin":null}]`, `1 {}`, ``},
		{"long unknown key", `[{"` + strings.Repeat("k", 5000) + `":1,` + head + `"ids":[1],"records":[{}]}]`, `1 {}`, ``},
		{"more keys than records", `[{` + head + `"ids":[1,2],"records":[{}]}]`, `1 {} | 2 null !the group has no record`, ``},
		{"more records than keys", `[{` + head + `"ids":[1],"records":[{},{"a":1}]}]`, `1 {} |  {"a":1} !the group names no key`, ``},
		{"no keys", `[{` + head + `"records":[{}]}]`, ` {} !the group names no key`, ``},
		{"keys that are none", `[{` + head + `"ids":[null,true,{},[1,null],3],"records":[1,2,3,4,5]}]`,
			` 1 !read key |  2 !read key |  3 !read key | [1,null] 4 | 3 5`, ``},
		{"bad record", `[{` + head + `"ids":[1,2],"records":[{"a":tru},{"b":2}]}]`, `1 null !decode record | 2 {"b":2}`, ``},
		{"mismatched brackets in a record", `[{` + head + `"ids":[1,2],"records":[{"a":[1}]},{"b":2}]}]`, ``, "not well-formed"},
		{"name twice", `[{` + head + `"ids":[1],"records":[{"a":1,"a":2}]}]`, `1 {"a":2}`, ``},
		{"no UTF-8", `[{` + head + `"ids":[1],"records":[{"a":"` + "\xff" + `"}]}]`, `1 {"a":"` + "\uFFFD" + `"}`, ``},
		{"deep record", `[{` + head + `"ids":[1,2],"records":[` + deep + `,{}]}]`, `1 null !deeper than | 2 {}`, ``},
		{"deep unknown", `[{` + head + `"q":` + deep + `,"ids":[1],"records":[{}]}]`, `1 {}`, ``},
		{"before-images", `[{` + head + `"hash_values":[1,2],"records":[{"id":1,"a":2},{"id":2,"a":3}],"original_records":[{"id":2,"a":1}]}]`,
			`1 {"a":2,"id":1} | 2 {"a":3,"id":2} ~{"a":1,"id":2}`, ``},
		{"delete with before-images", `[{"operation":"delete","timestamp":2,"hash_values":[1,2],"original_records":[{"id":2}]}]`, `1 null | 2 null ~{"id":2}`, ``},
		{"insert without records", `[{"operation":"insert","timestamp":2,"hash_values":[1]}]`, `1 null !the group has no record`, ``},
		{"bad before-image", `[{` + head + `"hash_values":[1],"records":[{"id":1}],"original_records":[{"id":}]}]`, `1 {"id":1} !before-image`, ``},
		{"search", `{"a":[{` + head + `"ids":[1],"records":[{}]}],"b":[]}`, `1 {}`, ``},
		{"error object", `{"error":"no"}`, ``, "harper answered 200: error: no"},
		{"error last", `[{` + head + `"ids":[1],"records":[{}]},{"error":"E: x"}]`, `1 {}`, "after 1 rows: E: x"},
		{"group without time", `[{"operation":"x","ids":[1],"records":[{}]}]`, ``, "no timestamp"},
		{"time as text", `[{"operation":"x","timestamp":"1","ids":[1],"records":[{}]}]`, ``, "no timestamp"},
		{"group without operation", `[{"timestamp":1,"ids":[1],"records":[{}]}]`, ``, "no operation"},
		{"records twice", `[{` + head + `"ids":[1],"records":[{}],"records":[{}]}]`, ``, "twice"},
		{"element is no group", `[7]`, ``, "no group"},
		{"breaks off in a record", `[{` + head + `"ids":[1],"records":[{}]},{` + head + `"ids":[2],"records":[{"a":`, `1 {}`, "breaks off"},
		{"breaks off between groups", `[{` + head + `"ids":[1],"records":[{}]},`, `1 {}`, "breaks off"},
		{"comma missing", `[{` + head + `"ids":[1],"records":[{}]}{}]`, `1 {}`, "comma"},
		{"something follows", `[] x`, ``, "follows"},
		{"text", `oh dear`, ``, "not well-formed"},
		{"user is a number", `[{"operation":"insert","user_name":7,"timestamp":1,"ids":[1],"records":[{}]}]`, `1 {}`, ``},
	} {
		t.Run(k.name, func(t *testing.T) {
			rows, err := collect([]byte(k.in), DecodeOptions{})
			if got := showRows(rows); got != k.want {
				// Errors are told apart by a part of them.
				if !sameRows(got, k.want) {
					t.Errorf("rows %s\nwant %s", got, k.want)
				}
			}
			if k.err == "" && err != nil || k.err != "" && (err == nil || !strings.Contains(err.Error(), k.err)) {
				t.Errorf("error %v, want %q", err, k.err)
			}
			var apart *Error
			var truncated *TruncatedError
			if err != nil && !errors.As(err, &apart) && !errors.As(err, &truncated) {
				t.Errorf("error of type %T", err)
			}
		})
	}
}

func showRows(rows []AuditRow) string {
	var parts []string
	for _, r := range rows {
		s := string(r.ID) + " " + r.Record.JSON()
		if r.Original != nil {
			s += " ~" + r.Original.JSON()
		}
		if r.Err != nil {
			s += " !" + r.Err.Error()
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " | ")
}

func sameRows(got, want string) bool {
	g, w := strings.Split(got, " | "), strings.Split(want, " | ")
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		row, problem, bad := strings.Cut(w[i], " !")
		if !strings.HasPrefix(g[i], row) || bad != strings.Contains(g[i], " !") || !strings.Contains(g[i], problem) {
			return false
		}
	}
	return true
}

// asCBOR is an answer in CBOR as Harper sends it: the list is open-ended, maps
// have heads of 16 bits.
func asCBOR(groups ...any) []byte {
	out := []byte{0x9f}
	for _, g := range groups {
		out = harperCBOR(out, g)
	}
	return append(out, 0xff)
}

type field struct {
	name  string
	value any
}

// harperCBOR encodes a group's fields in their order, and lets raw bytes be.
func harperCBOR(dst []byte, x any) []byte {
	switch x := x.(type) {
	case []field:
		dst = append(dst, 0xb9, byte(len(x)>>8), byte(len(x)))
		for _, f := range x {
			dst = harperCBOR(harperCBOR(dst, f.name), f.value)
		}
		return dst
	case []any:
		dst = appendCBORHead(dst, cborArray, uint64(len(x)))
		for _, e := range x {
			dst = harperCBOR(dst, e)
		}
		return dst
	case []byte:
		return append(dst, x...)
	}
	v, err := audit.Of(x)
	if err != nil {
		panic(err)
	}
	return append(dst, v...)
}

func TestShapesCBOR(t *testing.T) {
	group := func(records ...any) []field {
		ids := make([]any, len(records))
		for i := range ids {
			ids[i] = i
		}
		return []field{{"operation", "patch"}, {"user_name", []byte{cborUndefined}}, {"timestamp", 1.5}, {"ids", ids}, {"records", records}}
	}
	many := bytes.Repeat([]byte{0x81}, 300_000)
	openDeep := append(bytes.Repeat([]byte{0x9f}, 2000), bytes.Repeat([]byte{0xff}, 2000)...)
	for _, k := range []struct {
		name      string
		in        []byte
		want, err string
	}{
		{"empty", asCBOR(), ``, ``},
		{"undefined and null", asCBOR(group([]byte{0xf7}, []byte{0xf6}, map[string]any{"a": 1})), `0 null | 1 null | 2 {"a":1}`, ``},
		{"deep", asCBOR(group(append(slices.Clone(many), 1), map[string]any{})), `0 null !deeper than | 1 {}`, ``},
		{"deep without lengths", asCBOR(group(openDeep, map[string]any{})), `0 null !deeper than | 1 {}`, ``},
		{"deeper without lengths", asCBOR(group(append(bytes.Repeat([]byte{0x9f}, 5000), bytes.Repeat([]byte{0xff}, 5000)...))), ``, "nest deeper"},
		{"map within an open array", asCBOR(group([]byte{0x9f, 0xa1, 0x61, 'a', 0x81, 1, 0xbf, 0x61, 'b', 2, 0xff, 0xff})), `0 [{"a":[1]},{"b":2}]`, ``},
		{"text in pieces", asCBOR(group([]byte{0x7f, 0x61, 'a', 0x61, 'b', 0xff})), `0 "ab"`, ``},
		{"bad simple value", asCBOR(group([]byte{0xe0}, 1)), `0 null !simple value | 1 1`, ``},
		{"bad date", asCBOR(group([]byte{0xc1, 0x61, 'x'}, 1)), `0 null !a date | 1 1`, ``},
		{"break out of place", asCBOR(group([]byte{0x81, 0xff})), ``, "out of place"},
		{"undefined head", asCBOR(group([]byte{0x1c})), ``, "head 0x1c"},
		{"length of 2^63", []byte{0x9f, 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0}, ``, "breaks off"},
		{"text of 2^63", asCBOR(group([]byte{0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0})), ``, "breaks off"},
		{"array of 2^64-1", asCBOR(group([]byte{0x9b, 255, 255, 255, 255, 255, 255, 255, 255, 1})), ``, "out of place"},
		{"breaks off", asCBOR(group(1))[:20], ``, "breaks off"},
		{"begins and ends", []byte{0x9f}, ``, "breaks off"},
		{"something follows", append(asCBOR(group(1)), 1), `0 1`, "follows"},
		{"error last", asCBOR(group(1), []field{{"error", "E: x"}}), `0 1`, "after 1 rows: E: x"},
		{"number as a name", asCBOR(append([]field{}, group(1)...)), `0 1`, ``},
	} {
		t.Run(k.name, func(t *testing.T) {
			rows, err := collect(k.in, DecodeOptions{})
			if got := showRows(rows); got != k.want && !sameRows(got, k.want) {
				t.Errorf("rows %s\nwant %s", got, k.want)
			}
			if k.err == "" && err != nil || k.err != "" && (err == nil || !strings.Contains(err.Error(), k.err)) {
				t.Errorf("error %v, want %q", err, k.err)
			}
			bit, bitErr := collectSlowly(k.in)
			if showRows(bit) != showRows(rows) || (err == nil) != (bitErr == nil) {
				t.Errorf("byte by byte: %s, %v", showRows(bit), bitErr)
			}
		})
	}
}

func collectSlowly(raw []byte) (rows []AuditRow, err error) {
	for r, e := range DecodeAuditLog(iotest.OneByteReader(bytes.NewReader(raw)), DecodeOptions{}) {
		if e != nil {
			return rows, e
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func TestLimits(t *testing.T) {
	big := strings.Repeat("x", 3000)
	in := `[{"operation":"insert","timestamp":1,"ids":[1,2,3],"records":[{"a":"` + big + `"},{"a":["` + big + `"]},{"a":1}]}]`
	v, err := audit.FromJSON([]byte(`{"a":"` + big + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	inCBOR := asCBOR([]field{{"operation", "insert"}, {"timestamp", 1}, {"ids", []any{1, 2, 3}}, {"records", []any{v, v, []byte{0xa1, 0x61, 'a', 1}}}})
	for _, raw := range [][]byte{[]byte(in), inCBOR} {
		rows, err := collect(raw, DecodeOptions{MaxRecord: 2000})
		if err != nil || len(rows) != 3 || !errors.Is(rows[0].Err, errTooLarge) || !errors.Is(rows[1].Err, errTooLarge) ||
			rows[0].ID != "1" || rows[2].Record.JSON() != `{"a":1}` {
			t.Errorf("%s, %v", showRows(rows), err)
		}
	}
	// Without its keys first, a group can be told only when it is whole.
	late := `[{"operation":"insert","timestamp":1,"records":[{"a":"` + big + `"},{"a":"` + big + `"}],"ids":[1,2]}]`
	if rows, err := collect([]byte(late), DecodeOptions{MaxGroup: 4000}); err == nil || len(rows) != 0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if rows, err := collect([]byte(late), DecodeOptions{MaxGroup: 8000}); err != nil || len(rows) != 2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestBeforeImagesOfLargeGroups(t *testing.T) {
	group := func(n int) string {
		var ids, records []string
		for i := range n {
			ids = append(ids, string(audit.Int(int64(i)).JSON()))
			records = append(records, `{"pk":`+ids[i]+`,"v":2}`)
		}
		was := strings.ReplaceAll(strings.Join(records, ","), `"v":2`, `"v":1`)
		return `{"operation":"update","timestamp":1,"hash_values":[` + strings.Join(ids, ",") + `],"records":[` + strings.Join(records, ",") + `],"original_records":[` + was + `]}`
	}
	_, err := collect([]byte("["+group(100)+"]"), DecodeOptions{PrimaryKey: "pk"})
	if !errors.Is(err, errLateImages) {
		t.Errorf("large group: %v", err)
	}
	check := func(rows []AuditRow, err error, want int) {
		t.Helper()
		if err != nil || len(rows) != want {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, r := range rows {
			if r.Original.Get("v").JSON() != "1" || r.Record.Get("v").JSON() != "2" || string(r.ID) != r.Original.Get("pk").JSON() {
				t.Fatalf("row %+v", r)
			}
		}
	}
	rows, err := collect([]byte("["+group(100)+"]"), DecodeOptions{PrimaryKey: "pk", BeforeImages: true})
	check(rows, err, 100)
	rows, err = collect([]byte("["+group(3)+","+group(100)+"]"), DecodeOptions{PrimaryKey: "pk"})
	check(rows, err, 103)
}

func TestStopsWhenAskedTo(t *testing.T) {
	in := `[{"operation":"insert","timestamp":1,"ids":[1,2],"records":[{},{}]}]`
	n := 0
	for range DecodeAuditLog(strings.NewReader(in), DecodeOptions{}) {
		n++
		break
	}
	if n != 1 {
		t.Error(n)
	}
}
