package harper

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

// A Config is what of Harper's configuration bears on its log.
type Config struct {
	// AuditLog is whether Harper keeps the log at all (logging.auditLog). Nil:
	// the configuration does not say, and Harper's own default counts.
	AuditLog *bool
	// AuditRetention is how long it is kept at least (logging.auditRetention).
	// Zero: not told. Harper may keep it longer, and under pressure for space
	// shorter.
	AuditRetention time.Duration
	// StorageEngine is the engine for databases that are made from now on
	// (storage.engine). Empty: not told; those that exist keep theirs.
	StorageEngine string
	// Raw is the whole configuration. It may hold secrets.
	Raw audit.Value
}

// Configuration reads Harper's configuration (get_configuration). It is
// ErrForbidden to a user who may not.
func (c *Client) Configuration(ctx context.Context) (Config, error) {
	const op = "get_configuration"
	v, err := c.ask(ctx, op, audit.Object(map[string]audit.Value{"operation": audit.Text(op)}), false)
	if err != nil {
		return Config{}, err
	}
	if v.Kind() != audit.KindObject {
		return Config{}, &Error{Op: op, Status: http.StatusOK, Message: message(v)}
	}
	cfg := Config{StorageEngine: v.Get("storage").Get("engine").Text(), Raw: v}
	logging := v.Get("logging")
	if on := logging.Get("auditLog"); on.Kind() == audit.KindBool {
		b := on.Bool()
		cfg.AuditLog = &b
	}
	if keep := logging.Get("auditRetention"); keep.Kind() != audit.KindMissing && keep.Kind() != audit.KindNull {
		if cfg.AuditRetention, err = duration(keep); err != nil {
			return cfg, fmt.Errorf("%s: logging.auditRetention: %w", op, err)
		}
	}
	return cfg, nil
}

// duration reads a length of time as Harper does (convertToMS in its
// utility/common_utils): a number of seconds, or a text that begins with a
// number and ends in the unit: M for 30 days, d, h, m for minutes. Any other
// end is seconds.
func duration(v audit.Value) (time.Duration, error) {
	n, ok := v.Float64()
	unit := 1.0
	if s := strings.TrimSpace(v.Text()); v.Kind() == audit.KindText && s != "" {
		for end := len(s); end > 0 && !ok; end-- {
			f, err := strconv.ParseFloat(s[:end], 64)
			n, ok = f, err == nil
		}
		switch s[len(s)-1] {
		case 'M':
			unit = 30 * 86400
		case 'D', 'd':
			unit = 86400
		case 'H', 'h':
			unit = 3600
		case 'm':
			unit = 60
		}
	}
	d := n * unit * float64(time.Second)
	if !ok || n < 0 || math.IsNaN(d) || d > math.MaxInt64 {
		return 0, fmt.Errorf("%s is no length of time", oneLine(v.JSON()))
	}
	return time.Duration(d), nil
}
