package ingest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/store"
)

// exported writes a file for a test.
func exported(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What Harper's export_local wrote of one table without a schema, on each line.
const (
	exportedJSON = `[{"id":1,"__updatedtime__":1795715733529.845,"arr":[1,"x"],"b":true,"n":1.5,"o":{"a":[1,null]},"s":"a,b \"q\"\nnl","z":null},` +
		`{"id":"1","__updatedtime__":1795715733529.845,"arr":null,"b":"null","n":"1.5","o":null,"s":"true","z":null},` +
		`{"id":["a",1],"__updatedtime__":1795715733529.845,"arr":null,"b":null,"n":12345678901234567000,"o":null,"s":"","z":null},` +
		`{"id":"w","__updatedtime__":1795715733529.845,"arr":null,"b":null,"n":0,"o":null,"s":"=1+1 é","z":null}]`
	exportedCSV = `"id","__updatedtime__","arr","b","n","o","s","z"
1,1795715733529.845,"[1,""x""]",true,1.5,"{""a"":[1,null]}","a,b ""q""
nl",
"1",1795715733529.845,,"null","1.5",,"true",
"[""a"",1]",1795715733529.845,,,12345678901234567000,,"",
"w",1795715733529.845,,,0,,"=1+1 é",
`
	rocksCSV = `"id","__updatedtime__","arr","b","n","o","s","z"
1,1795715733529.845,"[1,""x""]","true",1.5,"{""a"":[1,null]}","a,b ""q""
nl",
"1",1795715733529.845,,"null","1.5",,"true",
"[""a"",1]",1795715733529.845,,,12345678901234567000,,,
"w",1795715733529.845,,,0,,"=1+1 é",`
)

func baselineFile(db *store.DB) ingest.BaselineFile {
	return ingest.BaselineFile{Store: db, Table: dogs, Now: func() time.Time { return time.UnixMilli(1795715740000) }}
}

// TestBaselineFromExport: each form that Harper exports gives the same records,
// but for what the form cannot say, and the same file is the same baseline.
func TestBaselineFromExport(t *testing.T) {
	lines := strings.ReplaceAll(strings.Trim(exportedJSON, "[]"), `},{"id"`, "}\n"+`{"id"`)
	lossy := map[string]string{ // what RocksDB's CSV cannot tell
		`1`: `"true"`, `["a",1]`: `null`,
	}
	for _, form := range []struct{ name, text string }{
		{"array.json", exportedJSON}, {"pretty.json", "\ufeff" + strings.ReplaceAll(exportedJSON, ",{", " ,\n\n {") + "\n"},
		{"lines.ndjson", lines}, {"lmdb.csv", exportedCSV}, {"crlf.csv", strings.ReplaceAll(exportedCSV, "\n", "\r\n")}, {"rocksdb.csv", rocksCSV},
	} {
		t.Run(form.name, func(t *testing.T) {
			db := openStore(t)
			f := baselineFile(db)
			path := exported(t, form.name, form.text)
			b, err := f.Take(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			const version audit.Time = 1795715733529.845
			if b.Records != 4 || !b.Lossy || b.Source != audit.FromFile || b.Begun != version || b.Ended != 1795715740000 || b.Node != "import" || len(b.Notes) != 1 {
				t.Errorf("%+v", b)
			}
			for _, want := range strings.Split(lines, "\n") {
				v, err := audit.FromJSON([]byte(want))
				if err != nil {
					t.Fatal(err)
				}
				id := v.Get("id").JSON()
				r, ok := baseOf(t, db, dogs, id, b.ID)
				if l := lossy[id]; form.name == "rocksdb.csv" && l != "" {
					name := map[string]string{"1": "b"}[id]
					if name == "" {
						name = "s"
					}
					if got := r.Body.Get(name).JSON(); got != l {
						t.Errorf("%s: %s is %s, want %s", id, name, got, l)
					}
					v, r.Body = v.With(name, nil), r.Body.With(name, nil)
				}
				if form.name == "crlf.csv" && id == "1" { // the line break within a text is another then
					v, r.Body = v.With("s", nil), r.Body.With("s", nil)
				}
				if !ok || !r.Body.Equal(v) || r.Version != version || r.Seen != version || r.Until != b.Ended || !r.Lossy {
					t.Errorf("%s: %v %s version %v seen %v until %v; want %s", id, ok, r.Body.JSON(), r.Version, r.Seen, r.Until, v.JSON())
				}
			}
			again, err := f.Take(t.Context(), path)
			all, err2 := db.Baselines(t.Context())
			if err != nil || err2 != nil || again.ID != b.ID || len(all) != 1 || all[0] != again.Baseline {
				t.Errorf("read again: %+v %v; stored %+v %v", again, err, all, err2)
			}
		})
	}
}

// TestBaselineFromExportWithoutVersions: somebody has to say when the export was
// made, and then every record was seen then.
func TestBaselineFromExportWithoutVersions(t *testing.T) {
	db := openStore(t)
	f := baselineFile(db)
	path := exported(t, "x.json", `[{"key":"a","changed":1795715733529.845,"n":1},{"key":"b","changed":1795715733530.5,"n":2}]`)
	f.PrimaryKey = "key"
	if _, err := f.Take(t.Context(), path); err == nil || !strings.Contains(err.Error(), `x.json:1: the record "a" has no version`) {
		t.Errorf("%v, want that the export's time is needed", err)
	}
	f.At, f.Until = 1795715739000, 1795715739500
	b, err := f.Take(t.Context(), path)
	r, ok := baseOf(t, db, dogs, "b", b.ID)
	if err != nil || !ok || r.Version != 0 || r.Seen != f.At || r.Until != f.Until || b.Begun != f.At || b.Ended != f.Until {
		t.Errorf("%+v %+v %v, want no version, and the times that were named", b, r, err)
	}
	f.At, f.Until, f.Version = 0, 0, "changed"
	b, err = f.Take(t.Context(), path)
	if r, ok := baseOf(t, db, dogs, "b", b.ID); err != nil || !ok || r.Version != 1795715733530.5 || b.Begun != 1795715733529.845 {
		t.Errorf("%+v %+v %v, want the version of the attribute that was named", b, r, err)
	}
	f.At, f.Version = 1795715733530, "changed"
	if _, err := f.Take(t.Context(), path); err == nil || !strings.Contains(err.Error(), `the record "b" was written at 2026-11-26T17:55:33.5`) {
		t.Errorf("%v, want that a record is younger than the export", err)
	}
	f.At, f.Version = 0, ""
	if b, err := f.Take(t.Context(), exported(t, "none.json", "[]")); err == nil || !strings.Contains(err.Error(), "no record") {
		t.Errorf("%+v, %v; want that nothing says when there was no record", b, err)
	}
	f.At = 1795715739000
	if b, err := f.Take(t.Context(), exported(t, "none.json", "[]")); err != nil || b.Records != 0 || b.Ended == 0 {
		t.Errorf("%+v, %v; want a baseline of no record", b, err)
	}
}

// TestBaselineFromBadFile: what is no export, or no whole one, is refused with
// the place, and nothing of it is stored.
func TestBaselineFromBadFile(t *testing.T) {
	db := openStore(t)
	f := baselineFile(db)
	f.At = 1795715739000
	good := `{"id":1,"n":1}`
	lmdb := strings.Repeat("\x00", 24) + "\xde\xc0\xef\xbe" + strings.Repeat("\x00", 100)
	for name, c := range map[string]struct{ text, want, hint string }{
		"empty":     {"", "the file is empty", "export the table again"},
		"blank":     {" \n\n", "nothing but blanks", ""},
		"prose":     {"id,n\n1,2\n", "neither JSON nor CSV as Harper exports it", "export_local"},
		"lmdb":      {lmdb, "an LMDB file, as get_backup gives it", "recourse baseline"},
		"gzip":      {"\x1f\x8b\x08\x00", "an archive, as get_backup gives it of RocksDB", "recourse baseline"},
		"tar":       {strings.Repeat("x", 257) + "ustar\x00", "an archive", "recourse baseline"},
		"zip":       {"PK\x03\x04", "compressed", "unpack"},
		"cut":       {"[" + good + ",\n{\"id\":2,", ":2: the file ends in the middle", ""},
		"open":      {"[" + good + "\n", ": the file ends in the middle", ""},
		"more":      {"[" + good + "]\n[]", "something follows the array", ""},
		"cutline":   {good + "\n\n{\"id\":2", ":3: the file ends in the middle", ""},
		"scalar":    {"[" + good + ",\n\n 7]", ":3: it is no record but", ""},
		"nokey":     {good + "\n{\"n\":1}", `:2: the record has no "id"`, "--primary-key"},
		"nullkey":   {good + "\n{\"id\":null}", `:2: its "id": not a primary key`, ""},
		"twice":     {good + "\n" + `{"id":"1"}` + "\n" + good, ":3: the record 1 is in the file twice", ""},
		"badjson":   {good + "\n{\"id\":2,}", ":2: ", ""},
		"cells":     {"\"id\",\"n\"\n1,2\n3\n", ":3: the record has 1 cells, and there are 2 names", ""},
		"unquoted":  {"\"id\",\"n\"\n1,2\n3,rex\n", `:3: its "n": a text without quotes`, ""},
		"names":     {"\"id\",n\n1,2\n", `:1: the name "n" has no quotes`, ""},
		"same":      {"\"id\",\"id\"\n1,2\n", `:1: the name "id" stands twice`, ""},
		"openquote": {"\"id\",\"n\"\n1,\"re", ":2: the file ends within quotes", ""},
		"midquote":  {"\"id\",\"n\"\n1,\"re\"x\n", ":2: something follows the closing quotes", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Take(t.Context(), exported(t, "x", c.text))
			var bad *ingest.BadBaselineError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) || !strings.Contains(bad.Hint(), c.hint) || !strings.Contains(bad.Hint(), "nothing") {
				t.Errorf("%v (%v), want %q (%q)", err, bad, c.want, c.hint)
			}
		})
	}
	if _, err := f.Take(t.Context(), filepath.Join(t.TempDir(), "nowhere")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v, want that there is no such file", err)
	}
	if all, err := db.Baselines(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("stored %+v %v, want nothing", all, err)
	}
}

// TestBaselineFromManyRecords: a file of several commits, from standard input, of
// a table with secrets.
func TestBaselineFromManyRecords(t *testing.T) {
	db := openStore(t)
	f := baselineFile(db)
	f.At, f.Table = 1795715739000, audit.Table{Database: "system", Name: "hdb_user"}
	f.PrimaryKey = "username"
	var b strings.Builder
	for i := range 1234 {
		b.WriteString(`{"username":"u` + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + `","password":"s3cret-` + strings.Repeat("p", 60) + `"}` + "\n")
	}
	f.Stdin = strings.NewReader(b.String())
	commits := 0
	f.Progress = func(audit.Baseline) { commits++ }
	got, err := f.Take(t.Context(), "-")
	if err != nil || got.Records != 1234 || commits < 4 {
		t.Fatalf("%+v, %v, %d commits", got, err, commits)
	}
	r, ok := baseOf(t, db, f.Table, "ua", got.ID)
	if pw := r.Body.Get("password").Text(); !ok || !strings.HasPrefix(pw, "[redacted") || strings.Contains(r.Body.JSON(), "s3cret") {
		t.Errorf("found %v, password %q", ok, pw)
	}
}
