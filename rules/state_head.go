package rules

import (
	"recourse/audit"

	"github.com/fxamacker/cbor/v2"
)

// A savedHead is the engine's own state.
type savedHead struct {
	_                         struct{} `cbor:",toarray"`
	Seq                       audit.Seq
	Changes                   uint64
	EventClock, ObservedClock float64
	Snapshots, Deltas         int
	Watermark, Newest         float64
	Begun                     bool
}

// An earlierHead is that of before there was a watermark.
type earlierHead struct {
	_                         struct{} `cbor:",toarray"`
	Seq                       audit.Seq
	Changes                   uint64
	EventClock, ObservedClock float64
	Snapshots, Deltas         int
}

func readHead(data []byte) (head savedHead, err error) {
	if err = cbor.Unmarshal(data, &head); err == nil {
		return head, nil
	}
	var old earlierHead
	if err := cbor.Unmarshal(data, &old); err != nil {
		return head, err
	}
	return savedHead{Seq: old.Seq, Changes: old.Changes, EventClock: old.EventClock, ObservedClock: old.ObservedClock,
		Snapshots: old.Snapshots, Deltas: old.Deltas}, nil
}
