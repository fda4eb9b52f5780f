package revert

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// An Approval is what an approver signs: this plan, with this author, this expiry
// and these decisions, and nothing else.
type Approval struct {
	Kind        string `json:"kind"` // "revert-approval"
	V           int    `json:"v"`    // 1
	Plan        string `json:"plan"` // the plan's digest
	Header      string `json:"header"`
	Actions     string `json:"actions_root"`
	Conflicts   string `json:"conflicts_root"`
	Kept        string `json:"kept_root"`
	Containment string `json:"containment_root"`
	Resolutions string `json:"resolutions"` // SHA-256 over the decisions
	Key         string `json:"key"`         // the id of the key that signs
	Signed      string `json:"signed"`      // RFC 3339, by the approver's clock
	Expires     string `json:"expires,omitempty"`
	Comment     string `json:"comment,omitempty"`
}

// An Envelope is an approval with its signature, in the form of DSSE: the
// signature is over the payload's type and bytes.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"` // in the file base64
	Signatures  []Signature `json:"signatures"`
}

// A Signature is one of an envelope.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"` // in the file base64
}

const (
	approvalType    = "application/vnd.recourse.revert-approval+json"
	approvalKind    = "revert-approval"
	approvalVersion = 1
	maxEnvelope     = 1 << 20 // bytes of a line
	maxEnvelopes    = 1000
)

// ErrBadApproval says that a file of approvals is not what was written.
var ErrBadApproval = errors.New("approvals are damaged")

// preimage is what is signed: DSSE's pre-authentication encoding.
func (e *Envelope) preimage() []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload)
}

// SignedBy says that the envelope claims to be an approval of the plan by that
// key. Whether it is, Judge says.
func (e *Envelope) SignedBy(key string, p *Plan) bool {
	var said Approval
	return strict(e.Payload, &said) == nil && said.Plan == p.Header.Digest && said.Key == key
}

// Approve signs the plan. Expires and comment may be empty.
func Approve(p *Plan, key ed25519.PrivateKey, now time.Time, expires, comment string) (Envelope, error) {
	a, err := p.approval()
	if err == nil && len(comment) > maxReason {
		err = fmt.Errorf("%w: the comment is longer than %d bytes", ErrBadApproval, maxReason)
	}
	if err != nil {
		return Envelope{}, fmt.Errorf("approve plan %s: %w", p.Header.ID, err)
	}
	a.Key = KeyID(key.Public().(ed25519.PublicKey))
	a.Signed, a.Expires, a.Comment = now.UTC().Format(time.RFC3339), expires, comment
	payload, err := canonical(a)
	if err != nil {
		return Envelope{}, fmt.Errorf("approve plan %s: %w", p.Header.ID, err)
	}
	e := Envelope{PayloadType: approvalType, Payload: payload}
	e.Signatures = []Signature{{KeyID: a.Key, Sig: ed25519.Sign(key, e.preimage())}}
	return e, nil
}

// approval is what an approval of the plan says of it.
func (p *Plan) approval() (Approval, error) {
	if p.Review() {
		return Approval{}, ErrReviewCopy
	}
	h := &p.Header
	head, err := h.hash()
	if err != nil {
		return Approval{}, err
	}
	sum := sha256.New()
	for i := range p.Conflicts {
		if err := p.Conflicts[i].hashResolution(sum); err != nil {
			return Approval{}, err
		}
	}
	return Approval{
		Kind: approvalKind, V: approvalVersion, Plan: h.Digest, Header: head,
		Actions: h.Actions, Conflicts: h.Conflicts, Kept: h.Kept, Containment: h.Containment, Resolutions: hex.EncodeToString(sum.Sum(nil)),
	}, nil
}

func (c *Conflict) hashResolution(h hash.Hash) error {
	if c.Resolution == nil {
		return nil
	}
	line, err := canonical(struct {
		K          Target      `json:"k"`
		Class      Class       `json:"class"`
		Resolution *Resolution `json:"resolution"`
	}{c.K, c.Class, c.Resolution})
	h.Write(line)
	return err
}

// WriteEnvelopes writes approvals, a line each.
func WriteEnvelopes(w io.Writer, list []Envelope) error {
	out := bufio.NewWriter(w)
	for i := range list {
		line, err := canonical(&list[i])
		if err != nil {
			return fmt.Errorf("write approvals: %w", err)
		}
		_, _ = out.Write(line)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write approvals: %w", err)
	}
	return nil
}

// ReadEnvelopes reads approvals, whose signatures it does not check. Lines of
// several files may be put into one.
func ReadEnvelopes(r io.Reader) ([]Envelope, error) {
	bad := func(line int, err error) error {
		return fmt.Errorf("read approvals: line %d: %w: %v", line, ErrBadApproval, err)
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxEnvelope)
	var list []Envelope
	for n := 1; s.Scan(); n++ {
		var e Envelope
		if err := strict(append(s.Bytes(), '\n'), &e); err != nil {
			return nil, bad(n, err)
		}
		if len(e.Signatures) == 0 {
			return nil, bad(n, errors.New("it has no signature"))
		}
		if list = append(list, e); n > maxEnvelopes {
			return nil, bad(n, fmt.Errorf("more than %d approvals", maxEnvelopes))
		}
	}
	if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, bad(len(list)+1, err)
	} else if err != nil {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	return list, nil
}
