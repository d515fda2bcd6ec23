package payload

import (
	"container/list"
	"errors"
	"sync"
)

const (
	// maxCached bounds an operation that is decoded whole because some of it is
	// read: update_engine's generator makes operations of 2 MiB.
	maxCached = 16 << 20

	// cacheSize bounds what is kept of one payload, in bytes.
	cacheSize = 64 << 20
)

// A cache keeps operations that were decoded. The zero value is ready.
type cache struct {
	mu      sync.Mutex
	entries map[*Operation]*list.Element
	order   list.List // of *entry, the last used first
	size    int64
}

type entry struct {
	op    *Operation
	ready chan struct{} // closed once b and err are there
	b     []byte
	err   error
}

// get gives what decode makes of op. Readers who ask at the same time wait for
// one of them. An error is told to those who wait, and not kept.
func (c *cache) get(op *Operation, decode func() ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	if el := c.entries[op]; el != nil {
		c.order.MoveToFront(el)
		c.mu.Unlock()
		e := el.Value.(*entry)
		<-e.ready
		return e.b, e.err
	}
	e := &entry{op: op, ready: make(chan struct{}), err: errors.New("payload: a decoder panicked")}
	if c.entries == nil {
		c.entries = make(map[*Operation]*list.Element)
	}
	el := c.order.PushFront(e)
	c.entries[op] = el
	c.mu.Unlock()

	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if e.err != nil {
			c.drop(el)
		} else {
			c.size += int64(len(e.b))
		}
		close(e.ready)
		for el := c.order.Back(); el != nil && c.size > cacheSize; {
			before := el.Prev()
			if e := el.Value.(*entry); e.b != nil { // else it is being decoded
				c.size -= int64(len(e.b))
				c.drop(el)
			}
			el = before
		}
	}()
	b, err := decode()
	c.mu.Lock()
	e.b, e.err = b, err
	c.mu.Unlock()
	return b, err
}

func (c *cache) drop(el *list.Element) {
	c.order.Remove(el)
	delete(c.entries, el.Value.(*entry).op)
}
