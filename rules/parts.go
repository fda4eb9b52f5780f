package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Parts is what a set says of each rule, by the rule's id and then by part: short
// parts as they are written, such as severity, of the others a hash. Two sets with
// the same parts raise the same alerts and say the same of them.
type Parts map[string]map[string]string

// Parts are those of the set.
func (s *Set) Parts() Parts {
	out := Parts{}
	for _, r := range s.rules {
		out[r.ID] = map[string]string{
			"definition": r.Hash, "version": fmt.Sprint(r.Version), "name": r.Name, "status": string(r.Status), "severity": string(r.Severity),
			"risk": riskText(r), "attack": strings.Join(append([]string{r.AttackVersion}, r.Attack...), " "), "runbook": r.Runbook,
			"title": r.titleText, "alert": digest(fmt.Sprintf("%+v", r.Alerting)), "inhibits": strings.Join(r.Inhibits, " "),
			"false_positives": digest(fmt.Sprintf("%q", r.FalsePositives)), "exceptions": r.exceptionsText(),
		}
	}
	return out
}

func riskText(r *Rule) string {
	if r.RiskOn == nil {
		return fmt.Sprint(r.Risk)
	}
	return fmt.Sprintf("%d on %s", r.Risk, strings.Join(r.RiskOn, " "))
}

// exceptionsText is the exceptions of a rule, each by its id and what it says.
func (r *Rule) exceptionsText() string {
	var parts []string
	for _, x := range r.Exceptions {
		parts = append(parts, x.ID+":"+digest(fmt.Sprintf("%s %s %s %v", x.holds.text, x.Reason, x.Owner, x.Expires)))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// A RuleDiff is how one rule of a set differs from that of another.
type RuleDiff struct {
	Rule  string   `json:"rule"`
	Kind  string   `json:"kind"`            // added, removed or changed
	Parts []string `json:"parts,omitempty"` // of a changed one: "severity: low → high"
}

// String is the difference in a few words.
func (d RuleDiff) String() string {
	sign := map[string]string{"added": "+", "removed": "-", "changed": "~"}[d.Kind]
	if len(d.Parts) == 0 {
		return sign + d.Rule
	}
	return sign + d.Rule + " (" + strings.Join(d.Parts, "; ") + ")"
}

// Diff is how p differs from what was before, by rule.
func (p Parts) Diff(was Parts) []RuleDiff {
	var out []RuleDiff
	all := maps.Clone(was)
	if all == nil {
		all = Parts{}
	}
	maps.Copy(all, p)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		old, before := was[id]
		now, still := p[id]
		switch {
		case !before:
			out = append(out, RuleDiff{Rule: id, Kind: "added"})
		case !still:
			out = append(out, RuleDiff{Rule: id, Kind: "removed"})
		case !maps.Equal(old, now):
			out = append(out, RuleDiff{Rule: id, Kind: "changed", Parts: partsDiff(old, now)})
		}
	}
	return out
}

// partsDiff names the parts that differ. A part that an earlier program did not
// have is not told.
func partsDiff(old, now map[string]string) []string {
	var out []string
	for _, part := range slices.Sorted(maps.Keys(now)) {
		was, known := old[part]
		if !known || was == now[part] {
			continue
		}
		switch part {
		case "version", "status", "severity", "risk", "name", "title", "inhibits", "runbook", "attack":
			out = append(out, fmt.Sprintf("%s: %s → %s", part, printable(was), printable(now[part])))
		case "exceptions":
			out = append(out, "exceptions: "+exceptionsDiff(was, now[part]))
		default:
			out = append(out, part)
		}
	}
	return out
}

// exceptionsDiff names the exceptions that came, went, or say something else.
func exceptionsDiff(was, now string) string {
	byID := func(text string) map[string]string {
		out := map[string]string{}
		for _, f := range strings.Fields(text) {
			id, hash, _ := strings.Cut(f, ":")
			out[id] = hash
		}
		return out
	}
	old, next := byID(was), byID(now)
	all := maps.Clone(old)
	maps.Copy(all, next)
	var out []string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		switch {
		case old[id] == "":
			out = append(out, "+"+id)
		case next[id] == "":
			out = append(out, "-"+id)
		case old[id] != next[id]:
			out = append(out, "~"+id)
		}
	}
	return strings.Join(out, " ")
}
