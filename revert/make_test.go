package revert

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"recourse/audit"
)

// Reading the records once makes the plan that reading them twice makes, or says
// that it does not: when a late record tells that an attribute is assigned by the
// server, or that it is not.
func TestOnceIsTwice(t *testing.T) {
	once := 0
	for seed := range uint64(400) {
		d := seeded(seed)
		var s tale
		for i := range 30 {
			at := audit.Time(1_795_470_000_000 + 10*i)
			body := map[string]audit.Value{"v": audit.Int(int64(d(3)))}
			for _, name := range []string{"at", "by"} {
				switch d(8) {
				case 0:
					body[name] = audit.Int(5)
				case 1:
				default:
					body[name] = audit.Float(float64(at))
				}
			}
			if d(4) > 0 {
				body["at"] = audit.Float(float64(at))
			}
			s.tell(at, []string{"ann", "eve"}[d(2)], []audit.Op{audit.OpInsert, audit.OpUpdate}[d(2)], []string{"a", "b"}[d(2)], fmt.Sprint(d(5)), body)
		}
		sel, err := Select(Criteria{}, each(s.changes, eves))
		if err != nil {
			t.Fatal(err)
		}
		req := &Request{Selection: sel, ahead: 1 + d(2)}
		req.takeLedger()
		made := func(read func(context.Context, iter.Seq2[Record, error], *spool) (*planner, error)) (*Plan, error) {
			p, err := read(t.Context(), history(s.changes), nil)
			if err != nil {
				return nil, err
			}
			return &p.plan, p.end(t.Context())
		}
		twice, err := made(req.readTwice)
		if err != nil {
			t.Fatal(err)
		}
		checkDraft(t, *req, history(s.changes), twice)
		got, err := made(req.readOnce)
		switch {
		case errors.Is(err, errNotAtOnce):
			continue
		case err != nil:
			t.Fatal(err)
		case got.Header.Digest != twice.Header.Digest:
			t.Fatalf("seed %d: another plan", seed)
		}
		once++
	}
	if once < 50 || once > 350 {
		t.Errorf("%d of 400 plans were made at once: the test looks at too little", once)
	}
}
