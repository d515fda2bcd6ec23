package archive

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// fail is the one constructor of this format's errors.
func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "zip", Off: off, Msg: msg, Got: got, Kind: kind}
}

// maxEndSearch is how far from the end of the file the end record may begin:
// its own 22 bytes and the longest comment; kMaxEOCDSearch.
const maxEndSearch = lenEnd + max16

// An end is what the end of central directory record, or its zip64 form, says.
type end struct {
	off       int64 // of the end record
	dir, size int64 // of the central directory
	count     uint64
	comment   int64 // length
	// limit is where the directory must have ended: at the end record, or at
	// the zip64 one before it.
	limit int64
	// tail is the last part of the file, which was searched and, most often,
	// holds the last part of the directory too.
	tail []byte
}

// findEnd finds the end record as all of Android's readers do, from the end of
// the file backwards, and notes where they would come to different ones.
func findEnd(b blob.Blob, note func(string, ...any)) (end, error) {
	size := b.Size()
	if size < lenEnd {
		return end{}, fail(-1, parse.ErrFormat, "shorter than an end of central directory record", size)
	}
	n := min(size, maxEndSearch)
	tail, err := blob.ReadRange(b, size-n, n)
	if err != nil {
		return end{}, fmt.Errorf("zip: end of central directory: %w", err)
	}
	last, at := -1, -1 // the last signature; the last record that ends with the file
	var others []int
	sig := binary.LittleEndian.AppendUint32(nil, sigEnd)
	for hi := len(tail) - lenEnd + len(sig); hi > 0; {
		i := bytes.LastIndex(tail[:hi], sig)
		if i < 0 {
			break
		}
		hi = i + len(sig) - 1
		if last < 0 {
			last = i
		}
		if i+lenEnd+int(binary.LittleEndian.Uint16(tail[i+20:])) != len(tail) {
			continue
		}
		if at < 0 {
			at = i
		} else {
			others = append(others, i)
		}
	}
	base := size - n
	switch {
	case last < 0:
		if first, err := blob.ReadRange(b, 0, 4); err == nil && binary.LittleEndian.Uint32(first) == sigLocal {
			return end{}, fail(-1, parse.ErrFormat, "no end of central directory record: the archive is cut short", nil)
		}
		return end{}, fail(-1, parse.ErrFormat, "no end of central directory record: not a zip", nil)
	case at < 0:
		said := int64(binary.LittleEndian.Uint16(tail[last+20:]))
		have := int64(len(tail) - last - lenEnd)
		if said > have {
			return end{}, fail(base+int64(last)+20, parse.ErrFormat,
				fmt.Sprintf("the comment is said to be %d bytes longer than the file", said-have), said)
		}
		return end{}, fail(base+int64(last)+20, parse.ErrFormat,
			fmt.Sprintf("%d bytes follow the comment", have-said), said)
	}
	if at != last {
		note("the comment holds another end record signature at %#x: libziparchive and recovery's signature check refuse the archive, minzip reads that record", base+int64(last))
	}
	if len(others) > 0 {
		note("the end record at %#x stands in the comment of another one at %#x, which a reader that searches forwards takes", base+int64(at), base+int64(others[0]))
	}
	e, err := parseEnd(b, base+int64(at), tail[at:], note)
	e.tail = tail
	return e, err
}

// read gives the n bytes at off of b, of which those in the tail have been
// read. The caller has bounded n.
func (e *end) read(b blob.Blob, off, n int64) ([]byte, error) {
	tail := b.Size() - int64(len(e.tail))
	if off >= tail {
		return e.tail[off-tail:][:n], nil
	}
	have := min(n, tail-off)
	p, err := blob.ReadRange(b, off, have)
	if err != nil {
		return nil, err
	}
	return append(p, e.tail[:n-have]...), nil
}

// parseEnd reads the end record p, which stands at off, and its zip64 form.
func parseEnd(b blob.Blob, off int64, p []byte, note func(string, ...any)) (end, error) {
	c := parse.NewCursor("zip", p, off)
	c.Skip(4)
	disk, dirDisk := c.U16LE(), c.U16LE()
	onDisk, total := c.U16LE(), c.U16LE()
	dirLen, dirOff := c.U32LE(), c.U32LE()
	e := end{off: off, dir: int64(dirOff), size: int64(dirLen), count: uint64(total), comment: int64(c.U16LE()), limit: off}
	if c.Err() != nil {
		return end{}, c.Err()
	}
	if disk != dirDisk || disk != 0 && disk != max16 {
		note("the end record says that the archive is part %d of several, its directory in part %d: no reader of Android looks", disk, dirDisk)
	}
	if onDisk != total {
		note("the end record counts %d entries in this part, which minzip reads, and %d in all, which libziparchive reads", onDisk, total)
	}
	found, err := locator64(b, off)
	if err != nil {
		return end{}, err
	}
	wants := onDisk == max16 || total == max16 || dirLen == max32 || dirOff == max32
	switch {
	case wants && found >= 0:
		e, err = parseEnd64(b, e, found)
		if err != nil {
			return end{}, err
		}
		if total != max16 && uint64(total) != e.count || dirLen != max32 && int64(dirLen) != e.size || dirOff != max32 && int64(dirOff) != e.dir {
			note("the end record and the zip64 end record contradict each other: minzip reads the first, libziparchive the second")
		}
	case wants && (dirLen == max32 || dirOff == max32):
		return end{}, fail(off-lenLocator64, parse.ErrFormat, "the end record refers to a zip64 end record, and its locator is missing", nil)
	case wants:
		note("the end record counts 65535 entries without a zip64 end record: libziparchive refuses the archive since it reads zip64, older ones do not")
	case found >= 0:
		note("a zip64 end record locator stands at %#x, and nothing refers to it", off-lenLocator64)
		e.limit = off - lenLocator64
	}
	if e.comment == max16 && found < 0 {
		note("the comment is 65535 bytes long, which libziparchive takes for a sign of zip64: it refuses the archive")
	}
	// A sum of two numbers below 2^63 is compared without being formed.
	if e.size < 0 || e.dir < 0 || e.dir > e.limit || e.size > e.limit-e.dir {
		return end{}, fail(off, parse.ErrFormat, "the central directory does not end before the end record", e.dir)
	}
	return e, nil
}

// locator64 gives the offset that the zip64 locator before the end record at
// off names, or -1 if no locator stands there.
func locator64(b blob.Blob, off int64) (int64, error) {
	if off < lenLocator64 {
		return -1, nil
	}
	p, err := blob.ReadRange(b, off-lenLocator64, lenLocator64)
	if err != nil {
		return 0, fmt.Errorf("zip: zip64 locator: %w", err)
	}
	c := parse.NewCursor("zip", p, off-lenLocator64)
	if c.U32LE() != sigLocator64 {
		return -1, nil
	}
	c.Skip(4)
	// An offset of 2^63 or more comes out as one beyond any file.
	return int64(min(c.U64LE(), 1<<63-1)), nil
}

// parseEnd64 reads the zip64 end record at off into e.
func parseEnd64(b blob.Blob, e end, off int64) (end, error) {
	most := e.off - lenLocator64 - lenEnd64
	if off > most {
		return end{}, fail(e.off-lenLocator64+8, parse.ErrFormat, "the zip64 end record does not lie before its locator", off)
	}
	p, err := blob.ReadRange(b, off, lenEnd64)
	if err != nil {
		return end{}, fmt.Errorf("zip: zip64 end record: %w", err)
	}
	c := parse.NewCursor("zip", p, off)
	if sig := c.U32LE(); sig != sigEnd64 {
		return end{}, fail(off, parse.ErrFormat, "no zip64 end record where its locator points", sig)
	}
	c.Skip(8 + 2 + 2 + 4 + 4 + 8) // size, versions, disks, entries on this disk
	e.count = c.U64LE()
	dirLen, dirOff := c.U64LE(), c.U64LE()
	if err := c.Err(); err != nil {
		return end{}, err
	}
	if dirLen > uint64(off) || dirOff > uint64(off)-dirLen {
		return end{}, fail(off+48, parse.ErrFormat, "the central directory does not end before the zip64 end record", dirOff)
	}
	e.size, e.dir, e.limit = int64(dirLen), int64(dirOff), off
	return e, nil
}
