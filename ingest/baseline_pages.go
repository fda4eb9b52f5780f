package ingest

import (
	"context"
	"errors"

	"recourse/audit"
	"recourse/internal/harper"
)

// Pages are asked for by how many records they have, and what bounds the memory
// is how many bytes; so the next page's length follows from the last one's.
const (
	firstPage = 50
	mostPage  = 500
	pageBytes = 4 << 20
)

// takePages reads the table page by page in the order of its keys. What is
// written behind the reading is seen as it is by then; what is written before
// it, and not seen, is in the log.
func (b Baseliner) takePages(ctx context.Context, w *baselineWriter, clock *serverClock, unread *unreadable) error {
	after, limit := audit.ID(""), firstPage
	for {
		seen := clock.seen
		page, err := b.Server.Page(ctx, w.b.Table, after, limit)
		if err != nil {
			return err
		}
		if err := clock.look(ctx); err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		records, size := make([]audit.BaseRecord, 0, len(page)), 0
		for _, s := range page {
			after = s.ID
			size += len(s.Body)
			switch {
			case errors.Is(s.Err, harper.ErrExpired):
				continue // by Harper's own rule it is no record any more
			case s.Err != nil:
				unread.add(s.ID, s.Err)
				continue
			}
			r := w.record(s.ID, s.Version, s.Body)
			r.Seen, r.Until = seen, clock.until
			r.Lossy = r.Lossy || s.Nulls
			records = append(records, r)
		}
		if err := w.write(ctx, records); err != nil {
			return err
		}
		limit = nextPage(len(page), size)
	}
}

// nextPage is how many records to ask for, from the last page's size.
func nextPage(records, size int) int {
	if size == 0 {
		return mostPage
	}
	return max(1, min(mostPage, 2*records, records*pageBytes/size))
}
