package report

import (
	"html/template"
	"io"
)

// An htmlPage is an answer as one HTML document that loads nothing and runs
// nothing. All text that is handed to it is visible already; the template makes
// it text in HTML too.
type htmlPage struct {
	Title    string
	Facts    []htmlFact // what it is about
	Notes    []string
	Chart    *htmlChart // nil: there is none
	Sections []htmlSection
}

// An htmlChart is counts over time, drawn as bars.
type htmlChart struct {
	Title         string
	Width, Height int
	From, To      string // below its ends
	Bars          []htmlBar
}

type htmlBar struct {
	X, Y, Width, Height int
	Title               string
}

type htmlFact struct{ Name, Value string }

// An htmlSection is one record, or one subject.
type htmlSection struct {
	Title string
	Tone  string // the class of its colour: good, bad, warn, faint or nothing; the title says the same in words
	Lines []string
	Head  []string // of the table; nil: there is none
	Rows  []htmlRow
}

type htmlRow struct {
	Tone  string
	Cells []string
}

func (p htmlPage) write(w io.Writer) error {
	if err := p.begin(w); err != nil {
		return err
	}
	if err := writeSections(w, p.Sections); err != nil {
		return err
	}
	_, err := io.WriteString(w, htmlEnd)
	return err
}

// begin writes all ahead of the sections.
func (p htmlPage) begin(w io.Writer) error { return htmlTemplate.ExecuteTemplate(w, "page", p) }

func writeSections(w io.Writer, list []htmlSection) error {
	return htmlTemplate.ExecuteTemplate(w, "sections", list)
}

const htmlEnd = "</body>\n</html>\n"

// tone is the paint as a class of the page's style.
func (c paint) tone() string {
	return map[paint]string{good: "good", bad: "bad", warn: "warn", faint: "faint"}[c]
}

var htmlTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
section { border: 1px solid #c8c8c8; border-left-width: 6px; border-radius: 4px; margin: 1rem 0; padding: .6rem .9rem; break-inside: avoid; }
section.good { border-left-color: #1a7f37; } section.bad { border-left-color: #b42318; } section.warn { border-left-color: #b26a00; }
table { border-collapse: collapse; width: 100%; margin-top: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-top: 1px solid #e2e2e2; overflow-wrap: anywhere; }
td { font-family: ui-monospace, monospace; font-size: 13px; }
tr.good td:first-child { color: #1a7f37; } tr.bad td:first-child { color: #b42318; } tr.warn td:first-child { color: #8a5200; }
tr.faint td { color: #555; }
p { margin: .3rem 0; overflow-wrap: anywhere; } p.note { border-left: 6px solid #b26a00; padding-left: .6rem; }
figure { margin: 1rem 0; } svg { background: #f4f4f4; } rect { fill: #3b6ea5; } figcaption { display: flex; justify-content: space-between; font-size: 12px; color: #555; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
<dl>
{{- range .Facts}}
<dt>{{.Name}}</dt><dd>{{.Value}}</dd>
{{- end}}
</dl>
{{- range .Notes}}
<p class="note">{{.}}</p>
{{- end}}
{{- with .Chart}}
<figure>
<svg role="img" viewBox="0 0 {{.Width}} {{.Height}}" width="100%" height="{{.Height}}" preserveAspectRatio="none" xmlns="http://www.w3.org/2000/svg">
<title>{{.Title}}</title>
{{- range .Bars}}
<rect x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{.Height}}"><title>{{.Title}}</title></rect>
{{- end}}
</svg>
<figcaption><span>{{.From}}</span><span>{{.Title}}</span><span>{{.To}}</span></figcaption>
</figure>
{{- end}}
{{define "sections"}}{{range . -}}
<section class="{{.Tone}}">
<h2>{{.Title}}</h2>
{{- range .Lines}}
<p>{{.}}</p>
{{- end}}
{{- if .Head}}
<table>
<thead><tr>{{range .Head}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{- range .Rows}}
<tr class="{{.Tone}}">{{range .Cells}}<td>{{.}}</td>{{end}}</tr>
{{- end}}
</tbody>
</table>
{{- end}}
</section>
{{end}}{{end}}`))
