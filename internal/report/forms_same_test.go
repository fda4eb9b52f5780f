package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/goccy/go-yaml"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
)

func TestYAMLIsTheJSON(t *testing.T) {
	changes := append(story(), hostile())
	changes[0].After.Body = changes[0].After.Body.With("deep", parse(`[[],{},[[1,[2]],{"a":[{"b":null,"yes":true,"":"no"}],"c d":"- x: #y"}],1e+21,-0.5,"null","~","2026-11-23"]`))
	var asJSON, asYAML bytes.Buffer
	for w, f := range map[*bytes.Buffer]report.Format{&asJSON: report.JSON, &asYAML: report.YAML} {
		if err := report.New(w, report.Options{Format: f}).Changes(changes, query.Summary{Next: "x", Coverage: query.Coverage{Gaps: gaps()}}); err != nil {
			t.Fatal(err)
		}
	}
	var want, got any
	if err := json.Unmarshal(asJSON.Bytes(), &want); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(asYAML.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, asYAML.String())
	}
	// Through JSON once more, so that both have JSON's numbers.
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-JSON +YAML:\n%s", d)
	}
}

func TestJSONLosesNothing(t *testing.T) {
	c := hostile()
	c.After.Body = c.After.Body.With("n", audit.Float(math.NaN())).With("b", audit.BytesValue([]byte{0, 255})).With("d", audit.DateOf(1)).With("i", parse(`12345678901234567890`)).
		With("long", audit.Text(strings.Repeat("x", 5000)))
	for _, f := range []report.Format{report.JSON, report.NDJSON} {
		var b bytes.Buffer
		if err := report.New(&b, report.Options{Format: f, Width: 20}).Change(c, report.Readings{}); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Time  audit.Time
			User  string
			Key   audit.ID
			After struct{ Body audit.Value }
			Diff  []struct{ Path string }
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.After.Body, c.After.Body) || got.Key != c.Key.ID || got.User != c.User || got.Time != c.Time || len(got.Diff) != 7 {
			t.Errorf("%s: got %+v", f, got)
		}
	}
}

func TestTheTerminalsWidthIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(30, 200).Draw(t, "width")
		c := hostile()
		text := rapid.StringOf(rapid.RuneFrom([]rune("a日😀é \x1b\u0301\u202e")))
		c.User = text.Draw(t, "user")
		c.After.Body = audit.Object(map[string]audit.Value{text.Draw(t, "name"): audit.Text(text.Draw(t, "text"))})
		for i, out := range printed(t, c, report.Options{Width: width}) {
			for l := range strings.Lines(out) {
				if n := wide(strings.TrimSuffix(l, "\n")); n > width {
					t.Fatalf("answer %d: %d columns of %d: %s", i, n, width, l)
				}
			}
		}
	})
}

// wide counts columns for what the test draws: the wide runes are two columns.
func wide(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case r >= 0x1100 && (unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r == '😀'):
			n += 2
		default:
			n++
		}
	}
	return n
}

func TestUnknownIsNeverShownAsEmpty(t *testing.T) {
	c := audit.Change{Op: audit.OpUpdate, After: present(`{"a":1}`, audit.Logged, audit.Prompt), Key: key("customers", `1`)}
	for format, want := range map[report.Format][]string{
		report.Table:    {"before unknown", "(not named)"},
		report.JSON:     {`"diff": null`, `"diff_unknown": true`, `"changed": null`, `"user": null`},
		report.NDJSON:   {`"diff":null,"diff_unknown":true`, `"before":{"state":"unknown"`},
		report.YAML:     {"diff: null", "diff_unknown: true"},
		report.CSV:      {"before unknown"},
		report.Markdown: {"before unknown"},
	} {
		var b bytes.Buffer
		if err := report.New(&b, report.Options{Format: format}).Change(c, report.Readings{}); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %s in %s", format, w, b.String())
			}
		}
	}
}

func TestNothingIsCalledCompleteBesideAGap(t *testing.T) {
	for _, f := range formats {
		var b bytes.Buffer
		if err := report.New(&b, report.Options{Format: f}).Changes(nil, query.Summary{Coverage: query.Coverage{Complete: true, Gaps: gaps()}}); err != nil {
			t.Fatal(err)
		}
		if s := strings.ReplaceAll(b.String(), " ", ""); strings.Contains(s, `complete":true`) || strings.Contains(s, "complete:true") || strings.Contains(s, "noknowngap") {
			t.Errorf("%s: %s", f, b.String())
		}
	}
}

func TestFormats(t *testing.T) {
	for _, f := range formats {
		if got, err := report.ParseFormat(string(f)); err != nil || got != f || report.New(nil, report.Options{Format: f}).Format() != f {
			t.Errorf("%s: got %s, %v", f, got, err)
		}
	}
	if f, err := report.ParseFormat("xml\x1b"); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("xml is %s, %v", f, err)
	}
	var b bytes.Buffer
	if err := report.New(&b, report.Options{Format: "xml"}).Covered(report.Covered{}); err == nil || b.Len() > 0 {
		t.Errorf("printed %q, %v", b.String(), err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

var errFull = &json.UnsupportedValueError{Str: "disk full"}

func TestTheWritersErrorIsReturned(t *testing.T) {
	if err := report.New(failing{}, report.Options{}).Covered(report.Covered{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkChangesNDJSON(b *testing.B) {
	changes := story()
	b.ReportAllocs()
	for b.Loop() {
		var w bytes.Buffer
		if err := report.New(&w, report.Options{Format: report.NDJSON}).Changes(changes, query.Summary{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChangeLines(b *testing.B) {
	changes := story()
	b.ReportAllocs()
	var w bytes.Buffer
	p := report.New(&w, report.Options{Format: report.NDJSON})
	for b.Loop() {
		w.Reset()
		if err := p.ChangeLines(changes); err != nil {
			b.Fatal(err)
		}
	}
}
