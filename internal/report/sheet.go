package report

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A sheet is an answer as rows of text, for CSV and Markdown. All text that is
// handed to it is visible already.
type sheet struct {
	names []string
	rows  [][]string
}

func (s sheet) writeCSV(w io.Writer) error {
	return writeCSVRows(w, append([][]string{s.names}, s.rows...))
}

func writeCSVRows(w io.Writer, rows [][]string) error {
	c := csv.NewWriter(w)
	for _, row := range rows {
		out := make([]string, len(row))
		for i, cell := range row {
			out[i] = csvCell(cell)
		}
		if err := c.Write(out); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// csvCell is a cell that no spreadsheet takes for a formula: one that begins
// like a formula, behind spaces which a spreadsheet may be told to trim, has an
// apostrophe before it. (A tab or a line break, which would count as such a
// beginning, is visible by now.) A number is no formula.
func csvCell(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	risky := strings.ContainsRune("=+-@＝＋－＠", first)
	if risky && !isNumber(s) {
		return "'" + s
	}
	return s
}

func isNumber(s string) bool {
	var n json.Number
	return json.Unmarshal([]byte(s), &n) == nil && s[0] != '"'
}

func (s sheet) writeMarkdown(b io.StringWriter) {
	markdownRow(b, s.names)
	b.WriteString("|" + strings.Repeat(" --- |", len(s.names)) + "\n")
	s.writeRows(b)
}

// writeRows writes the rows of Markdown alone.
func (s sheet) writeRows(b io.StringWriter) {
	for _, r := range s.rows {
		markdownRow(b, r)
	}
}

func markdownRow(b io.StringWriter, cells []string) {
	b.WriteString("|")
	for _, c := range cells {
		b.WriteString(" " + markdown(c) + " |")
	}
	b.WriteString("\n")
}

var markup = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "`", "\\`", `\`, `\\`,
	"*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "#", `\#`, "!", `\!`, "$", `\$`, "://", `\://`,
)

// markdown is s without a markup of its own.
func markdown(s string) string {
	s = markup.Replace(s)
	// What begins a list, at the start of a line.
	if s != "" && strings.ContainsAny(s[:1], "+-=") {
		s = `\` + s
	}
	return s
}
