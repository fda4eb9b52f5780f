package harper

import "bytes"

// lineNames are what a line's object may say.
var lineNames = [...]struct {
	raw   string // with its colon, as most write it
	field lineField
	ids   bool
}{
	{raw: `"operation":`, field: lineOp},
	{raw: `"user_name":`, field: lineUser},
	{raw: `"timestamp":`, field: lineTime},
	{raw: `"hash_values":`, field: lineKeys},
	{raw: `"ids":`, field: lineKeys, ids: true},
	{raw: `"records":`, field: lineRecords},
	{raw: `"database":`, field: lineDatabase},
	{raw: `"table":`, field: lineTable},
	{raw: `"schema":`, field: lineSchema},
}

// name passes the nth name of a line and its colon. The names of one line are
// mostly those of the line before.
func (d *LineDecoder) name(rest []byte, n int) (lineField, []byte, bool) {
	rest = trimSpace(rest)
	found := -1
	if n < len(d.names) && hasPrefix(rest, lineNames[d.names[n]].raw) {
		found = d.names[n]
	} else {
		for i := range lineNames {
			if hasPrefix(rest, lineNames[i].raw) {
				found = i
				d.names = append(d.names[:min(n, len(d.names))], i)
				break
			}
		}
	}
	if found >= 0 {
		name := &lineNames[found]
		d.group.idsField = d.group.idsField || name.ids
		return name.field, rest[len(name.raw):], true
	}
	return d.oddName(rest)
}

// oddName is name for one that is written in a way that is not usual.
func (d *LineDecoder) oddName(rest []byte) (lineField, []byte, bool) {
	text, rest, err := d.json.ReadText(rest)
	if err != nil || text == nil {
		return 0, rest, false
	}
	for i := range lineNames {
		if name := &lineNames[i]; string(text) == name.raw[1:len(name.raw)-2] {
			d.group.idsField = d.group.idsField || name.ids
			rest, ok := passByte(rest, ':')
			return name.field, rest, ok
		}
	}
	return 0, rest, false
}

func hasPrefix(data []byte, prefix string) bool {
	return len(data) >= len(prefix) && string(data[:len(prefix)]) == prefix
}

func trimSpace(data []byte) []byte {
	if len(data) > 0 && data[0] > ' ' {
		return data
	}
	return bytes.TrimLeft(data, " \t\r\n")
}

// word is a text of which the same comes again and again.
func (d *LineDecoder) word(text []byte) string {
	last := &d.last[wordPlace(text)]
	if *last != string(text) {
		*last = d.known(text)
	}
	return *last
}

// wordPlace is where among the words of late a text is: by its last letters, in which
// names that are numbered differ.
func wordPlace(text []byte) uint32 {
	place := uint32(len(text))
	for _, c := range text[max(0, len(text)-4):] {
		place = place*31 + uint32(c)
	}
	return (place ^ place>>9) % 512
}

// known is the one string of which the same comes again and again.
func (d *LineDecoder) known(text []byte) string {
	if s, known := d.words[string(text)]; known {
		return s
	}
	const most, longest = 10_000, 256
	s := string(text)
	if d.words == nil || len(d.words) >= most {
		d.words = map[string]string{}
	}
	if len(s) <= longest {
		d.words[s] = s
	}
	return s
}
