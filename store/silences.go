package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

type silence struct {
	ID         string              `cbor:"1,keyasint,omitempty"`
	Rules      []string            `cbor:"2,keyasint,omitempty"`
	Severities []string            `cbor:"3,keyasint,omitempty"`
	Group      map[string][]string `cbor:"4,keyasint,omitempty"`
	By         string              `cbor:"5,keyasint,omitempty"`
	Reason     string              `cbor:"6,keyasint,omitempty"`
	Made       uint64              `cbor:"7,keyasint"`
	Expires    uint64              `cbor:"8,keyasint"`
	Ended      uint64              `cbor:"9,keyasint,omitempty"`
	Matched    int                 `cbor:"10,keyasint,omitempty"`
	Log        []silenceComment    `cbor:"11,keyasint,omitempty"`
}

type silenceComment struct {
	_        struct{} `cbor:",toarray"`
	At       uint64
	By, Text string
}

func putSilence(txn *badger.Txn, s *audit.Silence) error {
	d := silence{ID: s.ID, Rules: s.Match.Rules, Severities: s.Match.Severities, Group: s.Match.Group, By: s.By, Reason: s.Reason,
		Made: bits(s.Made), Expires: bits(s.Expires), Ended: bits(s.Ended), Matched: s.Matched}
	for _, c := range s.Log {
		d.Log = append(d.Log, silenceComment{At: bits(c.At), By: c.By, Text: c.Text})
	}
	return setEncoded(txn, nameKey(kindSilence, s.ID), d)
}

func decodeSilence(payload []byte) (audit.Silence, error) {
	var d silence
	if err := decode(payload, &d); err != nil {
		return audit.Silence{}, fmt.Errorf("read silence: %w", err)
	}
	s := audit.Silence{ID: d.ID, Match: audit.SilenceMatch{Rules: d.Rules, Severities: d.Severities, Group: d.Group}, By: d.By, Reason: d.Reason,
		Made: timeOf(d.Made), Expires: timeOf(d.Expires), Ended: timeOf(d.Ended), Matched: d.Matched}
	for _, c := range d.Log {
		s.Log = append(s.Log, audit.SilenceComment{At: timeOf(c.At), By: c.By, Text: c.Text})
	}
	return s, nil
}

// readSilence is one silence, or ErrNotFound.
func readSilence(txn *badger.Txn, id string) (audit.Silence, error) {
	payload, found, err := get(txn, nameKey(kindSilence, id))
	switch {
	case err != nil:
		return audit.Silence{}, err
	case !found:
		return audit.Silence{}, ErrNotFound
	}
	return decodeSilence(payload)
}

// silences are all, the oldest first.
func silences(txn *badger.Txn) ([]audit.Silence, error) {
	var all []audit.Silence
	err := scan(txn, []byte{byte(kindSilence)}, func(_, payload []byte) error {
		s, err := decodeSilence(payload)
		all = append(all, s)
		return err
	})
	slices.SortFunc(all, func(a, b audit.Silence) int {
		return cmp.Or(cmp.Compare(a.Made, b.Made), cmp.Compare(a.ID, b.ID))
	})
	return all, err
}

// Silences are all silences, those that have ended among them, the oldest first.
func (db *DB) Silences(ctx context.Context) ([]audit.Silence, error) {
	var all []audit.Silence
	err := db.view(ctx, func(r *reader) (err error) {
		all, err = silences(r.txn)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list silences: %w", err)
	}
	return all, nil
}

// AddSilence stores a new silence. Its ID and the time at which it begins are set;
// it mutes what happens from then on.
func (db *DB) AddSilence(ctx context.Context, s audit.Silence) (audit.Silence, error) {
	s.Made = db.now()
	err := s.Check()
	if err == nil {
		err = db.update(ctx, func(txn *badger.Txn) error {
			for n := 0; ; n++ {
				sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q %v %d", s.Made, s.By, s.Reason, s.Match, n))
				s.ID = "s-" + hex.EncodeToString(sum[:6])
				there, err := has(txn, nameKey(kindSilence, s.ID))
				if err != nil {
					return err
				}
				if !there {
					return putSilence(txn, &s)
				}
			}
		})
	}
	if err != nil {
		return audit.Silence{}, fmt.Errorf("add silence: %w", err)
	}
	return s, nil
}

// UpdateSilence changes one silence; ErrNotFound if there is none. An error of f is
// returned and nothing is changed. f must not call the store.
func (db *DB) UpdateSilence(ctx context.Context, id string, f func(*audit.Silence) error) (audit.Silence, error) {
	var s audit.Silence
	err := db.update(ctx, func(txn *badger.Txn) (err error) {
		if s, err = readSilence(txn, id); err != nil {
			return err
		}
		if err := f(&s); err != nil {
			return err
		}
		s.ID = id
		if err := s.Check(); err != nil {
			return err
		}
		return putSilence(txn, &s)
	})
	if err != nil {
		return audit.Silence{}, fmt.Errorf("update silence %s: %w", id, err)
	}
	return s, nil
}
