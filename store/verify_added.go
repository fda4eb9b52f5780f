package store

import (
	"bytes"
	"errors"
	"fmt"

	"recourse/audit"
)

// added checks the kinds of value that format 2 brought: it is the key that the
// value should have.
func (v *verifier) added(key, payload []byte) (want []byte, err error) {
	switch keyKind(key[0]) {
	case kindSpan:
		v.out.Spans++
		return v.span(payload)
	case kindOutbox, kindDead, kindEvent, kindSilence, kindInhibit, kindLatest:
		return alerting(key, payload)
	case kindSlow:
		w, err := decodeSlow(payload)
		return slowKey(&w), err
	case kindObservation:
		v.out.Observations++
		o, err := decodeObservation(payload)
		return observationKey(o.Seq, o.Node), errors.Join(err, v.exists("an observation", o.Seq))
	case kindAmendment:
		v.out.Amended++
		return v.amendment(payload)
	case kindAmended:
		return v.amended(key, payload)
	case kindBaseline:
		v.out.Baselines++
		b, err := decodeBaseline(payload)
		return nameKey(kindBaseline, b.ID), err
	case kindBaseRecord:
		v.out.Records++
		r, err := decodeBaseRecord(payload)
		return baseKey(&r), errors.Join(err, checkValue(r.Body))
	}
	return nil, errors.New("no key of ours")
}

// exists makes sure that what hangs on a change hangs on one.
func (v *verifier) exists(what string, seq audit.Seq) error {
	if seq == 0 || seq > v.head {
		return fmt.Errorf("%s of change %d, which does not exist", what, seq)
	}
	return nil
}

// span checks a span against the one before it.
func (v *verifier) span(payload []byte) ([]byte, error) {
	s, err := decodeSpan(payload)
	if err != nil {
		return nil, err
	}
	before := v.lastSpan
	v.lastSpan = s
	switch {
	case !(s.From < s.To):
		return nil, errors.New("a span that is empty")
	case before.Node == s.Node && before.Table == s.Table && before.From < before.To && s.From <= before.To:
		return nil, errors.New("a span that meets the one before")
	}
	return spanKey(&s), nil
}

func (v *verifier) amendment(payload []byte) ([]byte, error) {
	d, err := decodeAmendment(payload)
	if err != nil {
		return nil, err
	}
	seq := audit.Seq(d.Seq)
	if err := errors.Join(v.exists("an amendment", seq), checkValue(d.Sent), checkValue(imageIn(d.After).Body)); err != nil {
		return nil, err
	}
	listed, found, err := get(v.r.txn, amendedKey(d.Number))
	if err == nil && (!found || !bytes.Equal(listed, uintPayload(d.Seq))) {
		err = fmt.Errorf("amendment %d, of change %d, is not listed", d.Number, d.Seq)
	}
	return amendmentKey(seq), err
}

// amended checks that an entry of the list of amendments leads to one.
func (v *verifier) amended(key, payload []byte) ([]byte, error) {
	seq, err := parseUint(payload)
	if err != nil {
		return nil, err
	}
	d, found, err := readAmendment(v.r.txn, audit.Seq(seq))
	if err == nil && !found {
		err = fmt.Errorf("change %d is listed as amended and is not", seq)
	}
	return amendedKey(d.Number), err
}
