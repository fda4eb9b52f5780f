package revert

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"
)

// An ApprovalPolicy says who may approve plans, and how many must. Its zero value
// asks for no approval.
type ApprovalPolicy struct {
	Required  int        // different people; 0: none need to, unless the plan itself asks
	Approvers []Approver // in any order; a person may have several keys
	// MaxAge is how long an approval counts from when it was signed; 0: until the
	// expiry that it has itself, if it has one.
	MaxAge time.Duration
}

// An Approver is a person with a key.
type Approver struct {
	Name string
	Key  ed25519.PublicKey
}

// clockSkew is how much later than ours another person's clock may be.
const clockSkew = 5 * time.Minute

var (
	// ErrNotApproved says that a plan lacks approvals that it needs.
	ErrNotApproved = errors.New("plan is not approved")
	// ErrPlanExpired says that a plan is too old to be applied, or, by our clock,
	// not made yet.
	ErrPlanExpired = errors.New("plan has expired")
)

// Approvals is how a plan stands with those who may approve it.
type Approvals struct {
	Plan     string    `json:"plan"`
	Required int       `json:"required"`
	Counted  int       `json:"counted"` // different people whose approvals count
	Expired  string    `json:"expired,omitempty"`
	List     []Counted `json:"approvals"`
}

// Counted is one signature, and whether it counts.
type Counted struct {
	Approver string `json:"approver"` // empty: not known
	Key      string `json:"key"`
	Signed   string `json:"signed,omitempty"`
	Expires  string `json:"expires,omitempty"`
	Comment  string `json:"comment,omitempty"`
	OK       bool   `json:"ok"`
	Why      string `json:"why,omitempty"` // why it does not count
}

// An ApprovalError says what is missing. It wraps ErrNotApproved or
// ErrPlanExpired.
type ApprovalError struct {
	Err    error
	Detail string
}

func (e *ApprovalError) Error() string { return e.Err.Error() + ": " + e.Detail }

func (e *ApprovalError) Unwrap() error { return e.Err }

// Hint says what a person can do about it.
func (e *ApprovalError) Hint() string {
	if errors.Is(e.Err, ErrPlanExpired) {
		return "plan again from the selection, and have the new plan approved"
	}
	return "an approver signs with revert approve; revert check says of each approval whether it counts"
}

// CheckApprovals says whether the plan may be carried out now: it has not
// expired, and so many people as the policy, or the plan, asks for have approved
// this very plan. Otherwise it is ErrPlanExpired or ErrNotApproved.
func CheckApprovals(p *Plan, list []Envelope, policy ApprovalPolicy, now time.Time) error {
	a, err := Judge(p, list, policy, now)
	if err != nil {
		return err
	}
	return a.Err()
}

// Err is ErrPlanExpired, ErrNotApproved or nil.
func (a *Approvals) Err() error {
	switch {
	case a.Expired != "":
		return &ApprovalError{Err: ErrPlanExpired, Detail: a.Expired}
	case a.Counted >= a.Required:
		return nil
	}
	detail := fmt.Sprintf("%d of %d", a.Counted, a.Required)
	for _, c := range a.List {
		if !c.OK {
			detail += "; " + c.name() + ": " + c.Why
		}
	}
	return &ApprovalError{Err: ErrNotApproved, Detail: detail}
}

func (c *Counted) name() string {
	if c.Approver != "" {
		return short(c.Approver)
	}
	return "key " + short(c.Key)
}

// Judge looks at every signature. An error is about the plan itself.
func Judge(p *Plan, list []Envelope, policy ApprovalPolicy, now time.Time) (*Approvals, error) {
	want, err := p.approval()
	if err != nil {
		return nil, err
	}
	a := &Approvals{Plan: p.Header.Digest, Required: max(policy.Required, p.Header.Approvals), List: []Counted{}, Expired: p.expired(now)}
	people := map[string]bool{}
	for i := range list {
		for _, sig := range list[i].Signatures {
			c := Counted{Key: sig.KeyID}
			c.Why = c.judge(p, &list[i], sig, want, &policy, now)
			if c.OK = c.Why == ""; c.OK && people[fold(c.Approver)] {
				c.OK, c.Why = false, "this person has approved already"
			} else if c.OK {
				people[fold(c.Approver)] = true
			}
			a.List = append(a.List, c)
		}
	}
	a.Counted = len(people)
	return a, nil
}

// judge says why the signature does not count; empty: it does.
func (c *Counted) judge(p *Plan, e *Envelope, sig Signature, want Approval, policy *ApprovalPolicy, now time.Time) string {
	var by *Approver
	for i := range policy.Approvers {
		if KeyID(policy.Approvers[i].Key) == sig.KeyID {
			by = &policy.Approvers[i]
		}
	}
	if by == nil {
		return "the key is no approver's"
	}
	c.Approver = by.Name
	if e.PayloadType != approvalType || len(by.Key) != ed25519.PublicKeySize || !ed25519.Verify(by.Key, e.preimage(), sig.Sig) {
		return "the signature is wrong"
	}
	var said Approval
	if err := strict(e.Payload, &said); err != nil {
		return "what is signed is not understood"
	}
	c.Signed, c.Expires, c.Comment = said.Signed, said.Expires, said.Comment
	if said.Key != sig.KeyID {
		return "it was signed for another key"
	}
	same := said
	same.Key, same.Signed, same.Expires, same.Comment = "", "", "", ""
	switch {
	case said.Plan != want.Plan:
		return "it is of another plan, " + short(said.Plan)
	case same != want:
		return "it is of the same plan with another header"
	}
	if why := p.tooClose(by.Name); why != "" {
		return why
	}
	return c.timely(policy, now)
}

// timely says why the approval does not count at that time.
func (c *Counted) timely(policy *ApprovalPolicy, now time.Time) string {
	signed, err := time.Parse(time.RFC3339, c.Signed)
	switch {
	case err != nil:
		return "it does not say when it was signed"
	case signed.After(now.Add(clockSkew)):
		return "it is signed in the future: one of the clocks is wrong"
	case policy.MaxAge > 0 && now.Sub(signed) > policy.MaxAge:
		return "it is older than " + policy.MaxAge.String()
	case c.Expires == "":
		return ""
	}
	if until, err := time.Parse(time.RFC3339, c.Expires); err != nil || !now.Before(until) {
		return "it has expired"
	}
	return ""
}

// tooClose says why that person may not approve: who made a plan, or decided
// something in it, cannot be the one who looks over it.
func (p *Plan) tooClose(name string) string {
	switch fold(name) {
	case "":
		return "the approver has no name"
	case fold(p.Header.Author):
		return "the plan's author cannot approve it"
	}
	if fold(p.Header.Author) == "" {
		return "the plan names no author"
	}
	for i := range p.Conflicts {
		if r := p.Conflicts[i].Resolution; r != nil && fold(r.By) == fold(name) {
			return "this person decided a conflict of the plan"
		}
	}
	return ""
}

func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// expired says why the plan may not be applied at that time; empty: it may.
func (p *Plan) expired(now time.Time) string {
	h := &p.Header
	if made, err := time.Parse(time.RFC3339, h.Created); err == nil && made.After(now.Add(clockSkew)) {
		return "it was made at " + h.Created + ", which by our clock is still to come"
	}
	if until, err := time.Parse(time.RFC3339, h.Expires); h.Expires != "" && (err != nil || !now.Before(until)) {
		return "it was to be applied before " + h.Expires
	}
	return ""
}
