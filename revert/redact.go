package revert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"

	"recourse/audit"
)

// redactedDigits is how much of a hash stands for a value: enough that two values
// have the same only by being the same.
const redactedDigits = 20

// Redact makes a copy of the plan for reviewers who need not know the values: each
// is replaced by a hash with the salt, so that equal values look equal, and
// nothing can be tried out by who lacks the salt. What is absent or null shows.
// Names of attributes, keys and users stay, as do the reasons of decisions; how
// the changes were searched for does not, since that quotes values. The copy has a
// digest of its own and cannot be carried out; Of is the plan's.
func (p *Plan) Redact(salt []byte) (*Plan, error) {
	if p.Review() {
		return nil, fmt.Errorf("redact plan %s: %w", p.Header.ID, ErrReviewCopy)
	}
	r := redaction{salt}
	q := r.copy(reflect.ValueOf(p)).Interface().(*Plan)
	q.Header.Kind, q.Header.Of, q.Header.Selection.Criteria = reviewKind, p.Header.Digest, nil
	if err := q.seal(); err != nil {
		return nil, fmt.Errorf("redact plan %s: %w", p.Header.ID, err)
	}
	return q, nil
}

type redaction struct{ salt []byte }

var valueType = reflect.TypeFor[audit.Value]()

// copy is a deep copy in which every audit.Value is a hash, wherever it stands: a
// field that is added to a plan's lines is not forgotten.
func (r redaction) copy(v reflect.Value) reflect.Value {
	if v.Type() == valueType {
		return reflect.ValueOf(r.value(v.Interface().(audit.Value)))
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(r.copy(v.Elem()))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(r.copy(v.Field(i)))
			}
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for at := v.MapRange(); at.Next(); {
			out.SetMapIndex(at.Key(), r.copy(at.Value()))
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(r.copy(v.Index(i)))
		}
		return out
	}
	return v
}

func (r redaction) value(v audit.Value) audit.Value {
	if blank(v) {
		return v
	}
	h := hmac.New(sha256.New, r.salt)
	h.Write([]byte(v.JSON()))
	return audit.Text("hash:" + hex.EncodeToString(h.Sum(nil))[:redactedDigits])
}
