package sparse

import (
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"sort"

	"github.com/otavet/otavet/ota/blob"
)

// A Kind says where a run of the expanded image has its bytes from.
type Kind uint8

const (
	Hole Kind = iota // nobody cares: read as zeros
	Raw              // bytes of the file
	Fill             // one word, again and again; it may be zero
)

// String is "hole", "raw" or "fill".
func (k Kind) String() string {
	switch k {
	case Raw:
		return "raw"
	case Fill:
		return "fill"
	}
	return "hole"
}

// A Run is n bytes of the expanded image, all of one kind. Off and Len are
// multiples of the block size.
type Run struct {
	Off, Len int64
	Kind     Kind
	Word     uint32 // of a Fill; little-endian in the image
}

// Runs gives the runs that the expanded image consists of, in order and without
// gaps. Those that are not holes are its data.
func (m *Image) Runs() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		done := int64(0)
		for i := range m.runs {
			r := &m.runs[i]
			if done < r.off && !yield(Run{Off: done, Len: r.off - done}) {
				return
			}
			if !yield(Run{Off: r.off, Len: r.n, Kind: r.kind, Word: r.fill}) {
				return
			}
			done = r.end()
		}
		if done < m.size {
			yield(Run{Off: done, Len: m.size - done})
		}
	}
}

// Size is the size of the expanded image in bytes: 2^58 at most.
func (m *Image) Size() int64 { return m.size }

// ReadAt reads the expanded image: see blob.Blob.
func (m *Image) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("sparse: negative offset")
	}
	if off >= m.size {
		return 0, io.EOF
	}
	var eof error
	if most := m.size - off; int64(len(p)) > most {
		p, eof = p[:most], io.EOF
	}
	// The first run that does not end before off.
	i := sort.Search(len(m.runs), func(i int) bool { return m.runs[i].end() > off })
	done := 0
	for done < len(p) {
		q, at := p[done:], off+int64(done)
		if i == len(m.runs) || m.runs[i].off > at {
			if i < len(m.runs) {
				q = q[:min(int64(len(q)), m.runs[i].off-at)]
			}
			clear(q)
			done += len(q)
			continue
		}
		r := &m.runs[i]
		q = q[:min(int64(len(q)), r.end()-at)]
		n, err := m.readRun(r, q, at-r.off)
		done += n
		if err != nil {
			return done, err
		}
		i++
	}
	return done, eof
}

// readRun fills p with the bytes of r from skip on, which are not past its end.
func (m *Image) readRun(r *run, p []byte, skip int64) (int, error) {
	if r.kind == Fill {
		// Runs begin at blocks, and blocks are whole words.
		repeat(p, r.fill, int(skip%4))
		return len(p), nil
	}
	return readFull(m.parts[r.part].b, p, r.at+skip)
}

// readFull reads bytes that Open saw: their end is unexpected.
func readFull(b blob.Blob, p []byte, at int64) (int, error) {
	n, err := b.ReadAt(p, at)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// repeat fills p with word, beginning at its byte phase.
func repeat(p []byte, word uint32, phase int) {
	var w [8]byte
	binary.LittleEndian.PutUint32(w[:], word)
	binary.LittleEndian.PutUint32(w[4:], word)
	for n := copy(p, w[phase:phase+4]); n < len(p); n *= 2 {
		copy(p[n:], p[:n])
	}
}
