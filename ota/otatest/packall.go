package otatest

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"sync"
)

// A chunk is a run of a partition's blocks on its way to an operation.
type chunk struct {
	blocks       PayloadExtent
	method       string // "zero" where there is nothing but zeros
	data, packed []byte
	err          error
	done         chan struct{}
}

// packAll cuts an image into chunks, compresses as many at once as there are
// cores, and calls each in their order. The image is read once, from its first
// byte to its last, and sum with it: a file that changes meanwhile cannot make
// the hash and the operations disagree.
func packAll(p *Payload, part *PayloadPartition, sum hash.Hash, each func(*chunk) error) error {
	cores := runtime.GOMAXPROCS(0)
	work, ordered := make(chan *chunk, cores), make(chan *chunk, 2*cores)
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for range cores {
		workers.Go(func() {
			for c := range work {
				c.pack(p.Fast)
				close(c.done)
			}
		})
	}
	var readErr error
	workers.Go(func() {
		readErr = readChunks(p, part, sum, func(c *chunk) bool {
			select {
			case ordered <- c:
				work <- c
				return true
			case <-stop:
				return false
			}
		})
		close(work)
		close(ordered)
	})
	var err error
	for c := range ordered {
		<-c.done
		if err == nil {
			if err = c.err; err == nil {
				err = each(c)
			}
			if err != nil {
				close(stop)
			}
		}
	}
	workers.Wait()
	return errors.Join(err, readErr)
}

// readChunks gives the chunks that operations write to send, until it says no.
func readChunks(p *Payload, part *PayloadPartition, sum hash.Hash, send func(*chunk) bool) error {
	size, block, most := part.Image.Size(), p.blockSize(), part.Chunk
	if most == 0 {
		most = 2 << 20
	}
	if most%block != 0 {
		return fmt.Errorf("chunks of %d bytes are not of whole blocks", most)
	}
	methods := part.Methods
	if len(methods) == 0 {
		methods = []string{"replace"}
	}
	for off, i := int64(0), 0; off < size; {
		computed, end := part.run(uint64(off/block), uint64((size+block-1)/block))
		data := make([]byte, min(most, int64(end)*block-off, size-off))
		if n, err := part.Image.ReadAt(data, off); n < len(data) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		sum.Write(data)
		if !computed {
			blocks := (int64(len(data)) + block - 1) / block
			c := &chunk{blocks: PayloadExtent{uint64(off / block), uint64(blocks)}, method: methods[i%len(methods)], data: data, done: make(chan struct{})}
			if i++; !send(c) {
				return nil
			}
		}
		off += int64(len(data))
	}
	return nil
}

// run tells whether the installer computes the block at, and where that changes
// at the latest.
func (part *PayloadPartition) run(at, end uint64) (computed bool, until uint64) {
	for _, e := range []PayloadExtent{part.HashTree, part.FEC} {
		switch last := e.Start + e.Blocks; {
		case e.Blocks == 0 || at >= last:
		case at >= e.Start:
			return true, min(end, last)
		default:
			end = min(end, e.Start)
		}
	}
	return false, end
}

func (c *chunk) pack(fast bool) {
	switch {
	case zeros(c.data):
		c.method = "zero"
		return
	case c.method == "replace":
		c.packed = c.data
		return
	case opTypes[c.method] == 0:
		c.err = fmt.Errorf("otatest: no method %q", c.method)
		return
	}
	if c.packed, c.err = pack(c.method, fast, c.data); len(c.packed) >= len(c.data) {
		c.method, c.packed = "replace", c.data
	}
}

func zeros(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
