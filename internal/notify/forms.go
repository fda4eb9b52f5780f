package notify

import (
	"maps"
	"slices"
)

// form is a Document in the form that a sink is to have.
func form(name string, d *Document) any {
	switch name {
	case "ocsf":
		return ocsf(d)
	case "ecs":
		return ecs(d)
	}
	return d
}

// rank is the place of a severity among info, low, medium, high, critical, from 1;
// 0 if it is none of them.
func rank(severity string) int {
	return 1 + slices.Index([]string{"info", "low", "medium", "high", "critical"}, severity)
}

type object = map[string]any

// ocsf is a Detection Finding (2004) of the Open Cybersecurity Schema Framework 1.3.
func ocsf(d *Document) any {
	activity, status := 1, 1 // create, new
	if d.Notice != "raised" && d.Notice != "test" {
		activity = 2 // update
	}
	switch d.State {
	case "acknowledged", "in-progress":
		status = 2
	case "closed":
		activity, status = 3, 4
	}
	attacks := []object{}
	for _, id := range d.Attack {
		attacks = append(attacks, object{"technique": object{"uid": id}})
	}
	evidences := []object{}
	for _, c := range d.Changes {
		evidences = append(evidences, object{"data": c})
	}
	finding := object{
		"uid": d.ID, "title": d.Title, "types": []string{d.Rule}, "first_seen_time": int64(d.First), "last_seen_time": int64(d.Last),
		"analytic": object{"uid": d.Rule, "name": d.RuleName, "type_id": 1, "type": "Rule"}, "attacks": attacks,
	}
	out := object{
		"class_uid": 2004, "class_name": "Detection Finding", "category_uid": 2, "category_name": "Findings",
		"activity_id": activity, "type_uid": 200400 + activity, "time": int64(d.Time), "severity_id": rank(d.Severity), "severity": d.Severity,
		"status_id": status, "status": d.State, "count": max(d.Count, 1), "risk_score": d.Risk, "message": d.Title,
		"metadata":     object{"version": "1.3.0", "uid": d.Key, "product": object{"name": "recourse", "vendor_name": "recourse"}},
		"finding_info": finding, "evidences": evidences, "unmapped": object{"group": d.Group, "notice": d.Notice, "revision": d.Revision},
	}
	if verdict, there := map[string]int{"false": 1, "true": 2, "benign": 5, "duplicate": 10}[d.Verdict]; there {
		out["verdict_id"], out["verdict"] = verdict, d.Verdict
	}
	if user := d.Group["user"]; user != "" {
		out["actor"] = object{"user": object{"name": user}}
	}
	if d.Runbook != "" {
		out["remediation"] = object{"desc": d.Runbook}
	}
	return out
}

// ecs is an event of kind alert of the Elastic Common Schema 8.11.
func ecs(d *Document) any {
	event := object{
		"kind": "alert", "category": []string{"database"}, "type": []string{"change"}, "action": d.Notice, "id": d.Key,
		"severity": rank(d.Severity), "risk_score": d.Risk, "start": d.FirstISO, "end": d.LastISO, "provider": "recourse", "dataset": "recourse.alert",
	}
	labels := object{}
	for _, field := range slices.Sorted(maps.Keys(d.Group)) {
		labels[field] = d.Group[field]
	}
	out := object{
		"@timestamp": d.TimeISO, "ecs": object{"version": "8.11.0"}, "message": d.Title, "event": event, "labels": labels,
		"rule":     object{"id": d.Rule, "name": d.RuleName, "reference": d.Runbook},
		"log":      object{"level": d.Severity},
		"threat":   object{"framework": "MITRE ATT&CK", "technique": object{"id": d.Attack}},
		"recourse": object{"alert": object{"id": d.ID, "state": d.State, "verdict": d.Verdict, "count": d.Count, "revision": d.Revision, "changes": d.Changes}},
	}
	if user := d.Group["user"]; user != "" {
		out["user"] = object{"name": user}
		out["related"] = object{"user": []string{user}}
	}
	return out
}
