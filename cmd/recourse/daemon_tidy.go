package main

import (
	"context"
	"time"
)

// tidyEvery is how often the room of what was replaced is given back: little is, and
// finding out takes reading much.
const tidyEvery = 3 * time.Hour

// tidy gives back the room of large values that were replaced in the store. What fails
// there is told of and tried again: nothing is lost by it but room.
func (d *daemon) tidy(ctx context.Context, every time.Duration) error {
	return again(ctx, every, func() {
		if err := d.w.store.RunGC(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("the room of replaced values is not given back", "err", err)
		}
	})
}
