package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"unicode/utf8"

	"recourse/audit"
)

func absVal(_ *facts, v val) (val, bool) {
	if v.kind != numberVal {
		return val{}, true
	}
	return asVal(absolute(v.number())), true
}

func typeVal(_ *facts, v val) (val, bool) {
	if v.kind == otherVal {
		return val{}, false
	}
	return textOfBytes(kindNames[v.kind]), true
}

// kindNames is what type says of a value, by its kind.
var kindNames = [...][]byte{nothing: []byte("nothing"), truthVal: []byte("boolean"), numberVal: []byte("number"), textVal: []byte("text")}

func lenVal(_ *facts, v val) (val, bool) {
	if v.kind == textVal {
		return whole(int64(utf8.RuneCount(v.s))), true
	}
	return val{}, v.kind != otherVal
}

func entropyVal(_ *facts, v val) (val, bool) {
	if v.kind != textVal || len(v.s) == 0 {
		return val{}, v.kind != otherVal
	}
	return fraction(entropy(string(v.s))), true
}

func formatVal(f *facts, v val) (val, bool) {
	if v.kind != textVal {
		return val{}, v.kind != otherVal
	}
	return f.text(formatOf(string(v.s))), true
}

func secretVal(_ *facts, v val) (val, bool) {
	if v.kind != textVal {
		return val{}, v.kind != otherVal
	}
	return truthOf(secretLike(v.s)), true
}

func roundVal(_ *facts, v val) (val, bool) {
	if v.kind != numberVal || !v.float {
		return v, v.kind == numberVal
	}
	return fraction(math.Round(math.Float64frombits(v.bits))), true
}

func fingerprintVal(f *facts, v val) (val, bool) {
	if v.kind == otherVal {
		return val{}, false
	}
	if v.kind != textVal {
		return f.text(fingerprint(v.any())), true
	}
	n := len(f.memory)
	f.memory = audit.AppendText(f.memory, v.s)
	sum := sha256.Sum256(f.memory[n:])
	f.memory = hex.AppendEncode(f.memory[:n], sum[:fingerprintSize])
	return textOfBytes(f.memory[n:len(f.memory):len(f.memory)]), true
}

// lastPart is last(split(v, by)).
func lastPart(v val, by []byte) (val, bool) {
	if v.kind != textVal {
		return val{}, v.kind != otherVal
	}
	if i := bytes.LastIndex(v.s, by); i >= 0 {
		return textOfBytes(v.s[i+len(by):]), true
	}
	return v, true
}
