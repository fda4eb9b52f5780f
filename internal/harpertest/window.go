package harpertest

import (
	"encoding/binary"
	"math"
	"strconv"

	"recourse/audit"
)

// selectEntries reads search_values the way each line does, odd ones included.
func (s *Server) selectEntries(t *table, values audit.Value) ([]*entry, error) {
	from, to := nth(values, 0), nth(values, 1)
	if s.line == RocksDB {
		return rocksRange(t, from, to)
	}
	hi := audit.Time(math.Inf(1))
	if to != nil {
		hi = lmdbKey(to)
	}
	return t.window(lmdbKey(from), hi), nil
}

// lmdbKey is the time whose key sorts as LMDB sorts a search value: the bytes
// of a float64, or of a text. So a negative number is behind all times, text
// that starts with a digit before them and text that starts with a letter
// behind.
func lmdbKey(v audit.Value) audit.Time {
	switch v.Kind() {
	case audit.KindInt, audit.KindFloat:
		f, _ := v.Float64()
		if f < 0 {
			return audit.Time(math.Inf(1))
		}
		return audit.Time(f)
	case audit.KindText:
		var key [8]byte
		copy(key[:], v.Text())
		if key[0] >= 0x7f {
			return audit.Time(math.Inf(1))
		}
		return audit.Time(math.Float64frombits(binary.BigEndian.Uint64(key[:])))
	}
	return 0
}

func rocksRange(t *table, from, to audit.Value) ([]*entry, error) {
	lo, hi := 1.0, math.Inf(1)
	switch from.Kind() {
	case audit.KindInt, audit.KindFloat:
		if f, _ := from.Float64(); f != 0 {
			lo = f
		}
	case audit.KindMissing, audit.KindNull:
	default:
		if from.Text() != "" || from.Kind() != audit.KindText {
			return nil, &jsError{"Error", "A number was expected"}
		}
	}
	switch to.Kind() {
	case audit.KindInt, audit.KindFloat:
		hi, _ = to.Float64()
	case audit.KindMissing, audit.KindNull:
	case audit.KindText: // compared as a number
		f, err := strconv.ParseFloat(to.Text(), 64)
		if err != nil {
			return nil, nil
		}
		hi = f
	default:
		return nil, nil
	}
	return t.window(audit.Time(lo), audit.Time(hi)), nil
}

// nth is values[i] in JavaScript, of an array or a string.
func nth(values audit.Value, i int) audit.Value {
	if values.Kind() == audit.KindText {
		if r := []rune(values.Text()); i < len(r) {
			return audit.Text(string(r[i]))
		}
		return nil
	}
	for e := range values.Elems() {
		if i == 0 {
			return e
		}
		i--
	}
	return nil
}
