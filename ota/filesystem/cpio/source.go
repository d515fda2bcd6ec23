package cpio

import (
	"bufio"
	"fmt"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "cpio", Off: off, Msg: msg, Got: got, Kind: kind}
}

// A source gives bytes from the first to the last: those of the file, or what
// one of its compressed streams becomes.
type source struct {
	in    *bufio.Reader
	off   int64             // of the next byte, from the beginning
	place *io.SectionReader // the file; nil: in decodes
	start int64             // where the stream begins in the file
	what  string            // the stream's method
}

// inPlace reads b as it is. Between two headers lie the data, which are passed
// over: so that little is read ahead.
func inPlace(b blob.Blob, off int64) *source {
	s := &source{place: blob.Reader(b)}
	s.in = bufio.NewReaderSize(s.place, 1<<10)
	s.seek(off)
	return s
}

func (s *source) seek(off int64) {
	s.place.Seek(off, io.SeekStart) // fails for offsets below zero alone
	s.in.Reset(s.place)
	s.off = off
}

// fail is an error at the next byte. A byte of a stream has no offset in the file
// but the stream's.
func (s *source) fail(kind error, msg string, got any) error {
	if s.place != nil {
		return fail(s.off, kind, msg, got)
	}
	return fail(s.start, kind, fmt.Sprintf("%s, at byte %#x of what the %s stream becomes", msg, s.off, s.what), got)
}

// end makes the end of the bytes an error. Others are known already.
func (s *source) end(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return s.fail(parse.ErrFormat, "the ramdisk ends early", nil)
	}
	return err
}

// take fills p.
func (s *source) take(p []byte) error {
	n, err := io.ReadFull(s.in, p)
	s.off += int64(n)
	if err != nil {
		return s.end(err)
	}
	return nil
}

// pass passes over n bytes.
func (s *source) pass(n int64) error {
	if s.place != nil && n > int64(s.in.Buffered()) {
		if n > s.place.Size()-s.off {
			s.off = s.place.Size()
			return s.end(io.EOF)
		}
		s.seek(s.off + n)
		return nil
	}
	for n > 0 {
		k, err := s.in.Discard(int(min(n, 1<<20)))
		s.off, n = s.off+int64(k), n-int64(k)
		if err != nil {
			return s.end(err)
		}
	}
	return nil
}

// zeros passes over zeros and gives the byte behind them, which comes next, or
// io.EOF.
func (s *source) zeros() (byte, error) {
	for {
		if _, err := s.in.Peek(1); err != nil {
			return 0, err
		}
		p, _ := s.in.Peek(s.in.Buffered()) // what is there
		for i, c := range p {
			if c != 0 {
				s.in.Discard(i)
				s.off += int64(i)
				return c, nil
			}
		}
		s.in.Discard(len(p))
		s.off += int64(len(p))
	}
}
