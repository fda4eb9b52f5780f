package audit_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recourse/audit"
)

func TestTimePrintsAsECMAScript(t *testing.T) {
	for f, want := range map[audit.Time]string{
		0:                       "0",
		1:                       "1",
		-1.5:                    "-1.5",
		1795470364242.5806:      "1795470364242.5806",
		1795465916125.6418:      "1795465916125.6418",
		1795470469388:           "1795470469388",
		1e21:                    "1e+21",
		1e20:                    "100000000000000000000",
		123456789012345e9:       "1.23456789012345e+23",
		0.000001:                "0.000001",
		1e-7:                    "1e-7",
		1.5e-10:                 "1.5e-10",
		5e-324:                  "5e-324",
		1.7976931348623157e308:  "1.7976931348623157e+308",
		audit.Time(math.Inf(1)): "Infinity", audit.Time(math.Inf(-1)): "-Infinity",
		audit.Time(math.Copysign(0, -1)): "0",
	} {
		if got := f.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := audit.Time(math.NaN()).String(); got != "NaN" {
		t.Errorf("NaN prints as %s", got)
	}
}

func TestTimeIsKeptBitForBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(rapid.Float64(), rapid.Float64Range(1.7e12, 1.9e12)).Draw(t, "f")
		s := audit.Time(f).String()
		if std, err := json.Marshal(f); err != nil || s != string(std) && f != 0 {
			t.Fatalf("got %s, encoding/json has %s", s, std)
		}
		back, err := audit.ParseTime(s)
		if err != nil || float64(back) != f {
			t.Fatalf("%v → %s → %v, %v", f, s, back, err)
		}
		var viaJSON audit.Time
		data, err := json.Marshal(audit.Time(f))
		if err != nil || json.Unmarshal(data, &viaJSON) != nil || float64(viaJSON) != f {
			t.Fatalf("%v → %s → %v, %v", f, data, viaJSON, err)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"0", "1795470364242.5806", "1e21", "-0", "NaN", "Inf", "0x1p-2", "1_0", "1e999", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := audit.ParseTime(s)
		if err != nil {
			return
		}
		if back, err := audit.ParseTime(v.String()); err != nil || back != v {
			t.Fatalf("%q → %v → %v, %v", s, v, back, err)
		}
		_, _ = v.ISO(), v.Go()
	})
}

func TestTimeThatIsNoInstant(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if data, err := json.Marshal(audit.Time(f)); err == nil {
			t.Errorf("%v has the JSON form %s", f, data)
		}
		if got := audit.Time(f).Go(); !got.IsZero() {
			t.Errorf("%v is %v", f, got)
		}
	}
	for _, s := range []string{"", "x", "NaN", "Infinity", "1e400", "2026-11-23"} {
		if v, err := audit.ParseTime(s); err == nil {
			t.Errorf("%q is %v", s, v)
		}
	}
	if got := audit.Time(253402300800000).Go(); !got.IsZero() {
		t.Errorf("the year 10000 is %v", got)
	}
}

func TestTimeForPeople(t *testing.T) {
	if got, want := audit.Time(1795470364242.5806).ISO(), "2026-11-23T21:46:04.242580566Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := audit.Time(-0.5).ISO(), "1969-12-31T23:59:59.999500000Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC()
		got := audit.TimeOf(at)
		// A step of the float64 is below 0.04 ms as far as the year 9999.
		if d := got.Go().Sub(at).Abs(); d > 40*time.Microsecond && !got.Go().IsZero() {
			t.Fatalf("%v came back %v off", at, d)
		}
	})
}

func TestChangeIDText(t *testing.T) {
	id := (&audit.Change{Time: 1}).Identify()
	text, err := id.MarshalText()
	if err != nil || len(text) != 64 {
		t.Fatalf("%s, %v", text, err)
	}
	var back audit.ChangeID
	if err := back.UnmarshalText(text); err != nil || back != id {
		t.Fatalf("%s came back as %s, %v", text, back, err)
	}
	for _, bad := range [][]byte{nil, []byte("ab"), text[:62], append(bytes.Clone(text[:62]), "zz"...)} {
		was := back
		if err := back.UnmarshalText(bad); err == nil || back != was {
			t.Errorf("%q was read as %s", bad, back)
		}
	}
	if err := back.UnmarshalText(append(text, "00"...)); err == nil {
		t.Error("33 bytes were read as an id")
	}
}
