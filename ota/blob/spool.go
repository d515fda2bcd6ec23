package blob

import (
	"bytes"
	"io"

	"github.com/otavet/otavet/ota/parse"
)

// spoolMemory is the size up to which a spool stays in memory: most members of
// an update are smaller, and 8 workers at this size stay below 32 MiB.
const spoolMemory = 4 << 20

// Spool drains r, which must give exactly size bytes, so that its bytes can be
// read at random. Up to 4 MiB stay in memory; more goes to a Scratch in dir (""
// means the system's folder for temporary files). Close frees it.
//
// A stream that is shorter or longer than size is a *parse.Error of kind
// ErrFormat: the container lied.
func Spool(r io.Reader, size int64, dir string) (*Spooled, error) {
	if size <= spoolMemory {
		var buf bytes.Buffer
		n, err := io.Copy(&buf, io.LimitReader(r, size+1))
		if err != nil {
			return nil, err
		}
		if n != size {
			return nil, lengthError(size)
		}
		return &Spooled{Blob: Bytes(buf.Bytes())}, nil
	}
	f, err := NewScratch(dir, size)
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(io.NewOffsetWriter(f, 0), io.LimitReader(r, size))
	if err == nil && n == size {
		var one [1]byte
		if _, err = io.ReadFull(r, one[:]); err == nil {
			err = lengthError(size)
		} else if err == io.EOF {
			err = nil
		}
	} else if err == nil {
		err = lengthError(size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Spooled{f, f}, nil
}

func lengthError(size int64) error {
	return &parse.Error{Format: "spool", Off: -1, Msg: "the data is not as long as its container says", Got: size, Kind: parse.ErrFormat}
}

// Spooled is a Blob in memory or in a temporary file.
type Spooled struct {
	Blob
	f *Scratch // nil: in memory
}

// Close frees the file, if there is one.
func (s *Spooled) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}
