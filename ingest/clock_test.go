package ingest

import (
	"testing"
	"time"

	"recourse/audit"
)

// TestClockLook: a step of the server's clock is told but for what a slow answer
// may hide of it, and a slow answer alone is none.
func TestClockLook(t *testing.T) {
	type answer struct {
		asked, came time.Duration // by our clock
		server      time.Duration // by the server's, from the same begin
	}
	for name, c := range map[string]struct {
		answers []answer
		want    time.Duration // told of the last
	}{
		"in step":                   {[]answer{{0, 0, 0}, {time.Minute, time.Minute, time.Minute}}, 0},
		"a slow answer, read late":  {[]answer{{0, 0, 0}, {time.Minute, 70 * time.Second, 70 * time.Second}}, 0},
		"a slow answer, read early": {[]answer{{0, 0, 0}, {time.Minute, 70 * time.Second, time.Minute}}, 0},
		"after a slow answer":       {[]answer{{0, 10 * time.Second, 0}, {time.Minute, time.Minute, time.Minute}}, 0},
		"before a slow answer":      {[]answer{{0, 10 * time.Second, 10 * time.Second}, {time.Minute, time.Minute, time.Minute}}, 0},
		"a little":                  {[]answer{{0, 0, 0}, {time.Minute, time.Minute, time.Minute + time.Second}}, 0},
		"forward":                   {[]answer{{0, 0, 0}, {time.Minute, time.Minute, time.Hour}}, 59 * time.Minute},
		"back":                      {[]answer{{0, 0, time.Hour}, {time.Minute, time.Minute, time.Minute}}, -time.Hour},
		"forward and slow":          {[]answer{{0, 0, 0}, {time.Minute, 70 * time.Second, time.Hour}}, time.Hour - 70*time.Second},
		"back and slow":             {[]answer{{0, 0, time.Hour}, {time.Minute, 70 * time.Second, time.Minute}}, -time.Hour},
		"back between slow answers": {[]answer{{0, 10 * time.Second, time.Hour}, {time.Minute, 70 * time.Second, time.Minute}}, 10*time.Second - time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.UnixMilli(1_790_000_000_000)
			var now time.Time
			clock := skewClock{now: func() time.Time { return now }}
			var by audit.Time
			for _, a := range c.answers {
				now = begin.Add(a.came)
				by = clock.look(audit.TimeOf(begin.Add(a.server)), begin.Add(a.asked))
			}
			if by != ms(c.want) {
				t.Errorf("it stepped by %v, want %v", fromMS(by), c.want)
			}
		})
	}
}
