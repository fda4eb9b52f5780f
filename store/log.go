package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// engineLog passes on what Badger logs, and listens for the one message that
// tells of lost data: on opening, Badger leaves out a table whose checksum
// fails, says so in its log alone, and goes on.
type engineLog struct {
	to   *slog.Logger // may be nil
	lost atomic.Bool
}

func (l *engineLog) log(level slog.Level, format string, args []any) {
	if level == slog.LevelError && strings.HasPrefix(format, "Ignoring table") {
		l.lost.Store(true)
	}
	if l.to == nil || !l.to.Enabled(context.Background(), level) {
		return
	}
	l.to.Log(context.Background(), level, strings.TrimSpace(fmt.Sprintf(format, args...)), slog.String("from", "badger"))
}

func (l *engineLog) Errorf(format string, args ...any)   { l.log(slog.LevelError, format, args) }
func (l *engineLog) Warningf(format string, args ...any) { l.log(slog.LevelWarn, format, args) }

// Badger's information is about its own housekeeping.
func (l *engineLog) Infof(format string, args ...any)  { l.log(slog.LevelDebug, format, args) }
func (l *engineLog) Debugf(format string, args ...any) { l.log(slog.LevelDebug, format, args) }
