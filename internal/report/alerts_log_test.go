package report_test

import (
	"testing"

	"recourse/audit"
	"recourse/internal/report"
)

// logAlerts are alerts about the log itself: one without any change, one whose
// changes are not stored, because the log never had them.
func logAlerts() []audit.Alert {
	return []audit.Alert{
		{
			ID: "0c55a1f2b3d4e5f6", Rule: "log-audit-off", RuleName: "The audit log is switched off", Severity: "critical", Risk: 85,
			Attack: []string{"TA0005/T1562.008"}, State: audit.AlertOpen, Title: "the audit log of shop.orders was switched off after 2026-11-23T20:31:56Z",
			Group: map[string]string{"node": "n1", "table": "shop.orders"}, FirstTime: 1795465916125.6418, LastTime: 1795465919125.6418,
		},
		{
			ID: "1c55a1f2b3d4e5f6", Rule: "log-unaudited-write", RuleName: "A record was written without the log", Severity: "high", Risk: 65,
			Attack: []string{"TA0040/T1565.001"}, State: audit.AlertOpen, Title: "1 record of shop.orders, written in the hour from 2026-11-23T20:00:00Z on, without an entry in the log",
			Group: map[string]string{"node": "n1", "table": "shop.orders"}, FirstTime: 1795465916125.6418, LastTime: 1795465916125.6418, Count: 1,
			Changes: []audit.Evidence{{Database: "shop", Table: "orders", Key: `"o-1"`, Time: 1795465916125.6418}},
		},
	}
}

// TestGoldenLogAlerts: an alert that rests on no stored change says so, and has
// no number zero in it.
func TestGoldenLogAlerts(t *testing.T) {
	for _, f := range formats {
		golden(t, "log-alerts."+string(f), report.Options{Format: f, Width: 120}, func(p *report.Printer) error { return p.Alerts(logAlerts()) })
		golden(t, "log-alert."+string(f), report.Options{Format: f, Width: 120}, func(p *report.Printer) error { return p.Alert(logAlerts()[0], nil) })
		golden(t, "log-alert-unstored."+string(f), report.Options{Format: f, Width: 120}, func(p *report.Printer) error { cov := partly(); return p.Alert(logAlerts()[1], &cov) })
	}
}
