package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"recourse/audit"
)

func FuzzDecode(f *testing.F) {
	answers, _ := captured(f, "*/values/*.json")
	for _, a := range answers {
		f.Add(a)
	}
	for _, s := range []string{"", "\xf7", "\x9b\x10\x00\x00\x00\x00\x00\x00\x00", "\xa1\xf7\x01", "\xc1\xf7", "\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00", "\xc0\x74" + "2013-03-21T20:04:00Z", "\x7f\x61a\x61b\xff", "\xbf\x61a\x01\x61a\x02\xff", "\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00", "\xc3\x40", "\xd9\xd9\xf7\x01", "\xf9\x80\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := audit.Decode(data)
		theirs := lax.Wellformed(data)
		if err != nil {
			if v != nil {
				t.Fatalf("a value beside an error: %x", v)
			}
			if theirs == nil && !refusedOnPurpose(err) {
				t.Fatalf("%x is CBOR and was refused: %v", data, err)
			}
			return
		}
		if theirs != nil && !strings.Contains(theirs.Error(), "exceeded max") {
			t.Fatalf("%x was accepted as %x, but is no CBOR: %v", data, v, theirs)
		}
		if v == nil {
			return // undefined
		}
		checkValue(t, v)
		checkAsTheirs(t, v)
		compareMeaning(t, data, v)
	})
}

// refusedOnPurpose are the differences from CBOR at large: what JavaScript has
// not, and what is too deep.
func refusedOnPurpose(err error) bool {
	if errors.Is(err, audit.ErrTooDeep) {
		return true
	}
	for _, s := range []string{"not one of JavaScript's", "a date of kind", "a big integer of kind"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

var (
	lax, _ = cbor.DecOptions{
		MaxNestedLevels: 1000, MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32,
		UTF8: cbor.UTF8DecodeInvalid, BignumTag: cbor.BignumTagAllowed, TimeTag: cbor.DecTagIgnored,
	}.DecMode()
	deterministic, _ = cbor.CoreDetEncOptions().EncMode()
)

// checkAsTheirs says that another implementation's deterministic encoding of v
// is v. Dates are left out: it turns them into time.Time.
func checkAsTheirs(t testing.TB, v audit.Value) {
	t.Helper()
	if holds(v, func(v audit.Value) bool {
		n, _ := v.Tag()
		return v.Kind() == audit.KindDate || n != 0 || v.Kind() == audit.KindTagged
	}) {
		return
	}
	var x any
	if err := lax.Unmarshal(v, &x); err != nil {
		t.Fatalf("%x: %v", v, err)
	}
	if got, err := deterministic.Marshal(x); err != nil || !bytes.Equal(got, v) {
		t.Fatalf("%x: deterministic form is %x, %v", v, got, err)
	}
}

// compareMeaning says that data means to another implementation what v means,
// as far as Go's types can tell.
func compareMeaning(t testing.TB, data []byte, v audit.Value) {
	t.Helper()
	if hasTag(v) || holds(v, func(v audit.Value) bool { return v.Kind() == audit.KindDate }) {
		return
	}
	var x any
	if lax.Unmarshal(data, &x) != nil {
		return
	}
	want, err := fromTheirs(x)
	if err != nil {
		return
	}
	if want == nil || !bytes.Equal(want, v) {
		t.Fatalf("%x: we read %s, they read %s (%#v)", data, v.JSON(), want.JSON(), x)
	}
}

var errUnlike = errors.New("differs on purpose")

// fromTheirs is a decoded value as ours. What we read otherwise on purpose is
// errUnlike: undefined, which they read as nil like null; names that are not
// text; text that is not UTF-8.
func fromTheirs(x any) (audit.Value, error) {
	switch x := x.(type) {
	case nil:
		return nil, errUnlike
	case int64, uint64, bool, float64, []byte:
		return audit.Of(x)
	case big.Int:
		return audit.BigInt(&x), nil
	case string:
		if strings.ToValidUTF8(x, "") != x {
			return nil, errUnlike
		}
		return audit.Text(x), nil
	case []any:
		elems := make([]audit.Value, len(x))
		for i, e := range x {
			v, err := fromTheirs(e)
			if err != nil {
				return nil, err
			}
			elems[i] = v
		}
		return audit.Array(elems...), nil
	case map[any]any:
		fields := map[string]audit.Value{}
		for k, e := range x {
			name, ok := k.(string)
			v, err := fromTheirs(e)
			if err != nil || !ok || strings.ToValidUTF8(name, "") != name {
				return nil, errUnlike
			}
			fields[name] = v
		}
		return audit.Object(fields), nil
	}
	return nil, errUnlike
}

func FuzzFromJSON(f *testing.F) {
	_, answers := captured(f, "*/values/*.json")
	_, ids := captured(f, "*/ids/*.json")
	for _, a := range append(answers, ids...) {
		f.Add(a)
	}
	for _, s := range []string{`9007199254740993`, `-12345678901234567890`, `1e400`, `-0`, `0.1`, `1e-400`, `{"$date":"x"}`, `{"$object":{"$date":1}}`, `{"$tag":[2,{"$bytes":"AQ=="}]}`, `{"a":1,"a":2}`, `"\ud800"`, `{"$date":"+012345-01-01T00:00:00.000Z"}`, `[[]] x`, `{"$date":{"$date":null}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := audit.FromJSON(data)
		if err != nil {
			if json.Valid(data) && !errors.Is(err, audit.ErrTooDeep) && !strings.Contains(err.Error(), "digits") {
				t.Fatalf("%q is JSON and was refused: %v", data, err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON and was read as %s", data, v.JSON())
		}
		checkValue(t, v)
		var typed audit.Value
		if typed.UnmarshalJSON(data) == nil {
			checkValue(t, typed)
		}
	})
}
