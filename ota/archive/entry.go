package archive

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/otavet/otavet/ota/parse"
)

// An Entry is one record of a zip's central directory. Offsets are absolute in
// the file, sizes are in bytes, and everything but Data and what Notes says of
// the local header is as the central directory has it.
type Entry struct {
	Name         string      // spelled with parse.Escape; parse.Unescape gives the bytes
	Index        int         // position in the central directory, from 0
	Method       uint16      // 0 stored, 8 deflated
	Flags        uint16      // general purpose bits
	CRC32        uint32      // of the uncompressed bytes
	Stored, Size int64       // compressed and uncompressed bytes; -1 where the zip64 field that tells is missing
	Header       int64       // of the local header; -1 likewise
	Data         int64       // of the member's data; -1 when no local header stands at Header
	Central      int64       // of the central record
	Mode         fs.FileMode // from the external attributes, a folder also by its trailing slash
	Modified     time.Time   // UTC: the extended timestamp, else MS-DOS time, which knows no zone; zero if it is no date
	Refused      string      // why the file system does not show the entry; "" if it does
	Notes        []string    // what other readers make of it, and what else is odd: one short sentence each
}

// refuse keeps the entry out of the file system. The first reason stands, the
// others are notes.
func (e *Entry) refuse(format string, args ...any) {
	if e.Refused == "" {
		e.Refused = sprintf(format, args...)
		return
	}
	e.note(format, args...)
}

func (e *Entry) note(format string, args ...any) {
	e.Notes = append(e.Notes, sprintf(format, args...))
}

// sprintf makes no copy of a sentence that has nothing to fill in: a hostile
// archive can have a million of them.
func sprintf(format string, args ...any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// parseCentral reads the central record at c; raw is the name's bytes. It
// fails only where the records after this one cannot be found either, as all
// readers then do.
func parseCentral(c *parse.Cursor, index int) (e Entry, raw string, err error) {
	e = Entry{Index: index, Central: c.Offset(), Data: -1}
	if sig := c.U32LE(); c.Err() == nil && sig != sigCentral {
		return e, "", fail(e.Central, parse.ErrFormat, fmt.Sprintf("no central record %d", index), sig)
	}
	madeBy := c.U16LE() >> 8
	c.Skip(2)
	e.Flags, e.Method = c.U16LE(), c.U16LE()
	dosTime, dosDate := c.U16LE(), c.U16LE()
	e.CRC32 = c.U32LE()
	stored, size := c.U32LE(), c.U32LE()
	nameLen, extraLen, commentLen := int(c.U16LE()), int(c.U16LE()), int(c.U16LE())
	c.Skip(4) // disk, internal attributes
	attr := c.U32LE()
	header := c.U32LE()
	raw = string(c.Bytes(nameLen))
	extraOff := c.Offset()
	extra := c.Bytes(extraLen)
	c.Skip(commentLen)
	if err := c.Err(); err != nil {
		return e, "", fail(e.Central, parse.ErrFormat, fmt.Sprintf("central record %d runs past the directory", index), nil)
	}
	e.Name = parse.Escape(raw)
	e.Stored, e.Size, e.Header = int64(stored), int64(size), int64(header)
	e.Mode = mode(madeBy, attr, raw)
	e.Modified = dosToTime(dosDate, dosTime)
	if stored == max32 || size == max32 || header == max32 {
		if why := zip64Central(&e, extra); why != "" {
			e.refuse("%s", why)
		}
	}
	walkExtra(extra, func(id uint16, p []byte) {
		// Flags, then the modification time in seconds since 1970.
		if id == extraTimestamp && len(p) >= 5 && p[0]&1 != 0 {
			t := parse.NewCursor("zip", p[1:], extraOff)
			e.Modified = time.Unix(int64(int32(t.U32LE())), 0).UTC()
		}
	})
	switch madeBy {
	case madeByDOS, madeByUnix:
	default:
		e.note("made on system %d: minzip refuses the archive", madeBy)
	}
	return e, raw, nil
}

// walkExtra calls f for each extra field of p and tells whether they fill p
// exactly.
func walkExtra(p []byte, f func(id uint16, data []byte)) bool {
	c := parse.NewCursor("zip", p, 0)
	for c.Len() > 0 {
		id, n := c.U16LE(), c.U16LE()
		data := c.Bytes(int(n))
		if c.Err() != nil {
			return false
		}
		f(id, data)
	}
	return true
}

// zip64Fields reads the first zip64 extra field as libziparchive's
// ParseZip64ExtendedInfoInExtraField does: the values whose 32-bit field is
// 0xffffffff, in this order, and nothing else; or all three, which some writers
// always write and which then replace every value. Only a disk number may
// follow all three. It answers what is wrong, "" if nothing is.
func zip64Fields(extra []byte, values ...*int64) (why string) {
	found := false
	walkExtra(extra, func(id uint16, p []byte) {
		if id != extraZip64 || found {
			return
		}
		found = true
		if len(p) == 8*3+4 {
			p = p[:8*3]
		}
		all := len(p) == 8*3
		c := parse.NewCursor("zip", p, 0)
		for _, v := range values {
			if !all && *v != max32 {
				continue
			}
			u := c.U64LE()
			if u >= 1<<63 {
				why = "the zip64 field holds a size or offset of 2^63 or more"
				return
			}
			*v = int64(u)
		}
		if c.Err() != nil || c.Len() > 0 && !all {
			why = "the zip64 field does not hold exactly the sizes it is needed for"
		}
	})
	if !found {
		return "a size or offset refers to a zip64 field, which is missing"
	}
	return why
}

func zip64Central(e *Entry, extra []byte) string {
	size, stored, header := e.Size, e.Stored, e.Header
	why := zip64Fields(extra, &size, &stored, &header)
	if why == "" {
		e.Size, e.Stored, e.Header = size, stored, header
		return ""
	}
	for _, v := range []*int64{&e.Size, &e.Stored, &e.Header} {
		if *v == max32 {
			*v = -1
		}
	}
	return why
}

// mode is the mode of the external attributes. A trailing slash makes a folder
// whatever they say; minzip and recovery look at nothing else.
func mode(madeBy uint16, attr uint32, raw string) fs.FileMode {
	var m fs.FileMode
	switch madeBy {
	case madeByUnix, madeByDarwin:
		u := attr >> 16
		m = fs.FileMode(u & 0o777)
		switch u & unixTypeMask {
		case unixDir:
			m |= fs.ModeDir
		case unixLink:
			m |= fs.ModeSymlink
		case unixFIFO:
			m |= fs.ModeNamedPipe
		case unixSocket:
			m |= fs.ModeSocket
		case unixBlock:
			m |= fs.ModeDevice
		case unixChar:
			m |= fs.ModeDevice | fs.ModeCharDevice
		}
		if u&unixSetuid != 0 {
			m |= fs.ModeSetuid
		}
		if u&unixSetgid != 0 {
			m |= fs.ModeSetgid
		}
		if u&unixSticky != 0 {
			m |= fs.ModeSticky
		}
	case madeByDOS, madeByNTFS, madeByVFAT:
		m = 0o666
		if attr&dosDirectory != 0 {
			m = fs.ModeDir | 0o777
		}
		if attr&dosReadOnly != 0 {
			m &^= 0o222
		}
	}
	if isDir(raw) {
		m = m&^fs.ModeType | fs.ModeDir
	}
	return m
}

func isDir(name string) bool { return name != "" && name[len(name)-1] == '/' }

// dosToTime reads the MS-DOS date and time of 4.4.6, two seconds fine.
func dosToTime(d, t uint16) time.Time {
	year, month, day := 1980+int(d>>9), time.Month(d>>5&15), int(d&31)
	hour, minute, second := int(t>>11), int(t>>5&63), int(t&31)*2
	at := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	if at.Month() != month || at.Day() != day || hour > 23 || minute > 59 {
		return time.Time{}
	}
	return at
}
