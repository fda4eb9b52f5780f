package worlds

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"recourse/audit"
)

// digest is a stream in one word, and what it holds.
func digest(t *testing.T, c Config) (sum string, changes int, incidents []Incident, users map[string]bool) {
	t.Helper()
	h := sha256.New()
	users = map[string]bool{}
	last := audit.Seq(0)
	incidents, err := Run(c, func(e *Event) error {
		x := &e.Change
		if x.Seq != last+1 {
			return fmt.Errorf("change %d after %d", x.Seq, last)
		}
		last = x.Seq
		changes++
		users[x.User] = true
		if x.Op == audit.OpDelete != (x.After.State == audit.Absent) || x.Key.ID.Empty() {
			return fmt.Errorf("%s leaves %s", x.Op, x.After.State)
		}
		if x.Before.State == audit.Absent && x.Op != audit.OpInsert {
			return fmt.Errorf("%s of %s, which is not there", x.Op, x.Key)
		}
		fmt.Fprintln(h, e.Incident, e.Trap, x.Key, x.Time, x.User)
		h.Write(x.Before.Body)
		h.Write(x.After.Body)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", c.Kind, err)
	}
	return hex.EncodeToString(h.Sum(nil)), changes, incidents, users
}

func TestAStreamIsMadeByItsConfigAlone(t *testing.T) {
	for _, k := range Kinds() {
		c := Config{Kind: k, Seed: 7, Users: 12, Days: 2, Quiet: 1, Attacks: 10}
		first, changes, incidents, users := digest(t, c)
		again, _, _, _ := digest(t, c)
		if first != again {
			t.Errorf("%s: two streams of one configuration differ", k)
		}
		c.Seed++
		if other, _, _, _ := digest(t, c); other == first {
			t.Errorf("%s: two seeds give one stream", k)
		}
		if changes < 1500 || len(users) < 12 || len(incidents) < 6 {
			t.Errorf("%s: %d changes, %d users, %d incidents", k, changes, len(users), len(incidents))
		}
	}
}

// Every script must do something in some system, at every pace that it has.
func TestEveryAttackHappens(t *testing.T) {
	missing := map[string]bool{}
	for _, a := range attacks() {
		for _, p := range a.paces {
			missing[a.name+", "+string(p)] = true
		}
	}
	for _, k := range []string{"shop", "tenants"} {
		_, _, incidents, _ := digest(t, Config{Kind: k, Seed: 3, Users: 100, Days: 4, Quiet: 1, Attacks: 200})
		for _, in := range incidents {
			delete(missing, in.Attack+", "+string(in.Pace))
			if in.Begins == 0 || in.FirstSeq > in.LastSeq {
				t.Errorf("%+v", in)
			}
		}
	}
	for name := range missing {
		t.Errorf("%s happens in no system", name)
	}
}

func TestRunRefusesAnUnknownKind(t *testing.T) {
	if _, err := Run(Config{Kind: "bank"}, nil); err == nil {
		t.Error("a world that there is not is made")
	}
}
