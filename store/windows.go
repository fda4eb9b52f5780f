package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// window is a part of the rules' state on disk. What is not short is compressed,
// and what is large then lies in parts.
type window struct {
	Name     string `cbor:"1,keyasint,omitempty"`
	State    []byte `cbor:"2,keyasint,omitempty"`
	Squeezed []byte `cbor:"3,keyasint,omitempty"`
	First    uint64 `cbor:"4,keyasint,omitempty"`
	Parts    int    `cbor:"5,keyasint,omitempty"`
}

// shortWindow is the length up to which compressing does not pay.
const shortWindow = 128

// windowsOf are the windows of a state by their names, their parts written, and the
// names of those that are to go.
func windowsOf(p *parting, state map[string][]byte) (windows []window, gone []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(state)) {
		data := state[name]
		w := window{Name: name}
		switch squeezed := squeezedWindow(data); {
		case data == nil:
			gone = append(gone, name)
			continue
		case squeezed == nil:
			w.State = data
		case len(squeezed) <= partSize:
			w.Squeezed = squeezed
		default:
			if len(data) > maxValue {
				return nil, nil, fmt.Errorf("state of %s: %w: %d bytes", name, ErrTooLarge, len(data))
			}
			if w.First, w.Parts, err = p.split(squeezed); err != nil {
				return nil, nil, fmt.Errorf("state of %s: %w", name, err)
			}
		}
		windows = append(windows, w)
	}
	return windows, gone, nil
}

// squeezedWindow is nil for what is short.
func squeezedWindow(data []byte) []byte {
	if len(data) <= shortWindow {
		return nil
	}
	return squeezeBy(windowSqueezer, data)
}

// saveWindow stores a window whose parts are written, in place of that of its name.
func saveWindow(txn *badger.Txn, w window) error {
	if err := dropWindow(txn, w.Name, w.First); err != nil {
		return err
	}
	return setEncoded(txn, nameKey(kindWindow, w.Name), w)
}

// dropWindow deletes a window with its parts, unless they are those that begin with
// the number kept.
func dropWindow(txn *badger.Txn, name string, kept uint64) error {
	key := nameKey(kindWindow, name)
	payload, found, err := get(txn, key)
	if err != nil || !found {
		return err
	}
	old, err := decodeWindow(payload)
	if err == nil && (old.First == 0 || old.First != kept) {
		err = deleteParts(txn, old.First, old.Parts)
	}
	return errors.Join(err, txn.Delete(key))
}

// RuleState is the rules' state as SaveAlerts left it.
func (db *DB) RuleState(ctx context.Context) (map[string][]byte, error) {
	if err := db.finishSaving(ctx); err != nil {
		return nil, fmt.Errorf("rule state: %w", err)
	}
	state := map[string][]byte{}
	err := db.view(ctx, func(r *reader) error {
		return scan(r.txn, []byte{byte(kindWindow)}, func(_, payload []byte) error {
			w, err := decodeWindow(payload)
			if err == nil {
				state[w.Name], err = w.data(r.txn)
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("rule state: %w", err)
	}
	return state, nil
}

// data is what the rules gave.
func (w *window) data(txn *badger.Txn) ([]byte, error) {
	squeezed := w.Squeezed
	var err error
	if w.Parts > 0 {
		squeezed, err = readParts(txn, w.First, w.Parts)
	}
	if err == nil && squeezed == nil {
		return append([]byte{}, w.State...), nil
	}
	var data []byte
	if err == nil {
		data, err = unsqueeze(squeezed)
	}
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", w.Name, err)
	}
	return data, nil
}

func decodeWindow(payload []byte) (window, error) {
	var w window
	err := decode(payload, &w)
	return w, err
}
