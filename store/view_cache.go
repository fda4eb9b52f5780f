package store

import (
	lists "container/list"
	"sync"

	"recourse/audit"
)

// A cached names something that was read and decoded: of sums, or a block.
type cached struct {
	what   keyKind
	facet  audit.Facet
	value  string
	number int
	as     generation
	// version is that of the entry in the store, of a block that is not whole: it is
	// written anew under the same name.
	version uint64
}

// A sumCache keeps what was decoded last, up to a number of bytes. What it holds
// is shared and never changed.
type sumCache struct {
	mu     sync.Mutex
	limit  int
	used   int
	byName map[cached]*lists.Element
	order  *lists.List // the last used first
}

type cacheItem struct {
	name  cached
	value any
	bytes int
}

func newSumCache(limit int) *sumCache {
	return &sumCache{limit: limit, byName: map[cached]*lists.Element{}, order: lists.New()}
}

func (c *sumCache) get(name cached) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byName[name]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cacheItem).value, true
}

// put keeps a value of about so many bytes, unless it alone is too much.
func (c *sumCache) put(name cached, value any, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byName[name]; ok || bytes > c.limit {
		return
	}
	bytes += 200 + len(name.value) // the item itself
	c.byName[name] = c.order.PushFront(&cacheItem{name, value, bytes})
	for c.used += bytes; c.used > c.limit; {
		e := c.order.Back()
		item := e.Value.(*cacheItem)
		c.order.Remove(e)
		delete(c.byName, item.name)
		c.used -= item.bytes
	}
}

// through is what the cache has under a name, or else what read makes of it.
func through[T any](c *sumCache, name cached, read func() (T, int, error)) (T, error) {
	if v, ok := c.get(name); ok {
		return v.(T), nil
	}
	v, bytes, err := read()
	if err == nil {
		c.put(name, v, bytes)
	}
	return v, err
}
