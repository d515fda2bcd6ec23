package blob

import (
	"bytes"
	"io"
	"os"

	"github.com/otavet/otavet/ota/parse"
)

// spoolMemory is the size up to which a spool stays in memory: most members of
// an update are smaller, and 8 workers at this size stay below 32 MiB.
const spoolMemory = 4 << 20

// Spool drains r, which must give exactly size bytes, so that its bytes can be
// read at random. Up to 4 MiB stay in memory; more goes to a file in dir (""
// means the system's folder for temporary files) whose name is removed at once
// where the system allows it. Close frees it.
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
	f, err := os.CreateTemp(dir, "otavet-spool-*")
	if err != nil {
		return nil, err
	}
	s := &Spooled{f: f}
	// A file without a name needs no clean-up, even after a crash. Windows
	// refuses to remove an open file; there Close does it.
	if os.Remove(f.Name()) != nil {
		s.name = f.Name()
	}
	n, err := io.Copy(f, io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = lengthError(size)
	}
	if err == nil {
		s.Blob, err = NewFile(f)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func lengthError(size int64) error {
	return &parse.Error{Format: "spool", Off: -1, Msg: "the data is not as long as its container says", Got: size, Kind: parse.ErrFormat}
}

// Spooled is a Blob in memory or in a temporary file.
type Spooled struct {
	Blob
	f    *os.File
	name string
}

// Close frees the file, if there is one.
func (s *Spooled) Close() error {
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	if s.name != "" {
		err = os.Remove(s.name)
	}
	return err
}
