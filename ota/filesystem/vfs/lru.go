package vfs

// An LRU keeps values, up to a number of bytes: what was used longest ago is
// forgotten. Its user has a lock around it.
type LRU[K comparable, V any] struct {
	m      map[K]*node[K, V]
	ring   node[K, V] // of all nodes: ring.next was used last
	held   int64
	most   int64
	forgot func(V)
}

type node[K comparable, V any] struct {
	key        K
	value      V
	size       int64
	prev, next *node[K, V]
}

// Init makes room for most bytes. What is forgotten is passed to forgot, which may be nil.
func (c *LRU[K, V]) Init(most int64, forgot func(V)) {
	c.m, c.most, c.forgot = make(map[K]*node[K, V]), most, forgot
	c.ring.prev, c.ring.next = &c.ring, &c.ring
}

func (c *LRU[K, V]) front(n *node[K, V]) {
	n.prev, n.next = &c.ring, c.ring.next
	n.prev.next, n.next.prev = n, n
}

// Get gives the value of a key that is kept.
func (c *LRU[K, V]) Get(key K) (v V, ok bool) {
	n := c.m[key]
	if n == nil {
		return v, false
	}
	n.prev.next, n.next.prev = n.next, n.prev
	c.front(n)
	return n.value, true
}

// Put keeps v, which takes size bytes, in place of what was there. It may
// forget v itself at once.
func (c *LRU[K, V]) Put(key K, v V, size int64) {
	if old := c.m[key]; old != nil {
		c.forget(old)
	}
	n := &node[K, V]{key: key, value: v, size: size}
	c.m[key] = n
	c.front(n)
	for c.held += size; c.held > c.most; {
		c.forget(c.ring.prev)
	}
}

func (c *LRU[K, V]) forget(n *node[K, V]) {
	n.prev.next, n.next.prev = n.next, n.prev
	delete(c.m, n.key)
	c.held -= n.size
	if c.forgot != nil {
		c.forgot(n.value)
	}
}
