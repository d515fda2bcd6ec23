package archive

import (
	"bytes"
	"crypto/md5" // Samsung's choice: it tells a bad download, and proves nothing
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// stop ends the walk at off, where p stands and is no header.
func (t *Tar) stop(w *tarWalk, off int64, p []byte) error {
	w.end = min(off, w.size)
	if !isZero(p) {
		// Only right here: further on it would hide a broken header.
		if found, err := w.trailer(); err != nil {
			return err
		} else if found != nil && found.off == off {
			t.note("the archive has no end: the MD5 line follows the last member")
			return nil
		}
		if len(t.entries) == 0 && off == 0 {
			return failTar(0, parse.ErrFormat, "not a tar: the first header does not have its checksum", nil)
		}
		if len(p) < lenBlock {
			return failTar(w.size, parse.ErrFormat, "the file ends within a header", nil)
		}
		return failTar(off, parse.ErrFormat, "no header stands where one must: it does not have its checksum", nil)
	}
	switch {
	case w.size == 0:
		return failTar(-1, parse.ErrFormat, "the file is empty", nil)
	case len(p) < lenBlock:
		t.note("the file ends at %#x without the two blocks of zeros that end an archive: it may be cut short", w.size)
		w.end = w.size
		return nil
	}
	w.end += lenBlock
	p, err := w.read(w.end, lenBlock)
	switch {
	case err != nil:
		return err
	case len(p) == lenBlock && isZero(p):
		w.end += lenBlock
	case len(p) == 0:
		t.note("one block of zeros ends the archive, where there must be two")
	default:
		t.note("one block of zeros ends the archive at %#x, where there must be two: GNU tar stops there, others refuse the archive", off)
	}
	if len(t.entries) == 0 {
		t.note("no members")
	}
	return nil
}

// A tarMD5 is Samsung's last line of a .tar.md5.
type tarMD5 struct {
	sum  [md5.Size]byte
	name string
	off  int64
}

// maxTrailer bounds what is searched for the MD5 line: a path of PATH_MAX, and
// Samsung's three lines before it, with room.
const maxTrailer = 8 << 10

// trailer looks for an MD5 line at the end of the file, which md5sum writes: 32
// hexadecimal digits, a space, a space or (for -b, the default on Windows) an
// asterisk, and the file's name. It ends with a line feed, on Windows with
// carriage return and line feed, or with neither.
func (w *tarWalk) trailer() (*tarMD5, error) {
	const digits = 2 * md5.Size
	n := min(w.size-w.end, maxTrailer)
	if n < digits+3 {
		return nil, nil
	}
	p, err := blob.ReadRange(w.b, w.size-n, n)
	if err != nil {
		return nil, fmt.Errorf("tar: end of the file: %w", err)
	}
	p = bytes.TrimSuffix(bytes.TrimSuffix(p, []byte("\n")), []byte("\r"))
	at := bytes.LastIndexAny(p, "\n\x00") + 1
	line := p[at:]
	if at == 0 && n < w.size-w.end || len(line) < digits+3 || line[digits] != ' ' || line[digits+1] != ' ' && line[digits+1] != '*' {
		return nil, nil
	}
	m := &tarMD5{name: parse.Escape(string(line[digits+2:])), off: w.size - n + int64(at)}
	if _, err := hex.Decode(m.sum[:], line[:digits]); err != nil {
		return nil, nil
	}
	return m, nil
}

// maxPadding bounds how far behind the end zeros are looked at. Tars are filled
// up to a multiple of 10 KiB (GNU tar's default), of 1 MiB at the most.
const maxPadding = 1 << 20

// behind looks at what follows the end of the archive.
func (t *Tar) behind(w *tarWalk) (err error) {
	if t.md5, err = w.trailer(); err != nil {
		return err
	}
	end := w.size
	if t.md5 != nil {
		end = t.md5.off
	}
	off := w.end
	for off < end && off-w.end < maxPadding {
		p, err := w.read(off, int(min(end-off, maxAhead)))
		if err != nil {
			return err
		}
		if zeros := len(p) - len(bytes.TrimLeft(p, "\x00")); zeros < len(p) {
			return t.follow(w, off+int64(zeros), end)
		}
		off += int64(len(p))
	}
	if off < end {
		t.note("%d bytes follow the end at %#x, of which the first MiB are zeros and the rest was not looked at", end-w.end, w.end)
	}
	return nil
}

// follow notes what the bytes from off to end are, which belong to no member.
func (t *Tar) follow(w *tarWalk, off, end int64) error {
	p, err := w.read(off, int(min(end-off, maxTrailer)))
	if err != nil {
		return err
	}
	if t.md5 != nil && int64(len(p)) == end-off && isText(p) {
		// Samsung's builds of later years write three lines before they make
		// that of MD5: "Show the build information", "RBS BUILD_ID:58944467" and
		// "original_tar_file_size:3368960" are those of BL_A405FNXXU4CVK1.
		t.note("the MD5 line covers %d bytes of text before it, at %#x: %s", len(p), off, clip(parse.EscapeText(string(p)), 200))
		const key = "\noriginal_tar_file_size:"
		if _, value, ok := strings.Cut("\n"+string(p), key); ok {
			value, _, _ = strings.Cut(value, "\n")
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil || n != off {
				t.note("that text says that the tar had %s bytes, and it has %d", clip(parse.EscapeText(value), 40), off)
			}
		}
		return nil
	}
	what := "data"
	switch block, err := w.read(off&^(lenBlock-1), lenBlock); {
	case err != nil:
		return err
	case isHeader(block):
		what = "begins with a tar's header, which GNU tar reads with --ignore-zeros"
	}
	t.note("%d bytes at %#x follow the end and belong to no member (%s)", end-off, off, what)
	return nil
}

func isText(p []byte) bool {
	for _, c := range p {
		if (c < ' ' || c >= 0x7f) && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// MD5 is the line at the end of a Samsung .tar.md5, if it has one: the sum that
// it says, the name of the tar, spelled with parse.Escape, and the offset of the
// line. The sum is over all bytes before that. Nothing is checked: see CheckMD5.
func (t *Tar) MD5() (sum [md5.Size]byte, name string, off int64, ok bool) {
	if t.md5 == nil {
		return sum, "", 0, false
	}
	return t.md5.sum, t.md5.name, t.md5.off, true
}

// CheckMD5 reads the file once and compares its sum with that of MD5. The error
// is a *parse.Error of kind ErrFormat where they differ or there is no such
// line, else that of the read. Anybody can make the sum: it tells whether the
// file is whole, not who made it.
func (t *Tar) CheckMD5() error {
	if t.md5 == nil {
		return failTar(-1, parse.ErrFormat, "the file has no MD5 line to be held against", nil)
	}
	h := md5.New()
	n, err := io.CopyBuffer(h, io.NewSectionReader(t.b, 0, t.md5.off), make([]byte, 256<<10))
	if err == nil && n < t.md5.off {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("tar: MD5: %w", err)
	}
	if sum := h.Sum(nil); !bytes.Equal(sum, t.md5.sum[:]) {
		return failTar(t.md5.off, parse.ErrFormat, fmt.Sprintf("the MD5 line says %x, and the bytes before it have another sum", t.md5.sum), hex.EncodeToString(sum))
	}
	return nil
}
