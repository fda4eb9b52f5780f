package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"recourse/audit"
)

// undelivered is the alert that says that deliveries to a sink were given up, the
// newest at a time.
func undelivered(sink string, n int, at audit.Time) audit.Alert {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %s", audit.RuleUndelivered, sink, at.Go().UTC().Format(time.DateOnly)))
	return audit.Alert{
		ID: hex.EncodeToString(sum[:16]), Rule: audit.RuleUndelivered, RuleName: "Alerts could not be delivered", Severity: "high", Risk: 50,
		Attack: []string{}, State: audit.AlertOpen, Title: fmt.Sprintf("%d deliveries of alerts to %s were given up", n, sink),
		Group: map[string]string{"sink": sink}, FirstTime: at, LastTime: at, Count: n,
	}
}
