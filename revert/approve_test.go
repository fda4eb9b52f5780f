package revert

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

var signedAt = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// An approver of the tests, with the key that the seed gives.
func approverOf(name string, seed byte) (Approver, ed25519.PrivateKey) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return Approver{Name: name, Key: key.Public().(ed25519.PublicKey)}, key
}

func signed(t testing.TB, p *Plan, key ed25519.PrivateKey, expires string) Envelope {
	t.Helper()
	e, err := Approve(p, key, signedAt, expires, "looked at it")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestApprovals(t *testing.T) {
	p := allKinds(t) // its author is ann
	other := allKinds(t)
	other.Header.Instance.ID = "elsewhere"
	if err := other.seal(); err != nil {
		t.Fatal(err)
	}
	forged := allKinds(t)
	forged.Header.Author = "zoe"
	ann, annKey := approverOf("Ann", 1)
	bob, bobKey := approverOf("bob", 2)
	bob2, bob2Key := approverOf("bob ", 3)
	cal, calKey := approverOf("cal", 4)
	_, strangerKey := approverOf("eve", 5)
	policy := ApprovalPolicy{Required: 2, Approvers: []Approver{ann, bob, bob2, cal}}
	wrong := signed(t, p, calKey, "")
	wrong.Signatures = []Signature{{KeyID: wrong.Signatures[0].KeyID, Sig: bytes.Repeat([]byte{7}, ed25519.SignatureSize)}}
	borrowed := signed(t, p, strangerKey, "")
	borrowed.Signatures[0].KeyID = KeyID(cal.Key)
	retyped := signed(t, p, calKey, "")
	retyped.PayloadType = "application/json"
	for _, tt := range []struct {
		name string
		plan *Plan
		list []Envelope
		at   time.Duration // after it was signed
		want string        // of the error; empty: approved
	}{
		{"two people", p, []Envelope{signed(t, p, bobKey, ""), signed(t, p, calKey, "")}, time.Hour, ""},
		{"nobody", p, nil, 0, "0 of 2"},
		{"the same key twice", p, []Envelope{signed(t, p, bobKey, ""), signed(t, p, bobKey, "")}, 0, "bob: this person has approved already"},
		{"the same person with another key", p, []Envelope{signed(t, p, bobKey, ""), signed(t, p, bob2Key, "")}, 0, "this person has approved already"},
		{"the author", p, []Envelope{signed(t, p, annKey, ""), signed(t, p, calKey, "")}, 0, "the plan's author cannot approve it"},
		{"a stranger", p, []Envelope{signed(t, p, strangerKey, ""), signed(t, p, calKey, "")}, 0, "the key is no approver's"},
		{"a wrong signature", p, []Envelope{wrong, signed(t, p, bobKey, "")}, 0, "cal: the signature is wrong"},
		{"a stranger's under an approver's name", p, []Envelope{borrowed, signed(t, p, bobKey, "")}, 0, "cal: the signature is wrong"},
		{"of another type", p, []Envelope{retyped, signed(t, p, bobKey, "")}, 0, "cal: the signature is wrong"},
		{"of another plan", p, []Envelope{signed(t, other, calKey, ""), signed(t, p, bobKey, "")}, 0, "it is of another plan"},
		{"of the same plan by another author", forged, []Envelope{signed(t, p, calKey, ""), signed(t, p, bobKey, "")}, 0, "with another header"},
		{"not expired", p, []Envelope{signed(t, p, bobKey, "2026-11-24T10:00:00Z"), signed(t, p, calKey, "")}, 59 * time.Minute, ""},
		{"expired", p, []Envelope{signed(t, p, bobKey, "2026-11-24T10:00:00Z"), signed(t, p, calKey, "")}, time.Hour, "bob: it has expired"},
		{"an expiry that is none", p, []Envelope{signed(t, p, bobKey, "soon"), signed(t, p, calKey, "")}, 0, "bob: it has expired"},
		{"signed in the future", p, []Envelope{signed(t, p, bobKey, ""), signed(t, p, calKey, "")}, -10 * time.Minute, "one of the clocks is wrong"},
		{"a clock that is a little behind", p, []Envelope{signed(t, p, bobKey, ""), signed(t, p, calKey, "")}, -4 * time.Minute, ""},
	} {
		err := CheckApprovals(tt.plan, tt.list, policy, signedAt.Add(tt.at))
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrNotApproved) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	policy.MaxAge = time.Hour
	both := []Envelope{signed(t, p, bobKey, ""), signed(t, p, calKey, "")}
	if err := CheckApprovals(p, both, policy, signedAt.Add(61*time.Minute)); !errors.Is(err, ErrNotApproved) || !strings.Contains(err.Error(), "older than 1h") {
		t.Errorf("too old: %v", err)
	}
	if err := CheckApprovals(p, nil, ApprovalPolicy{}, signedAt); err != nil {
		t.Errorf("nobody asks for approvals: %v", err)
	}
}

// A plan that asks for approvals itself cannot do without, whatever the policy
// says; one that has expired cannot be applied at all.
func TestPlanAsksForApprovals(t *testing.T) {
	p := allKinds(t)
	p.Header.Approvals = 1
	if err := p.seal(); err != nil {
		t.Fatal(err)
	}
	if err := CheckApprovals(p, nil, ApprovalPolicy{}, signedAt); !errors.Is(err, ErrNotApproved) {
		t.Errorf("without approvals: %v", err)
	}
	bob, key := approverOf("bob", 2)
	policy := ApprovalPolicy{Approvers: []Approver{bob}}
	if err := CheckApprovals(p, []Envelope{signed(t, p, key, "")}, policy, signedAt); err != nil {
		t.Error(err)
	}
	p.Header.Expires = "2026-11-24T09:30:00Z"
	late := []Envelope{signed(t, p, key, "")}
	if err := CheckApprovals(p, late, policy, signedAt.Add(29*time.Minute)); err != nil {
		t.Error(err)
	}
	if err := CheckApprovals(p, late, policy, signedAt.Add(30*time.Minute)); !errors.Is(err, ErrPlanExpired) {
		t.Errorf("expired: %v", err)
	}
	if err := CheckApprovals(p, late, policy, signedAt.Add(-2*time.Hour)); !errors.Is(err, ErrPlanExpired) {
		t.Errorf("made in the future: %v", err)
	}
	p.Header.Author = ""
	if err := CheckApprovals(p, []Envelope{signed(t, p, key, "")}, policy, signedAt); !errors.Is(err, ErrNotApproved) {
		t.Errorf("without an author: %v", err)
	}
}

// Who decided a conflict cannot approve what they decided.
func TestDeciderIsNoApprover(t *testing.T) {
	s, p := planOf(t, base+"eve delete; bob insert a=2")
	q, err := resolved(t, s, p, "recreated=merge") // by ann
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Author = "bob"
	ann, key := approverOf("ANN", 1)
	err = CheckApprovals(q, []Envelope{signed(t, q, key, "")}, ApprovalPolicy{Required: 1, Approvers: []Approver{ann}}, signedAt)
	if !errors.Is(err, ErrNotApproved) || !strings.Contains(err.Error(), "decided a conflict") {
		t.Error(err)
	}
}

// The file of approvals reads back as it was written, and not a byte otherwise
// counts.
func TestEnvelopes(t *testing.T) {
	p := allKinds(t)
	bob, bobKey := approverOf("bob", 2)
	cal, calKey := approverOf("cal", 4)
	var b bytes.Buffer
	if err := WriteEnvelopes(&b, []Envelope{signed(t, p, bobKey, "2026-12-01T00:00:00Z"), signed(t, p, calKey, "")}); err != nil {
		t.Fatal(err)
	}
	policy := ApprovalPolicy{Required: 2, Approvers: []Approver{bob, cal}}
	counts := func(data []byte) bool {
		list, err := ReadEnvelopes(bytes.NewReader(data))
		return err == nil && CheckApprovals(p, list, policy, signedAt) == nil
	}
	if !counts(b.Bytes()) {
		t.Fatal("what was written does not count")
	}
	for i := range b.Bytes() {
		flipped := bytes.Clone(b.Bytes())
		if flipped[i] ^= 1; counts(flipped) {
			t.Fatalf("with byte %d changed it still counts: %q", i, flipped)
		}
	}
	line, _, _ := bytes.Cut(b.Bytes(), []byte("\n"))
	for name, data := range map[string]string{
		"a name twice":     strings.Replace(string(line), "{", `{"payloadType":"x",`, 1),
		"a name more":      strings.Replace(string(line), "{", `{"a":1,`, 1),
		"no signature":     `{"payload":"","payloadType":"x","signatures":[]}`,
		"not JSON":         "approved",
		"longer than long": strings.Repeat("x", maxEnvelope+1),
		"too many":         strings.Repeat(string(line)+"\n", maxEnvelopes+1),
	} {
		if _, err := ReadEnvelopes(strings.NewReader(data)); !errors.Is(err, ErrBadApproval) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A comment that could not be read back is not signed.
func TestCommentsOfReason(t *testing.T) {
	p := allKinds(t)
	_, key := approverOf("bob", 2)
	for _, comment := range []string{strings.Repeat("x", maxReason+1), "\xff"} {
		if _, err := Approve(p, key, signedAt, "", comment); err == nil {
			t.Errorf("a comment of %d bytes is signed", len(comment))
		}
	}
}

func TestKeys(t *testing.T) {
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	file, err := MarshalPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParsePrivateKey(file)
	if err != nil || !back.Equal(key) {
		t.Error("the private key does not read back", err)
	}
	pub := key.Public().(ed25519.PublicKey)
	if got, err := ParsePublicKey(PublicKey(pub)); err != nil || !got.Equal(pub) {
		t.Error("the public key does not read back", err)
	}
	secret := base64.StdEncoding.EncodeToString(key.Seed())
	for _, bad := range []string{"", "ed25519:", "ed25519:AAAA", "rsa:" + secret, "ed25519:" + secret + "\n"} {
		if _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("%q is taken for a public key", bad)
		}
	}
	for _, bad := range []string{"", secret, string(file) + string(file), strings.Replace(string(file), "M", "N", 1), string(file[:80])} {
		if _, err := ParsePrivateKey([]byte(bad)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
