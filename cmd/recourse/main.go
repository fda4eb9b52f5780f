// Command recourse answers what changed in a Harper database, who did it, and
// takes it back. Each command has a file of its own name; app.go lists them,
// exit.go says what the exit codes mean.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, systemEnv(), os.Args)
	stop()
	os.Exit(code)
}
