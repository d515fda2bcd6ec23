package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// A Method is a way of compressing. Its text is the name that its own tool has.
type Method string

// The methods that NewReader knows. The comments give the magic bytes.
const (
	XZ        Method = "xz"         // FD '7zXZ' 00
	LZMA      Method = "lzma"       // none; see Detect
	Bzip2     Method = "bzip2"      // 'BZh' and the block size
	Gzip      Method = "gzip"       // 1F 8B 08
	Zlib      Method = "zlib"       // none
	Deflate   Method = "deflate"    // none
	Zstd      Method = "zstd"       // 28 B5 2F FD
	Brotli    Method = "brotli"     // none
	LZ4       Method = "lz4"        // 04 22 4D 18
	LZ4Legacy Method = "lz4-legacy" // 02 21 4C 18
)

// The methods that Detect knows and NewReader refuses by name.
const (
	Lzip     Method = "lzip"     // 'LZIP'
	Lzop     Method = "lzop"     // 89 'LZO' 00 0D 0A 1A 0A
	Compress Method = "compress" // 1F 9D
)

// DetectSize is the number of bytes that Detect needs to tell the methods apart,
// when no skippable frame stands before them.
const DetectSize = 13

// Detect tells the method by the first bytes of a stream, of which there should
// be [DetectSize].
//
// Deflate, zlib and brotli have nothing to tell them by. Nor has lzma: its
// header is taken for one when lc, lp and pb are the usual ones (5D), the
// dictionary is 2^n or 2^n + 2^(n-1) and the size is unknown or below 256 GiB,
// as liblzma does when it guesses. Skippable frames belong to zstd and to lz4;
// head must reach beyond them.
func Detect(head []byte) (Method, bool) {
	for {
		rest, ok := skipSkippable(head)
		if !ok {
			break
		}
		head = rest
	}
	for _, m := range magics {
		if len(head) >= len(m.magic) && string(head[:len(m.magic)]) == m.magic {
			return m.method, m.method != Bzip2 || isBzip2(head)
		}
	}
	if isLZMA(head) {
		return LZMA, true
	}
	return "", false
}

var magics = []struct {
	magic  string
	method Method
}{
	{"\xfd7zXZ\x00", XZ},
	{"BZh", Bzip2},
	{"\x1f\x8b\x08", Gzip},
	{"\x28\xb5\x2f\xfd", Zstd},
	{"\x04\x22\x4d\x18", LZ4},
	{"\x02\x21\x4c\x18", LZ4Legacy},
	{"LZIP", Lzip},
	{"\x89LZO\x00\r\n\x1a\n", Lzop},
	{"\x1f\x9d", Compress},
}

// skipSkippable passes over one skippable frame, if all of it is there.
func skipSkippable(b []byte) ([]byte, bool) {
	if len(b) < 8 || !isSkippable(binary.LittleEndian.Uint32(b)) {
		return b, false
	}
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	if n > uint64(len(b)-8) {
		return b, false
	}
	return b[8+n:], true
}

// isBzip2 tells the three letters from text that begins with them: a level and
// the first byte of a block's or the end's magic number follow.
func isBzip2(b []byte) bool {
	return len(b) >= 5 && '1' <= b[3] && b[3] <= '9' && (b[4] == 0x31 || b[4] == 0x17)
}

// isLZMA tells whether b begins like a .lzma file; see Detect.
func isLZMA(b []byte) bool {
	if len(b) < lzmaHeaderSize || b[0] != 0x5d {
		return false
	}
	dict := binary.LittleEndian.Uint32(b[1:])
	size := binary.LittleEndian.Uint64(b[5:])
	// Clear the lowest set bit: a power of two leaves nothing, 2^n + 2^(n-1)
	// leaves twice that bit.
	low := dict & -dict
	usual := dict == 1<<32-1 || dict >= 1<<12 && (dict == low || dict-low == 2*low)
	return usual && (size == lzmaUnknownSize || size < 1<<38)
}

// NewReader gives the bytes that were compressed into r with method m: all
// streams of r, one after another, up to its end. It reads ahead in r.
//
// At most most bytes come out. Where there would be more, those are given and
// then a *parse.Error of kind ErrLimit. Malformed data are ErrFormat, with the
// offset in r where decoding had come to; data that end early are so too, and
// match [io.ErrUnexpectedEOF]. What this package cannot read is ErrUnsupported;
// an unknown method already here. An error of r itself is none of these and is
// passed on, wrapped.
//
// Close frees what the decoder holds; it does not close r.
func NewReader(m Method, r io.Reader, most int64) (io.ReadCloser, error) {
	open := opener(m)
	if open == nil {
		return nil, fail(m, -1, parse.ErrUnsupported, "no decoder for this method", nil, nil)
	}
	most = max(most, 0)
	in := newSource(r)
	return &reader{method: m, in: in, dec: open(in, most), left: most, most: most}, nil
}

// opener is how a method's decoder is made; nil if there is none. No decoder
// reads before it is read from.
func opener(m Method) func(in *source, most int64) io.Reader {
	switch m {
	case XZ:
		return newXZ
	case LZMA:
		return newLZMA
	case Bzip2:
		return newBzip2
	case Gzip:
		return newGzip
	case Zlib:
		return newZlib
	case Deflate:
		return newDeflate
	case Zstd:
		return newZstd
	case Brotli:
		return newBrotli
	case LZ4:
		return newLZ4
	case LZ4Legacy:
		return newLegacy
	}
	return nil
}

// A reader holds a decoder to its limit and makes its errors ours.
type reader struct {
	method Method
	in     *source
	dec    io.Reader
	left   int64 // bytes that may still come out
	most   int64
	err    error // what every later read answers
}

func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.left == 0 {
		return 0, r.full()
	}
	n, err := r.some(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err != nil {
		r.err = r.judge(err)
	}
	return n, r.err
}

// some reads at least one byte, or fails: a decoder that gives nothing again and
// again would keep io.ReadAll busy for ever. The number is bufio's.
func (r *reader) some(p []byte) (int, error) {
	for range 100 {
		if n, err := r.dec.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// full sees whether the decoder is at its end when nothing more may come out.
func (r *reader) full() error {
	var one [1]byte
	n, err := r.some(one[:])
	if n > 0 {
		msg := fmt.Sprintf("more than the %d bytes that may come out", r.most)
		r.err = fail(r.method, r.in.off, parse.ErrLimit, msg, nil, nil)
	} else {
		r.err = r.judge(err)
	}
	return r.err
}

// judge makes a decoder's error what Read's caller was promised.
func (r *reader) judge(err error) error {
	var ours *parse.Error
	switch {
	case err == io.EOF:
		return err
	case r.in.err != nil:
		return fmt.Errorf("%s: %w", r.method, r.in.err)
	case errors.As(err, &ours):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return short(r.method, r.in.off)
	}
	msg, kind := foreignKind(err)
	return fail(r.method, r.in.off, kind, msg+": "+reason(err), nil, err)
}

// reason is the text of a library's error, without the library's name before it.
func reason(err error) string {
	s := err.Error()
	for _, prefix := range []string{"bzip2 data invalid: ", "flate: ", "gzip: ", "zlib: ", "brotli: ", "lz4: ", "lzma: "} {
		s = strings.TrimPrefix(s, prefix)
	}
	return parse.EscapeText(s)
}

func (r *reader) Close() error {
	if r.err == errClosed {
		return errClosed
	}
	if c, ok := r.dec.(interface{ free() }); ok {
		c.free()
	}
	r.in.free()
	r.dec, r.err = nil, errClosed
	return nil
}

var errClosed = fmt.Errorf("codec: %w", fs.ErrClosed)

// fail is the one constructor of this package's errors. A cause, if there is
// one, is matched by errors.Is as well.
func fail(m Method, off int64, kind error, msg string, got any, cause error) error {
	e := &parse.Error{Format: string(m), Off: off, Msg: msg, Got: got, Kind: kind}
	if cause == nil {
		return e
	}
	return &causedError{e, cause}
}

// short is the error for data that end early.
func short(m Method, off int64) error {
	return fail(m, off, parse.ErrFormat, "ends within its data", nil, io.ErrUnexpectedEOF)
}

// A causedError is a *parse.Error that knows which error led to it.
type causedError struct {
	err   *parse.Error
	cause error
}

func (e *causedError) Error() string { return e.err.Error() }

// Unwrap gives both for errors.Is and errors.As.
func (e *causedError) Unwrap() []error { return []error{e.err, e.cause} }
