package harper

import (
	"errors"
	"fmt"
	"math"

	"recourse/audit"
)

// How much of a group is held in the hope that it ends soon: before-images, if
// there are any, come after the records. Beyond that its rows are told as they
// come.
const (
	heldRecords = 64
	heldBytes   = 1 << 20
)

// Why a record of a group has no id or no image.
var (
	errNoKey    = errors.New("the group names no key for this record")
	errNoRecord = errors.New("the group has no record for this key")
)

// A group is what has been read of the group at hand. Its memory is used again
// for the next.
type group struct {
	op       audit.Op
	user     string
	time     audit.Time
	keys     keyQueue
	idsField bool
	failure  string // the text of an "error"

	hasOp, hasTime, hasIDs, hasRecords, hasFailure bool

	held     []byte // records that wait, as they were sent
	ends     []int  // where each of them ends in held; -1 before it for one too large
	tooLarge map[int]bool
	told     int  // rows yielded
	telling  bool // records are yielded as they come

	originals  map[audit.ID]audit.Value
	origBytes  int
	origErr    error // why a before-image is missing
	everBefore bool  // some group of this answer had before-images
}

func (g *group) reset() {
	g.keys.reset()
	*g = group{
		keys: g.keys, held: g.held[:0], ends: g.ends[:0],
		everBefore: g.everBefore,
	}
	if cap(g.held) > heldBytes*4 {
		g.held = nil
	}
}

// group reads one element of the log.
func (d *logDecoder) group() error {
	kind, err := d.t.kind()
	if err != nil {
		return err
	}
	if kind != mapToken {
		return fmt.Errorf("the log %w: an element is no group", errBroken)
	}
	d.g.reset()
	if err := d.t.open(); err != nil {
		return err
	}
	for {
		more, err := d.t.more()
		if err != nil {
			return err
		}
		if !more {
			return d.finish()
		}
		name, err := d.t.key()
		if err != nil {
			return err
		}
		if err := d.field(name); err != nil {
			return err
		}
	}
}

func (d *logDecoder) field(name string) error {
	g := &d.g
	switch name {
	case "operation", "user_name", "timestamp", "hash_values", "ids":
		if g.telling {
			return fmt.Errorf("the log %w: %s follows the records of its group", errBroken, name)
		}
	}
	switch name {
	case "operation":
		v, err := d.small(name)
		g.op, g.hasOp = audit.Op(v.Text()), v.Kind() == audit.KindText
		return err
	case "user_name":
		v, err := d.small(name)
		g.user = v.Text()
		if k := v.Kind(); k != audit.KindText && k != audit.KindMissing && k != audit.KindNull {
			g.user = v.JSON()
		}
		return err
	case "timestamp":
		v, err := d.small(name)
		f, _ := v.Float64()
		g.time = audit.Time(f)
		g.hasTime = (v.Kind() == audit.KindInt || v.Kind() == audit.KindFloat) && !math.IsNaN(f) && !math.IsInf(f, 0)
		return err
	case "hash_values", "ids":
		g.idsField = name == "ids"
		return d.keys()
	case "records":
		return d.records()
	case "original_records":
		return d.beforeImages()
	case "error":
		v, err := d.small(name)
		g.failure, g.hasFailure = message(v), true
		return err
	}
	_, err := d.t.frame(0) // unknown: passed over, not kept
	if errors.Is(err, errTooLarge) {
		err = nil
	}
	return err
}

// records reads the images. They are held while the group may still say
// something that its rows need.
func (d *logDecoder) records() error {
	g := &d.g
	if g.hasRecords {
		return fmt.Errorf("the log %w: a group has its records twice", errBroken)
	}
	g.hasRecords = true
	return d.elements("the records", func(i int) error {
		raw, err := d.t.frame(d.o.MaxRecord)
		if err != nil && !errors.Is(err, errTooLarge) {
			return err
		}
		if g.telling {
			return d.tell(i, raw, err)
		}
		if err != nil {
			if g.tooLarge == nil {
				g.tooLarge = map[int]bool{}
			}
			g.tooLarge[i] = true
		}
		g.held = append(g.held, raw...)
		g.ends = append(g.ends, len(g.held))
		if !g.hasOp || !g.hasTime || !g.hasIDs || g.originals == nil && (d.o.BeforeImages || g.everBefore) {
			if len(g.held)+8*len(g.ends) > d.o.MaxGroup {
				return fmt.Errorf("a group whose rows cannot be told before it ends: %w", errTooLarge)
			}
			return nil
		}
		if len(g.ends) >= heldRecords || len(g.held) > heldBytes {
			g.telling = true
			return d.release()
		}
		return nil
	})
}

// release yields the rows of the records that were held.
func (d *logDecoder) release() error {
	g := &d.g
	start := 0
	for i, end := range g.ends {
		var err error
		if g.tooLarge[i] {
			err = errTooLarge
		}
		if err := d.tell(i, g.held[start:end], err); err != nil {
			return err
		}
		start = end
	}
	g.held, g.ends = g.held[:0], g.ends[:0]
	return nil
}

// tell yields the row of record i. An err is why there is no image.
func (d *logDecoder) tell(i int, raw []byte, err error) error {
	g := &d.g
	r := AuditRow{
		Operation: g.op, User: g.user, Time: g.time, Index: i, Size: g.keys.size,
		IDsField: g.idsField, Lossy: d.t.lossy(),
	}
	if err == nil && raw != nil {
		r.Record, err = d.t.decode(raw)
	}
	switch {
	case err != nil:
		r.Err = fmt.Errorf("decode record: %w", err)
		r.Record = nil
	case r.Record.Kind() == audit.KindNull:
		r.Record, r.Null = nil, !d.t.lossy()
	}
	if key, ok := g.keys.take(); ok {
		id, idErr := d.id(key)
		r.ID, r.Original = id, g.originals[id]
		if r.Original == nil && g.origErr != nil {
			r.Err = errors.Join(r.Err, g.origErr)
		}
		if idErr != nil && g.op != audit.OpReload {
			r.Err = errors.Join(fmt.Errorf("read key: %w", idErr), r.Err)
		}
	} else {
		r.Err = errors.Join(errNoKey, r.Err)
	}
	g.told++
	return d.row(r)
}

// finish yields what is left of a group that has ended.
func (d *logDecoder) finish() error {
	g := &d.g
	switch {
	case g.hasFailure && !g.hasTime:
		return &TruncatedError{Message: g.failure, Server: true}
	case !g.hasTime:
		return fmt.Errorf("the log %w: a group has no timestamp", errBroken)
	case !g.hasOp:
		return fmt.Errorf("the log %w: a group has no operation", errBroken)
	}
	if err := d.release(); err != nil {
		return err
	}
	// Harper before 4.2 sends no records of a delete.
	var missing error
	if g.hasRecords || g.op.Kind() != audit.KindDelete {
		missing = errNoRecord
	}
	for i := g.told; i < g.keys.size; i++ {
		if err := d.tell(i, nil, missing); err != nil {
			return err
		}
	}
	return nil
}
