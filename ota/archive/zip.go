package archive

import (
	"fmt"
	"slices"
	"sync"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// maxDirectory bounds the central directory, which is read at once and becomes
// some ten times as much memory when it is all short names. The largest system
// images hold 10^5 files, which leaves 335 bytes for each; the directory of a
// real update is below 1 MiB.
const maxDirectory = 32 << 20

// A Zip is a zip archive as a file system. It shows for each name the member
// that the device's own reader would take, and leaves out what Entry.Refused
// says. Folders that no entry names are there all the same.
//
// Nothing follows links: a member that is a symbolic link opens as a file that
// holds the target's text, Stat says that it is a link, as Lstat does, and
// ReadLink gives the target.
//
// A Zip has no state that changes; any number of goroutines may use it.
type Zip struct {
	b       blob.Blob
	end     end
	entries []Entry
	notes   []string
	nodes   map[string]*node
	refused map[string]int // path of a refused entry whose name the file system could show
	flate   sync.Pool      // of *inflate: a decompressor's tables outweigh most members
}

// OpenZip reads the central directory of b, of each member its local header and
// data descriptor, and the beginning of what belongs to no member: for 5,000
// members less than 1 MB, in 7,500 reads where half have a descriptor.
//
// Every entry is charged to bud, and so is every folder that no entry names;
// then, in the order of the directory, the declared size of each member that
// can be read, and those that find bud exhausted are refused. So what an
// archive shows does not depend on what is read from it, or when.
//
// The error is a *parse.Error, or that of a read from b: there is no end
// record, or the directory is not where it says or not whole. What is wrong
// with single members is said by Entries.
func OpenZip(b blob.Blob, bud *parse.Budget) (*Zip, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	z := &Zip{b: b}
	var err error
	if z.end, err = findEnd(b, z.note); err != nil {
		return nil, err
	}
	raw, err := z.directory(bud)
	if err != nil {
		return nil, err
	}
	z.names(raw)
	z.attributes(raw)
	if err := z.locals(raw); err != nil {
		return nil, err
	}
	z.sizes()
	z.plant(raw, bud)
	return z, nil
}

func (z *Zip) note(format string, args ...any) {
	z.notes = append(z.notes, sprintf(format, args...))
}

// directory reads the central directory into z.entries, and answers the bytes
// of the names.
func (z *Zip) directory(bud *parse.Budget) (raw []string, err error) {
	e := z.end
	if e.size > maxDirectory {
		return nil, fail(e.dir, parse.ErrLimit, "the central directory is larger than 32 MiB", e.size)
	}
	if e.count > uint64(e.size)/lenCentral {
		return nil, fail(e.off, parse.ErrFormat, fmt.Sprintf("a directory of %d bytes cannot hold as many entries as are counted", e.size), e.count)
	}
	if err := bud.Entry("zip", int64(e.count)); err != nil {
		return nil, err
	}
	p, err := e.read(z.b, e.dir, e.size)
	z.end.tail = nil
	if err != nil {
		return nil, fmt.Errorf("zip: central directory: %w", err)
	}
	c := parse.NewCursor("zip", p, e.dir)
	z.entries = make([]Entry, 0, e.count)
	raw = make([]string, 0, e.count)
	for i := range int(e.count) {
		entry, name, err := parseCentral(c, i)
		if err != nil {
			if i == 0 {
				if err := z.prefixed(); err != nil {
					return nil, err
				}
			}
			return nil, err
		}
		z.entries = append(z.entries, entry)
		raw = append(raw, name)
	}
	if e.count == 0 {
		z.note("no entries: Android's readers refuse an empty archive")
	}
	if left := c.Len(); left > 0 {
		off, what := c.Offset(), "bytes"
		switch sig := c.U32LE(); {
		case c.Err() != nil:
		case sig == sigCentral:
			what = "bytes of further records, which Java reads and others do not,"
		case sig == sigSignature:
			what = "bytes of a digital signature"
		}
		z.note("%d %s follow the last counted record of the directory, at %#x", left, what, off)
	}
	if off := e.dir + e.size; off < e.limit {
		z.note("%d bytes at %#x stand between the directory and the end record: Java, Go and Python look for the directory that many bytes further on, or refuse the archive", e.limit-off, off)
	}
	if e.comment > 0 {
		z.note("a comment of %d bytes at %#x", e.comment, e.off+lenEnd)
	}
	return raw, nil
}

// prefixed tells the error of an archive whose directory is not where the end
// record says, but right before it: something was put in front of the whole.
// Java, Go and Python then shift all offsets; Android's readers do not, so that
// no device takes it.
func (z *Zip) prefixed() error {
	shift := z.end.limit - z.end.size - z.end.dir
	if shift <= 0 || z.end.size < lenCentral {
		return nil
	}
	p, err := blob.ReadRange(z.b, z.end.dir+shift, 4)
	if err != nil {
		return fmt.Errorf("zip: central directory: %w", err)
	}
	if parse.NewCursor("zip", p, 0).U32LE() != sigCentral {
		return nil
	}
	return fail(z.end.dir, parse.ErrFormat,
		fmt.Sprintf("prefix data: the central directory stands %d bytes further on than the end record says", shift), nil)
}

// Entries is the central directory in its order, with what is refused and with
// all that share a name. The slice and its entries are the caller's, their
// Notes are not.
func (z *Zip) Entries() []Entry { return slices.Clone(z.entries) }

// Notes are facts about the archive as a whole that no single entry has: bytes
// that belong to no member, a comment, more than one end record, and what some
// readers therefore see differently. Each is one short sentence; the order is
// that of the steps that find them, the same at each run.
func (z *Zip) Notes() []string { return slices.Clone(z.notes) }

// Directory is where the central directory lies.
func (z *Zip) Directory() (off, size int64) { return z.end.dir, z.end.size }

// EOCD is the offset of the end of central directory record, the 22-byte one
// also in a zip64 archive.
func (z *Zip) EOCD() int64 { return z.end.off }

// Comment is where the archive's comment lies, which ends with the file.
func (z *Zip) Comment() (off, size int64) { return z.end.off + lenEnd, z.end.comment }
