package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"recourse/audit"
)

// slowJSON is FromJSON made of encoding/json's tokens, which is what FromJSON's
// answers are to be. It needs no depth: the texts here are not deep.
func slowJSON(data []byte) (audit.Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := slowItem(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	return v, nil
}

func slowItem(d *json.Decoder) (audit.Value, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Number:
		return slowNumber(string(tok))
	case json.Delim:
		if tok == '{' {
			return slowObject(d)
		}
		var elems []audit.Value
		for d.More() {
			e, err := slowItem(d)
			if err != nil {
				return nil, err
			}
			elems = append(elems, e)
		}
		_, err := d.Token()
		return audit.Array(elems...), err
	}
	return audit.Of(tok)
}

func slowObject(d *json.Decoder) (audit.Value, error) {
	fields := map[string]audit.Value{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		e, err := slowItem(d)
		if err != nil {
			return nil, err
		}
		fields[name.(string)] = e
	}
	_, err := d.Token()
	return audit.Object(fields), err
}

func slowNumber(s string) (audit.Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		n, ok := new(big.Int).SetString(s, 10)
		if !ok || len(s) > 4096 {
			return nil, fmt.Errorf("number of %d digits", len(s))
		}
		return audit.BigInt(n), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, err
	}
	return audit.Float(f), nil
}

// checkRead compares FromJSON, JSONReader.Read and JSONReader.Skip with the slow
// reader.
func checkRead(t *testing.T, r *audit.JSONReader, data []byte) {
	t.Helper()
	got, err := audit.FromJSON(data)
	if errors.Is(err, audit.ErrTooDeep) {
		return
	}
	want, slowErr := slowJSON(data)
	if (err == nil) != (slowErr == nil) || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Fatalf("%q: got %x, %v; want %x, %v", data, []byte(got), err, []byte(want), slowErr)
	}
	v, rest, readErr := r.Read(data)
	if err == nil && (readErr != nil || !bytes.Equal(v, want) || len(bytes.TrimSpace(rest)) > 0) {
		t.Fatalf("%q: the reader got %x and left %q, %v", data, []byte(v), rest, readErr)
	}
	left, skipErr := r.Skip(data)
	if json.Valid(data) && (skipErr != nil || len(bytes.TrimSpace(left)) > 0) {
		t.Fatalf("%q: was not skipped: %q, %v", data, left, skipErr)
	}
	if readErr == nil && (skipErr != nil || !bytes.Equal(left, rest)) {
		t.Fatalf("%q: skipping leaves %q, %v; reading %q", data, left, skipErr, rest)
	}
	if skipErr == nil && !json.Valid(data[:len(data)-len(left)]) {
		t.Fatalf("%q: is no JSON and was skipped", data[:len(data)-len(left)])
	}
}

var oddJSON = []string{
	`{"id":"p-1","name":"lamp","price":329.79,"n":-12,"stock":0,"at":1795353171780,"remote":true,"x":null,"tags":["a",1.50,{}]}`,
	`{"b":1,"a":2,"b":3,"aa":{"z":1,"y":[]},"a":[{"d":1,"c":2}]}`, `{"":1}`, `[]`, ` [ 1 , 2 ] `, `{ "a" : 1 , "b" : { } }`,
	`0`, `-0`, `-0.0`, `0.1`, `1.0`, `1e3`, `1E-2`, `1e+2`, `12345678901234`, `123456789012345`, `1234567890123456`, `0.123456789012345`,
	`123456789.12345`, `9007199254740993`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`,
	`18446744073709551616`, `1e400`, `-1e400`, `1e-400`, `5e-324`, `1795470364242.5806`, `1795392000217.4106`,
	`01`, `-`, `+1`, `1.`, `.5`, `1e`, `1e+`, `--1`, `1x`, `0x1`, `[01]`, `1 2`, `NaN`, `- 1`,
	`"é"`, `"\u00e9\ud83d\ude00"`, `"\ud800"`, `"\ud800\u0041"`, `"\udc00\n\t\/\b\f\r\""`, "\"\xff\xfe\"", "\"a\xc3\"", `"\x"`, `"\u12"`, `"\u12G4"`, "\"\\u00\x170\"", "\"a\nb\"", `"`, `"\`, `"\"`, `"abc`,
	"\"12345678\x01\"", "\"1234567\x7f\"", "\"\u2028 <>&\"", `{"é":1,"z":2,"\u00e9":3}`, "{\"\xff\":1,\"\ufffd\":2}",
	`{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{"a":1 "b":2}`, `{a:1}`, `{1:2}`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `{"a":1]`, `[`, `{`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `[1`, `[1,`,
	`tru`, `true`, `trux`, `truefalse`, `nul`, `nulll`, `[null,true,false]`, `}`, `]`, `,`, `:`, ``, ` `, "\ufeff1", "1\x00", "\v1", "[1\f]",
}

func TestReadAsEncodingJSONDoes(t *testing.T) {
	var r audit.JSONReader
	for _, s := range oddJSON {
		checkRead(t, &r, []byte(s))
		checkRead(t, &r, []byte(`[`+s+`,{"k":`+s+`}]`))
		checkRead(t, &r, []byte(s+`, "next"`))
	}
	whole := []byte(oddJSON[0])
	for i := range whole { // every byte cut off, and every byte another
		checkRead(t, &r, whole[:i])
		for _, c := range []byte{0, '"', '\\', '{', '}', ',', '0', ' ', 0xc3} {
			other := slices.Clone(whole)
			other[i] = c
			checkRead(t, &r, other)
		}
	}
	for n := range 40 { // more attributes than are sorted by insertion
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(`"%c%d":%d`, 'z'-i%26, i*7%n, i))
		}
		checkRead(t, &r, []byte("{"+strings.Join(parts, ",")+"}"))
	}
}

func TestReadGoesOnAfterAValue(t *testing.T) {
	var r audit.JSONReader
	data := []byte(`{"b":1,"a":"x"} , [2]`)
	v, rest, err := r.Read(data)
	if err != nil || string(rest) != ` , [2]` || v.JSON() != `{"a":"x","b":1}` {
		t.Fatalf("got %s, %q, %v", v.JSON(), rest, err)
	}
	w, rest, err := r.Read(rest[2:])
	if err != nil || len(rest) > 0 || w.JSON() != `[2]` || v.JSON() != `{"a":"x","b":1}` {
		t.Fatalf("got %s, %q, %v; the first is %s now", w.JSON(), rest, err, v.JSON())
	}
	if _, _, err := r.Read([]byte(strings.Repeat("[", 300))); !errors.Is(err, audit.ErrTooDeep) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Skip([]byte(strings.Repeat("[", 300))); !errors.Is(err, audit.ErrTooDeep) {
		t.Errorf("got %v", err)
	}
	if _, _, err := r.Read([]byte(`{"a":"b`)); !errors.Is(err, audit.ErrTruncated) {
		t.Errorf("got %v", err)
	}
}

func FuzzReadJSON(f *testing.F) {
	for _, s := range oddJSON {
		f.Add([]byte(s))
	}
	var r audit.JSONReader
	f.Fuzz(func(t *testing.T, data []byte) { checkRead(t, &r, data) })
}
