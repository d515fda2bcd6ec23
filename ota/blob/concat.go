package blob

import (
	"io"
	"sort"
)

// Concat is several blobs one after another.
func Concat(parts ...Blob) Blob {
	c := &concat{parts: parts, ends: make([]int64, len(parts))}
	for i, b := range parts {
		c.size += b.Size()
		c.ends[i] = c.size
	}
	return c
}

type concat struct {
	parts []Blob
	ends  []int64
	size  int64
}

func (c *concat) Size() int64 { return c.size }

func (c *concat) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errNegative
	}
	for n < len(p) {
		i := sort.Search(len(c.ends), func(i int) bool { return c.ends[i] > off })
		if i == len(c.ends) {
			return n, io.EOF
		}
		m := int(min(int64(len(p)-n), c.ends[i]-off))
		got, err := c.parts[i].ReadAt(p[n:n+m], off-(c.ends[i]-c.parts[i].Size()))
		n, off = n+got, off+int64(got)
		if got < m {
			return n, noEOF(err)
		}
	}
	return n, nil
}
