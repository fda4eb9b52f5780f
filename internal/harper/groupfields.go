package harper

import (
	"errors"
	"fmt"

	"recourse/audit"
)

// small reads a value of a group's head. Without it nothing can be said of the
// group, so what cannot be decoded ends the read.
func (d *logDecoder) small(name string) (audit.Value, error) {
	v, err := value(d.t)
	if err != nil && !broken(err) {
		return nil, fmt.Errorf("the log %w: %s: %w", errBroken, name, err)
	}
	return v, err
}

// keys reads hash_values or ids.
func (d *logDecoder) keys() error {
	g := &d.g
	g.keys.reset()
	g.hasIDs = true
	size := 0
	return d.elements("the keys", func(int) error {
		raw, err := d.t.frame(maxHeader)
		if err != nil && broken(err) {
			return err
		}
		if size += len(raw) + 16; size > d.o.MaxGroup {
			return fmt.Errorf("the keys of a group: %w", errTooLarge)
		}
		if err != nil {
			raw = nil
		}
		g.keys.put(raw)
		return nil
	})
}

// id is what a key as it was sent stands for.
func (d *logDecoder) id(raw []byte) (audit.ID, error) {
	if len(raw) == 0 {
		return "", errTooLarge
	}
	v, err := d.t.decode(raw)
	if err != nil {
		return "", err
	}
	return audit.IDOf(v)
}

// elements calls fn before each element of the array that comes next. What is
// no array is null, which counts as none.
func (d *logDecoder) elements(what string, fn func(i int) error) error {
	kind, err := d.t.kind()
	if err != nil {
		return err
	}
	if kind != arrayToken {
		v, err := d.small(what)
		if err != nil {
			return err
		}
		if k := v.Kind(); k != audit.KindMissing && k != audit.KindNull {
			return fmt.Errorf("the log %w: %s are no list", errBroken, what)
		}
		return nil
	}
	if err := d.t.open(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := d.t.more()
		if err != nil || !more {
			return err
		}
		if err := fn(i); err != nil {
			return err
		}
	}
}

// beforeImages reads original_records, which name their records by the primary
// key and may be fewer.
func (d *logDecoder) beforeImages() error {
	g := &d.g
	if g.telling {
		return fmt.Errorf("before-images follow %d records that were read without them: %w", g.told, errLateImages)
	}
	g.everBefore = true
	if g.originals == nil {
		g.originals = map[audit.ID]audit.Value{}
	}
	return d.elements("the before-images", func(int) error {
		raw, err := d.t.frame(d.o.MaxRecord)
		if err != nil && !errors.Is(err, errTooLarge) {
			return err
		}
		var v audit.Value
		if err == nil {
			v, err = d.t.decode(raw)
		}
		if err != nil {
			g.origErr = fmt.Errorf("decode a before-image of the group: %w", err)
			return nil
		}
		if g.origBytes += len(v) + 64; g.origBytes > d.o.MaxGroup {
			return fmt.Errorf("the before-images of a group: %w", errTooLarge)
		}
		if id, err := audit.IDOf(v.Get(d.o.PrimaryKey)); err == nil {
			g.originals[id] = v
		}
		return nil
	})
}

// errLateImages says that the log is of an old Harper and must be read as such.
var errLateImages = errors.New("set BeforeImages to read the log of a Harper before 4.2")
