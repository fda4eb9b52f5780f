package rules

import (
	"fmt"
	"time"
)

// Warnings are what is well formed in the rule files and probably not meant, as
// it stands at that time: exceptions that have expired, or are of rules that
// there are not. Each is a LintError in form.
func (s *Set) Warnings(now time.Time) LintErrors {
	var out LintErrors
	seen := map[*LintError]bool{}
	for _, r := range s.rules {
		for _, x := range r.Exceptions {
			if x.Expired(now) && !seen[x.place] {
				seen[x.place] = true
				out = append(out, x.place.saying("exception %s expired at %s and no longer holds", x.ID, x.Expires.UTC().Format(time.RFC3339)))
			}
		}
	}
	for _, r := range s.rules {
		for _, i := range r.inhibited {
			if s.Rule(i.id) == nil {
				out = append(out, i.place.saying("rule %s inhibits %s, which there is not%s", r.ID, i.id, didYouMean(i.id, s.ids())))
			}
		}
	}
	for _, h := range s.homeless {
		out = append(out, h.place.saying("exception %s is of rule %s, which there is not%s", h.id, h.pattern, didYouMean(h.pattern, s.ids())))
	}
	return out
}

func (s *Set) ids() []string {
	var ids []string
	for _, r := range s.rules {
		ids = append(ids, r.ID)
	}
	return ids
}

// saying is a message at the same place.
func (e *LintError) saying(format string, args ...any) *LintError {
	out := *e
	out.Message = printable(fmt.Sprintf(format, args...))
	return &out
}
